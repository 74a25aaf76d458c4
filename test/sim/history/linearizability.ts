/**
 * Decides whether a history of operations on one object is linearizable: whether each can be given a moment between its
 * start and its end so that, one after another in the order of these moments, all answer as they did. Source: Herlihy
 * and Wing, "Linearizability: A Correctness Condition for Concurrent Objects" (1990); the search is Wing and Gong's
 * (1993) with the memory of configurations that Lowe added ("Testing for linearizability", 2017).
 *
 * A configuration is the set of operations that have had their moment, and the state they led to. Two things keep the
 * search short. An answered read that may come next can come next without loss, as nothing is made impossible by it.
 * And operations whose outcome nobody knows are tried last: they are needed only where something answered cannot be
 * explained without them.
 */

/** The object, one operation at a time. States are values: `step` changes none. */
export interface SequentialModel<State, Op> {
  readonly initial: State;
  /**
   * The states that the operation, with the answer it got, may lead to; none where it cannot come here. Of an operation
   * whose outcome is unknown, those that it leads to if it takes place.
   */
  step(state: State, operation: Op): readonly State[];
  /** Whether it changes no state, whatever it is: not merely none that it already fits. */
  isRead(operation: Op): boolean;
  /** The same for equal states alone. */
  keyOf(state: State): string;
}

/** An operation and the stretch of time that it took: `endMs` is Infinity where its outcome is unknown. */
export interface TimedOperation<Op> {
  readonly operation: Op;
  readonly startMs: number;
  readonly endMs: number;
}

/** What came of the search. */
export type LinearizabilityVerdict<Op> =
  | { readonly kind: "linearizable" }
  /** `order` is a longest one that works, and `stuck` what then cannot come before it has ended. */
  | { readonly kind: "not linearizable"; readonly order: readonly Op[]; readonly stuck: Op }
  /** So many configurations were seen without an end: nothing is known. */
  | { readonly kind: "undecided"; readonly configurations: number };

/** Configurations looked at before the search gives up: some seconds. */
const CONFIGURATIONS_MAX = 200_000;

interface Configuration<State> {
  readonly state: State;
  /** The model's key of the state. */
  readonly stateKey: string;
  /** Answered operations, by end: all before this one have had their moment. */
  readonly next: number;
  /** Behind `next`, those that have had it all the same: ascending. */
  readonly ahead: readonly number[];
  /** Of the unknown ones, by start, those that have had it: ascending. */
  readonly unknowns: readonly number[];
  readonly last: { readonly op: number; readonly isUnknown: boolean } | undefined;
  readonly before: Configuration<State> | undefined;
  readonly length: number;
}

/** Operations that touch at a moment are taken as concurrent. */
export function checkLinearizable<State, Op>(
  model: SequentialModel<State, Op>,
  operations: readonly TimedOperation<Op>[],
  configurationsMax: number = CONFIGURATIONS_MAX,
): LinearizabilityVerdict<Op> {
  const search = new Search(model, operations);
  const stack: Configuration<State>[] = [search.first];
  const seen = new Set<string>();
  let longest = search.first;
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    if (search.isDone(at)) return { kind: "linearizable" };
    if (at.length > longest.length) longest = at;
    const key = search.keyOf(at);
    if (seen.has(key)) continue;
    seen.add(key);
    if (seen.size > configurationsMax) return { kind: "undecided", configurations: seen.size };
    // The last one pushed is looked at first.
    for (const following of search.following(at).toReversed()) stack.push(following);
  }
  return { kind: "not linearizable", ...search.tell(longest) };
}

class Search<State, Op> {
  readonly first: Configuration<State>;
  readonly #model: SequentialModel<State, Op>;
  /** By end. */
  readonly #answered: readonly TimedOperation<Op>[];
  /** By start. */
  readonly #unknown: readonly TimedOperation<Op>[];
  /** For each answered one those that had started, and not ended, at its end; itself included. */
  readonly #pending: readonly (readonly number[])[];

  constructor(model: SequentialModel<State, Op>, operations: readonly TimedOperation<Op>[]) {
    this.#model = model;
    const answered = operations.filter(({ endMs }) => endMs !== Infinity);
    this.#answered = answered.toSorted((a, b) => a.endMs - b.endMs || a.startMs - b.startMs);
    this.#unknown = operations
      .filter(({ endMs }) => endMs === Infinity)
      .toSorted((a, b) => a.startMs - b.startMs);
    this.#pending = pendingAtEnds(this.#answered);
    this.first = {
      state: model.initial,
      stateKey: model.keyOf(model.initial),
      next: 0,
      ahead: [],
      unknowns: [],
      last: undefined,
      before: undefined,
      length: 0,
    };
  }

  /** Whether all that was answered is explained; what is unknown may never have been done. */
  isDone({ next }: Configuration<State>): boolean {
    return next === this.#answered.length;
  }

  keyOf({ stateKey, next, ahead, unknowns }: Configuration<State>): string {
    return `${next}|${ahead.join()}|${unknowns.join()}|${stateKey}`;
  }

  /** Every configuration that is one operation further, those to be tried first in front. */
  following(at: Configuration<State>): readonly Configuration<State>[] {
    const nextOne = this.#answered[at.next];
    const found: Configuration<State>[] = [];
    if (nextOne === undefined) return found;
    for (const op of this.#pending[at.next] ?? []) {
      const one = this.#answered[op];
      if (one === undefined || at.ahead.includes(op)) continue;
      const isRead = this.#model.isRead(one.operation);
      for (const state of this.#model.step(at.state, one.operation)) {
        const further = this.#withAnswered(at, op, state);
        if (isRead && further.stateKey === at.stateKey) return [further];
        found.push(further);
      }
    }
    for (const [op, one] of this.#unknown.entries()) {
      if (one.startMs > nextOne.endMs) break;
      if (at.unknowns.includes(op)) continue;
      for (const state of this.#model.step(at.state, one.operation)) {
        const stateKey = this.#keyBehind(at, state);
        // One that changes nothing explains nothing.
        if (stateKey === at.stateKey) continue;
        const unknowns = inserted(at.unknowns, op);
        const last = { op, isUnknown: true };
        found.push({ ...at, state, stateKey, unknowns, last, before: at, length: at.length + 1 });
      }
    }
    return found;
  }

  /** For people: the order that led to the configuration, and the first that must come and cannot. */
  tell(at: Configuration<State>): { readonly order: readonly Op[]; readonly stuck: Op } {
    const order: Op[] = [];
    for (let one: Configuration<State> | undefined = at; one !== undefined; one = one.before) {
      if (one.last === undefined) continue;
      const found = (one.last.isUnknown ? this.#unknown : this.#answered)[one.last.op];
      if (found !== undefined) order.push(found.operation);
    }
    const stuck = this.#answered[at.next];
    if (stuck === undefined) throw new Error("a search that is stuck has an operation left");
    return { order: order.toReversed(), stuck: stuck.operation };
  }

  /** A step that changes nothing gives the state that it was given. */
  #keyBehind(at: Configuration<State>, state: State): string {
    return state === at.state ? at.stateKey : this.#model.keyOf(state);
  }

  #withAnswered(at: Configuration<State>, op: number, state: State): Configuration<State> {
    const stateKey = this.#keyBehind(at, state);
    const common = { state, stateKey, unknowns: at.unknowns, before: at, length: at.length + 1 };
    const last = { op, isUnknown: false };
    if (op !== at.next) return { ...common, last, next: at.next, ahead: inserted(at.ahead, op) };
    let next = op + 1;
    let taken = 0;
    for (; at.ahead[taken] === next; taken++) next++;
    return { ...common, last, next, ahead: at.ahead.slice(taken) };
  }
}

/** One that has not started when another ends comes after it, and so after all that is pending then. */
function pendingAtEnds<Op>(byEnd: readonly TimedOperation<Op>[]): readonly (readonly number[])[] {
  const byStart = [...byEnd.keys()].toSorted((a, b) => startOf(byEnd, a) - startOf(byEnd, b));
  let pending: number[] = [];
  let started = 0;
  return byEnd.map(({ endMs }, op) => {
    for (let one = byStart[started]; one !== undefined; one = byStart[started]) {
      if (startOf(byEnd, one) > endMs) break;
      pending.push(one);
      started++;
    }
    pending = pending.filter((one) => one >= op);
    return pending.toSorted((a, b) => a - b);
  });
}

function startOf<Op>(operations: readonly TimedOperation<Op>[], index: number): number {
  return operations[index]?.startMs ?? 0;
}

function inserted(sorted: readonly number[], value: number): readonly number[] {
  const at = sorted.findIndex((one) => one > value);
  return at < 0 ? [...sorted, value] : [...sorted.slice(0, at), value, ...sorted.slice(at)];
}
