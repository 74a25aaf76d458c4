/**
 * Registers: a few znodes that all workers create, set, read and delete, one at a time. Writes, and reads right behind
 * a sync, must be linearizable; reads alone may be old, but never older than what their session has seen.
 */
import type { Response } from "../../../src/base/request.ts";
import type { Operation } from "../history/types.ts";
import type { SessionClient } from "./session-client.ts";
import { createOf, FLAGS, type WorkContext, type Workload } from "./workload.ts";

const ANY_VERSION = -1;

/** See the file's comment. */
export class RegisterWork implements Workload {
  readonly #context: WorkContext;
  /** The version that each register had when it was last read or set here. */
  readonly #versions = new Map<string, number>();

  constructor(context: WorkContext) {
    this.#context = context;
  }

  act(session: SessionClient): void {
    const { rng } = this.#context;
    const path = this.#context.register();
    const chance = rng.below(100);
    if (chance < 18) this.#set(session, path, ANY_VERSION);
    else if (chance < 29) this.#set(session, path, this.#versions.get(path) ?? ANY_VERSION);
    else if (chance < 41) this.#create(session, path);
    else if (chance < 47) this.#delete(session, path);
    else if (chance < 70) session.ask({ op: "getData", path, watch: false }, this.#learn(path));
    else if (chance < 86) this.#readNewest(session, path);
    else session.ask({ op: "exists", path, watch: false }, this.#learn(path));
  }

  #set(session: SessionClient, path: string, version: number): void {
    session.ask({ op: "setData", path, data: this.#context.data(), version }, this.#learn(path));
  }

  #create(session: SessionClient, path: string): void {
    const request = createOf(path, this.#context.data(), FLAGS.persistent);
    const isWithStat = this.#context.rng.below(2) === 0;
    session.ask(isWithStat ? { ...request, op: "create2" } : request, this.#learn(path));
  }

  #delete(session: SessionClient, path: string): void {
    const isAny = this.#context.rng.below(2) === 0;
    const version = isAny ? ANY_VERSION : (this.#versions.get(path) ?? ANY_VERSION);
    session.ask({ op: "delete", path, version });
  }

  #readNewest(session: SessionClient, path: string): void {
    session.together(() => {
      session.ask({ op: "sync", path });
      session.ask({ op: "getData", path, watch: false }, this.#learn(path));
    });
  }

  #learn(path: string): (operation: Operation) => void {
    return ({ outcome }) => {
      const version = outcome.kind === "answered" ? versionOf(outcome.response) : undefined;
      if (version !== undefined) this.#versions.set(path, version);
    };
  }
}

function versionOf(response: Response | undefined): number | undefined {
  const isAbout = response?.op === "stat" || response?.op === "getData" || response?.op === "create2";
  return isAbout ? response.stat.version : undefined;
}
