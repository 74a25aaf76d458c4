/** Plays streams to both servers, each time under a root znode that nobody had before. */
import { compare, type Difference } from "./compare.ts";
import { normalise, type Normalised } from "./normalise.ts";
import { play, ROOT_PREFIX } from "./player.ts";
import type { Played } from "./report.ts";
import { shrink, type ShrinkBounds } from "./shrink.ts";
import type { Stream } from "./stream.ts";
import type { Target, Targets } from "./targets.ts";

/** A stream, what both said, and where they part. */
export interface Comparison extends Played {
  readonly difference: Difference | undefined;
}

/** Both servers, and the number of streams played to them. */
export class Session {
  readonly #targets: Targets;
  #played: number;

  /** `played`: how many streams others have played to these servers, at least. */
  constructor(targets: Targets, played = 0) {
    this.#targets = targets;
    this.#played = played;
  }

  /** Plays the stream to both at the same time. */
  async play(stream: Stream): Promise<Comparison> {
    // Of the same length every time: bytes that are cut off or changed are then the same.
    const root = `${ROOT_PREFIX}${String(++this.#played).padStart(6, "0")}`;
    const { zookeeper, edgekeeper } = this.#targets;
    const [expected, actual] = await Promise.all([
      answers(stream, zookeeper, root),
      answers(stream, edgekeeper, root),
    ]);
    return { stream, expected, actual, difference: compare(expected, actual) };
  }

  /** A small stream on which they differ; the given one where it differs no more. */
  async smallest(stream: Stream, bounds: ShrinkBounds): Promise<Comparison> {
    const differs = async (candidate: Stream): Promise<boolean> =>
      (await this.play(candidate)).difference !== undefined;
    const cut = await this.#upToDifference(stream);
    return await this.play(await shrink(cut, differs, bounds));
  }

  async #upToDifference(stream: Stream): Promise<Stream> {
    const { difference } = await this.play(stream);
    if (difference === undefined) return stream;
    const shorter = { ...stream, steps: stream.steps.slice(0, difference.step + 1) };
    return (await this.play(shorter)).difference === undefined ? stream : shorter;
  }
}

async function answers(stream: Stream, target: Target, root: string): Promise<Normalised> {
  try {
    return normalise(stream, await play(stream, target.doors, root));
  } catch (error) {
    throw new Error(`${target.name}, seed ${stream.seed}, root ${root}`, { cause: error });
  }
}
