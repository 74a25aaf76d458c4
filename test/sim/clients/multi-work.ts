/**
 * Multis: pairs of znodes that are only ever set both at once, to the same marker, sometimes with a third znode created
 * or deleted beside them, and some that are meant to fail. Whoever reads a pair in one request sees it whole.
 */
import type { MultiOperation } from "../../../src/base/request.ts";
import type { Operation } from "../history/types.ts";
import { Violation } from "../verdict.ts";
import type { SessionClient } from "./session-client.ts";
import { createOf, numbered, PLACES, Recent, textOf, type WorkContext, type Workload } from "./workload.ts";

const ANY_VERSION = -1;
/** No znode gets so far. */
const NO_VERSION = 1_000_000;
const EXTRAS_MAX = 8;

/** The two znodes of a pair. */
export function pairAt(index: number): readonly [string, string] {
  const path = numbered(PLACES.pairs, index);
  return [`${path}a`, `${path}b`];
}

/** See the file's comment. */
export class MultiWork implements Workload {
  readonly #context: WorkContext;
  readonly #versions = new Map<string, number>();
  /** Paths of third znodes that were created here. */
  readonly #extras = new Recent<string>(EXTRAS_MAX);

  constructor(context: WorkContext) {
    this.#context = context;
  }

  act(session: SessionClient): void {
    const { rng, plan } = this.#context;
    const [a, b] = pairAt(rng.below(plan.pairs));
    const chance = rng.below(100);
    if (chance < 40) return this.#read(session, a, b);
    const marker = this.#context.marker();
    const data = this.#context.dataOf(marker);
    const setA: MultiOperation = { op: "setData", path: a, data, version: ANY_VERSION };
    const setB: MultiOperation = { op: "setData", path: b, data, version: ANY_VERSION };
    if (chance < 56) return this.#ask(session, [setA, setB]);
    if (chance < 68) return this.#ask(session, [this.#check(a), setA, setB]);
    if (chance < 76) return this.#ask(session, [setA, { ...setB, version: NO_VERSION }]);
    if (chance < 80) return this.#ask(session, [setA, setB, createOf(a, data)]);
    if (chance < 94) return this.#create(session, [setA, createOf(`${PLACES.pairs}/${marker}`, data), setB]);
    const extra = this.#extras.take(0);
    const removal: MultiOperation[] =
      extra === undefined ? [] : [{ op: "delete", path: extra, version: ANY_VERSION }];
    return this.#ask(session, [setA, ...removal, setB]);
  }

  #check(path: string): MultiOperation {
    return { op: "check", path, version: this.#versions.get(path) ?? 0 };
  }

  #ask(session: SessionClient, operations: readonly MultiOperation[]): void {
    session.ask({ op: "multi", operations });
  }

  #create(session: SessionClient, operations: readonly MultiOperation[]): void {
    session.ask({ op: "multi", operations }, ({ outcome }) => {
      const { response } = outcome.kind === "answered" ? outcome : { response: undefined };
      if (response?.op !== "multi") return;
      for (const result of response.results) if (result.op === "create") this.#extras.add(result.path);
    });
  }

  #read(session: SessionClient, a: string, b: string): void {
    const operations = [a, b].map((path) => ({ op: "getData", path, watch: false }) as const);
    session.ask({ op: "multiRead", operations }, (operation) => this.#onPair(operation, a));
  }

  #onPair({ outcome, client, connection }: Operation, a: string): void {
    const { response } = outcome.kind === "answered" ? outcome : { response: undefined };
    if (response?.op !== "multi") return;
    const [first, second] = response.results;
    const isRead = first?.op === "getData" && second?.op === "getData";
    const texts = isRead ? [textOf(first.data), textOf(second.data)] : [];
    if (!isRead || texts[0] !== texts[1] || first.stat.version !== second.stat.version) {
      const told = isRead ? texts.map((text) => text.slice(0, 20)).join(" and ") : "not both";
      throw new Violation(
        "a multi is whole or absent",
        `${client} on ${connection} reads ${told} of the pair at ${a}`,
      );
    }
    this.#versions.set(a, first.stat.version);
  }
}
