/** Makes a stream that differs as small as it can: fewer slots, steps, requests, operations. */
import type { Frame, Step, Stream } from "./stream.ts";

/** Whether the servers still differ on the stream. */
export type Differs = (stream: Stream) => Promise<boolean>;

/** How long a search may take. */
export interface ShrinkBounds {
  readonly attemptsMax: number;
  /** Asked before each try. */
  readonly isLate: () => boolean;
}

/** The smallest stream found within the bounds; the given one differs. */
export async function shrink(stream: Stream, differs: Differs, bounds: ShrinkBounds): Promise<Stream> {
  const search = new Search(stream, differs, bounds);
  for (let before = Number.POSITIVE_INFINITY; sizeOf(search.best) < before;) {
    before = sizeOf(search.best);
    await search.dropSlots();
    await search.dropSteps();
    await search.dropFrames();
    await search.dropOperations();
  }
  return search.best;
}

/** Steps, requests and operations in all: what shrinking makes fewer. */
export function sizeOf(stream: Stream): number {
  return stream.steps.reduce(
    (sum, step) => sum + 1 + (step.kind === "send" ? sum0(step.frames.map(frameSize)) : 0),
    0,
  );
}

function frameSize(frame: Frame): number {
  return (
    1 + (frame.kind === "request" && "operations" in frame.request ? frame.request.operations.length : 0)
  );
}

function sum0(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

class Search {
  best: Stream;
  readonly #differs: Differs;
  readonly #isLate: () => boolean;
  #left: number;

  constructor(stream: Stream, differs: Differs, { attemptsMax, isLate }: ShrinkBounds) {
    this.best = stream;
    this.#differs = differs;
    this.#left = attemptsMax;
    this.#isLate = isLate;
  }

  async dropSlots(): Promise<void> {
    for (let slot = 0; slot < this.best.slots; slot++) {
      await this.#try(this.best.steps.filter((step) => step.slot !== slot));
    }
  }

  /** Runs of steps, from half of all down to single ones. */
  async dropSteps(): Promise<void> {
    for (let length = Math.ceil(this.best.steps.length / 2); length >= 1; length = Math.floor(length / 2)) {
      let from = Math.max(0, this.best.steps.length - length);
      for (; from >= 0 && this.#left > 0; from -= length) {
        const { steps } = this.best;
        await this.#try([...steps.slice(0, from), ...steps.slice(from + length)]);
        if (from > 0 && from < length) from = length;
      }
    }
  }

  async dropFrames(): Promise<void> {
    for (let index = this.best.steps.length - 1; index >= 0; index--) {
      for (let at = 0; ;) {
        const step = this.best.steps[index];
        if (step?.kind !== "send" || step.frames.length < 2 || at >= step.frames.length) break;
        const frames = step.frames.filter((_, position) => position !== at);
        if (!(await this.#try(this.#with(index, { ...step, frames })))) at++;
      }
    }
  }

  async dropOperations(): Promise<void> {
    for (let index = this.best.steps.length - 1; index >= 0; index--) {
      for (let at = 0; ;) {
        const smaller = withoutOperation(this.best.steps[index], at);
        if (smaller === undefined) break;
        if (!(await this.#try(this.#with(index, smaller)))) at++;
      }
    }
  }

  #with(index: number, step: Step): readonly Step[] {
    return this.best.steps.map((one, position) => (position === index ? step : one));
  }

  async #try(steps: readonly Step[]): Promise<boolean> {
    if (this.#left === 0 || this.#isLate() || steps.length === 0) return false;
    const candidate = { ...this.best, steps };
    if (sizeOf(candidate) >= sizeOf(this.best)) return false;
    this.#left--;
    const differs = await this.#differs(candidate);
    if (differs) this.best = candidate;
    return differs;
  }
}

/** The step whose only frame is a multi or multiRead, without one of its operations. */
function withoutOperation(step: Step | undefined, at: number): Step | undefined {
  if (step?.kind !== "send") return undefined;
  const [frame] = step.frames;
  if (frame?.kind !== "request" || step.frames.length !== 1) return undefined;
  const { request } = frame;
  if (request.op !== "multi" && request.op !== "multiRead") return undefined;
  if (at >= request.operations.length) return undefined;
  const fewer =
    request.op === "multi"
      ? { op: request.op, operations: request.operations.filter((_, position) => position !== at) }
      : { op: request.op, operations: request.operations.filter((_, position) => position !== at) };
  return { ...step, frames: [{ ...frame, request: fewer }] };
}
