/**
 * Webhooks: who is told of changes by requests. Each is a znode with what it wants to hear, and below it another one
 * with how far it was told: so both survive whatever replicas do. Only the super user, and the service itself, may read
 * or change them, as the secret that deliveries are signed with is among it.
 */
import type { Acl } from "../base/acl.ts";
import type { NodeData } from "../base/request.ts";
import type { WatchedPart } from "./event-filter.ts";

/** The parent of all of them; it is there once the first was made. */
export const HOOKS_PATH = "/zookeeper/webhooks";

/** A list that gives nobody anything: the super user needs no line. */
export const HOOKS_ACL: readonly Acl[] = [{ perms: 0, scheme: "world", id: "anyone" }];

/** What a webhook wants to hear, and where. */
export interface HookRecord {
  readonly url: string;
  readonly path: string;
  readonly part: WatchedPart;
  /** `whsec_` and base64: what its deliveries are signed with. */
  readonly secret: string;
  /** In milliseconds of Unix time. */
  readonly createdMs: number;
}

/** How far it was told. */
export interface HookState {
  /** The id of the last event that its receiver has taken, or need not hear: events behind it are to be told. */
  readonly position: string;
  /** Deliveries that failed since the last that did not. */
  readonly failures: number;
  /** Why the last one failed; "" where it did not. */
  readonly error: string;
  /** When something was delivered last, in milliseconds of Unix time; 0 for never. */
  readonly deliveredMs: number;
  /** Why nothing is delivered any more; "" where it is. */
  readonly disabled: string;
}

/** Where the webhook is kept. */
export function hookPathOf(name: string): string {
  return `${HOOKS_PATH}/${name}`;
}

/** Where it is kept how far it was told. */
export function hookStatePathOf(name: string): string {
  return `${HOOKS_PATH}/${name}/state`;
}

/** Whether a webhook may be named so. */
export function isHookName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name);
}

/** The bytes of either. */
export function writeHook(value: HookRecord | HookState): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** Reads a record; undefined where the super user has written something else there. */
export function readHookRecord(data: NodeData): HookRecord | undefined {
  const value = parsed(data);
  const isRecord = ["url", "path", "part", "secret"].every((field) => typeof value?.[field] === "string");
  return isRecord ? (value as unknown as HookRecord) : undefined;
}

/** Reads a state; undefined as above. */
export function readHookState(data: NodeData): HookState | undefined {
  const value = parsed(data);
  return typeof value?.["position"] === "string" && typeof value["disabled"] === "string"
    ? (value as unknown as HookState)
    : undefined;
}

function parsed(data: NodeData): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(data ?? new Uint8Array()));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch (error) {
    // It is no record of ours: nothing is told to it.
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}
