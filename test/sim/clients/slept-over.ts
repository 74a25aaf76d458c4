/**
 * What a client's replica slept over: it was surely not done, so the client asks for it again, as the SDK does, before
 * all else on the next connection of its session. Left out is what a connection begins with, and a session's end.
 */
import type { ClientRequest } from "../../../src/jute/requests.ts";
import { SLEPT_OVER } from "../history/types.ts";
import type { OpenOperation, Recorder } from "./recorder.ts";
import type { Asked } from "./session-connection.ts";

type Done = Asked["done"];

const NOT_AGAIN: ReadonlySet<ClientRequest["op"]> = new Set(["closeSession", "setWatches", "setWatches2"]);

/** See the file's comment. */
export class SleptOver {
  readonly #recorder: Recorder;
  readonly #waiting: { readonly operation: OpenOperation; readonly done: Done }[] = [];

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  /** What is to be asked for again. */
  get count(): number {
    return this.#waiting.length;
  }

  /** A replica has slept over these. */
  take(asked: readonly Asked[]): void {
    for (const { operation, done } of asked) {
      if (operation === undefined) continue;
      this.#recorder.giveUp(operation, SLEPT_OVER);
      if (NOT_AGAIN.has(operation.request.op)) done?.(operation);
      else this.#waiting.push({ operation, done });
    }
  }

  /** The session is connected again. */
  again(ask: (request: ClientRequest, done: Done) => void): void {
    for (const { operation, done } of this.#waiting.splice(0)) ask(operation.request, done);
  }

  /** The session is over: those who asked learn that it was not done. */
  giveUp(): void {
    for (const { operation, done } of this.#waiting.splice(0)) done?.(operation);
  }
}
