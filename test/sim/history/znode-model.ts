/** One znode as a linearizable object: what operations on it may answer, one after another. */
import type { NodeData } from "../../../src/base/request.ts";
import type { SessionId } from "../../../src/base/ids.ts";
import type { Stat } from "../../../src/base/stat.ts";
import { equalZxid, type Zxid, zxidText } from "../../../src/base/zxid.ts";
import type { SequentialModel } from "./linearizability.ts";
import type { Operation } from "./types.ts";

/** What a step was answered: undefined where nobody knows. */
export interface StepAnswer {
  readonly error: number;
  readonly stat: Stat | undefined;
  /** Of getData; undefined where the answer holds no data. */
  readonly data: string | undefined;
}

/** What one operation does to one znode, or asks of it. */
export type Step = {
  readonly answer: StepAnswer | undefined;
} & (
  | { readonly kind: "create"; readonly data: string; readonly owner: SessionId }
  | { readonly kind: "setData"; readonly data: string; readonly version: number }
  | { readonly kind: "delete" | "check"; readonly version: number }
  | { readonly kind: "read" }
  /** A session ends, and with it the znode where it is its ephemeral. */
  | { readonly kind: "end"; readonly session: SessionId }
  /** The service removes the znode that was created then. */
  | { readonly kind: "sweep"; readonly czxid: Zxid }
);

/** All that one operation does to one znode: several steps in a multi. */
export interface ZnodeOperation {
  /** For people: the operation of the history; undefined for a session's end by the leader. */
  readonly of: Operation | undefined;
  readonly zxid: Zxid | undefined;
  readonly steps: readonly Step[];
  /** A multi that failed: its steps see each other, and none stays. */
  readonly isRolledBack: boolean;
}

/** Undefined where there is no znode. A zxid is undefined where the write that made it was never answered. */
export type ZnodeState =
  | {
      readonly data: string;
      readonly version: number;
      readonly owner: SessionId;
      readonly czxid: Zxid | undefined;
      readonly mzxid: Zxid | undefined;
    }
  | undefined;

const NO_NODE = -101;
const BAD_VERSION = -103;
const NODE_EXISTS = -110;
const NOT_EMPTY = -111;

/** A znode that does not exist at first. */
export const ZNODE_MODEL: SequentialModel<ZnodeState, ZnodeOperation> = {
  initial: undefined,
  step(state, { zxid, steps, isRolledBack }) {
    let at: { readonly state: ZnodeState } | undefined = { state };
    for (const step of steps) {
      at = after(at.state, step, zxid);
      if (at === undefined) return [];
    }
    return [isRolledBack ? state : at.state];
  },
  isRead({ steps, isRolledBack }) {
    return (
      isRolledBack ||
      steps.every(({ kind, answer }) => {
        return kind === "read" || kind === "check" || (answer !== undefined && answer.error !== 0);
      })
    );
  },
  keyOf(state) {
    if (state === undefined) return "";
    const { data, version, owner, czxid, mzxid } = state;
    const zxids = [czxid, mzxid].map((zxid) => (zxid === undefined ? "?" : zxidText(zxid)));
    return `${version} ${owner} ${zxids.join(" ")} ${data}`;
  },
};

/** A text for a znode's data that is the same for the same bytes alone. */
export function dataText(data: NodeData): string {
  return data === null ? "null" : `=${Buffer.from(data).toString("latin1")}`;
}

/** The state behind a step, undefined where it cannot come here. */
function after(
  state: ZnodeState,
  step: Step,
  zxid: Zxid | undefined,
): { readonly state: ZnodeState } | undefined {
  const { answer } = step;
  if (answer === undefined) return effect(state, step, zxid);
  switch (answer.error) {
    case 0: {
      const done = effect(state, step, zxid);
      return done === undefined ? undefined : shown(done.state, answer);
    }
    case NO_NODE:
      return state === undefined ? { state } : undefined;
    case BAD_VERSION: {
      const isOther = "version" in step && step.version !== -1 && state?.version !== step.version;
      return state !== undefined && isOther ? { state } : undefined;
    }
    case NODE_EXISTS:
    case NOT_EMPTY:
      return state === undefined ? undefined : { state };
    default:
      return { state };
  }
}

function effect(
  state: ZnodeState,
  step: Step,
  zxid: Zxid | undefined,
): { readonly state: ZnodeState } | undefined {
  switch (step.kind) {
    case "create": {
      if (state !== undefined) return undefined;
      const { data, owner } = step;
      return { state: { data, owner, version: 0, czxid: zxid, mzxid: zxid } };
    }
    case "setData": {
      if (state === undefined || !isVersion(state.version, step.version)) return undefined;
      return { state: { ...state, data: step.data, version: state.version + 1, mzxid: zxid } };
    }
    case "delete":
      return state === undefined || !isVersion(state.version, step.version)
        ? undefined
        : { state: undefined };
    case "check":
      return state === undefined || !isVersion(state.version, step.version) ? undefined : { state };
    case "read":
      return state === undefined ? undefined : { state };
    case "end":
      return { state: state?.owner === step.session ? undefined : state };
    case "sweep": {
      if (state === undefined) return undefined;
      const isIt = state.czxid === undefined || equalZxid(state.czxid, step.czxid);
      return isIt ? { state: undefined } : undefined;
    }
    default:
      return step satisfies never;
  }
}

function isVersion(version: number, expected: number): boolean {
  return expected === -1 || expected === version;
}

/** Holds what the answer shows against the state; zxids that nobody was told are known from then on. */
function shown(state: ZnodeState, { stat, data }: StepAnswer): { readonly state: ZnodeState } | undefined {
  if (stat === undefined || state === undefined) return { state };
  if (stat.version !== state.version || stat.ephemeralOwner !== state.owner) return undefined;
  if (data !== undefined && data !== state.data) return undefined;
  if (state.czxid !== undefined && !equalZxid(state.czxid, stat.czxid)) return undefined;
  if (state.mzxid !== undefined && !equalZxid(state.mzxid, stat.mzxid)) return undefined;
  if (state.czxid !== undefined && state.mzxid !== undefined) return { state };
  return { state: { ...state, czxid: stat.czxid, mzxid: stat.mzxid } };
}
