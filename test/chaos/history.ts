/** What clients did under faults, and what they were told: the material that the checker judges. */
import { sessionText, type SessionId } from "../../src/base/ids.ts";
import { type Zxid, zxidText } from "../../src/base/zxid.ts";

/** What a client set out to do. Names are tried once: no path is created by two operations. */
export type Action =
  | { readonly kind: "create"; readonly path: string; readonly data: string; readonly ephemeral: boolean }
  /** `prefix` is this operation's own, so that its znode is found whatever number it was given. */
  | { readonly kind: "sequential"; readonly parent: string; readonly prefix: string; readonly data: string }
  /** A counter: only its owner sets it, to the version that it will have, and only from the version before. */
  | { readonly kind: "set"; readonly path: string; readonly version: number }
  | { readonly kind: "delete"; readonly path: string }
  /** Creates all the paths, or none; `fails` where one more operation makes it fail on purpose. */
  | {
      readonly kind: "multi";
      readonly paths: readonly string[];
      readonly data: string;
      readonly fails: boolean;
    }
  /** Reads a counter; `synced` where a sync stood before it. */
  | { readonly kind: "read"; readonly path: string; readonly synced: boolean };

/** What the reply held. */
export type Answer =
  | { readonly kind: "created"; readonly path: string; readonly czxid: Zxid }
  | { readonly kind: "version"; readonly version: number }
  | { readonly kind: "value"; readonly data: string; readonly version: number }
  /** A multi that was meant to fail did so. */
  | { readonly kind: "refused" }
  | { readonly kind: "done" };

/** How an operation ended. */
export type Outcome =
  | { readonly kind: "ok"; readonly zxid: Zxid; readonly answer: Answer }
  | { readonly kind: "error"; readonly zxid: Zxid; readonly code: number }
  | { readonly kind: "unknown"; readonly reason: string }
  | { readonly kind: "unsent"; readonly reason: string };

/** An operation with its outcome; times in ms of one clock, from before it was sent until after its reply. */
export interface Operation {
  readonly client: number;
  readonly session: SessionId;
  readonly startMs: number;
  readonly endMs: number;
  readonly action: Action;
  readonly outcome: Outcome;
}

/** A session's life, as its client saw it. */
export interface SessionRecord {
  readonly client: number;
  readonly session: SessionId;
  readonly timeoutMs: number;
  /** How often it connected. */
  readonly connects: number;
  /** Set where a server said that it had expired. */
  readonly expiry: { readonly atMs: number; readonly lastContactMs: number } | undefined;
}

/** Everything that happened in a run. */
export interface History {
  /** All paths of the run lie below it. */
  readonly root: string;
  readonly operations: readonly Operation[];
  readonly sessions: readonly SessionRecord[];
  /** What clients saw servers do that none may, as they saw it. */
  readonly faults: readonly string[];
}

/** A znode as a replica shows it at the end. */
export interface FinalZnode {
  readonly data: string;
  readonly czxid: Zxid;
  readonly version: number;
  readonly ephemeralOwner: SessionId;
}

/** All znodes below the root of the run, by path, as one replica shows them at the end. */
export interface ReplicaView {
  readonly name: string;
  readonly znodes: ReadonlyMap<string, FinalZnode>;
}

/** Whether the operation changes the tree. */
export function isWrite(action: Action): boolean {
  return action.kind !== "read";
}

/** The paths that an operation may have changed or read; a sequential create's once it is known. */
export function pathsOf({ action, outcome }: Operation): readonly string[] {
  if (action.kind === "multi") return action.paths;
  if (action.kind !== "sequential") return [action.path];
  return outcome.kind === "ok" && outcome.answer.kind === "created" ? [outcome.answer.path] : [];
}

/** One line for people. */
export function operationText(operation: Operation): string {
  const { client, session, startMs, endMs, action, outcome } = operation;
  const times = `${startMs.toFixed(1)}-${endMs.toFixed(1)} ms`;
  const { kind, ...asked } = action;
  const who = `client ${client} ${sessionText(session)} ${times}`;
  return `${who}: ${kind} ${JSON.stringify(asked)} -> ${outcomeText(outcome)}`;
}

function outcomeText(outcome: Outcome): string {
  switch (outcome.kind) {
    case "ok":
      return `ok at ${zxidText(outcome.zxid)} ${JSON.stringify(outcome.answer)}`;
    case "error":
      return `error ${outcome.code} at ${zxidText(outcome.zxid)}`;
    case "unknown":
    case "unsent":
      return `${outcome.kind} (${outcome.reason})`;
    default: {
      const none: never = outcome;
      return String(none);
    }
  }
}
