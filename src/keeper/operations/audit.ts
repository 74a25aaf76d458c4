/**
 * The audit log: who changed what, from where, and whether it was done. A line for each change, at the replica that
 * answers the client, with ZooKeeper's fields in ZooKeeper's order, set apart by tabs.
 * Source: ZooKeeper AuditHelper, AuditEvent, ZKAuditProvider.
 */
import { type Acl, type Identity, PERMS } from "../../base/acl.ts";
import { assertNever } from "../../base/assert.ts";
import { type SessionId, sessionText } from "../../base/ids.ts";
import type { MultiOperation, TransactOperation, WriteRequest } from "../../base/request.ts";
import { SCOPE_SCHEME } from "../../base/scope-identity.ts";
import type { Outcome } from "../../base/txn.ts";

/** Who asked. */
export interface Actor {
  readonly session: SessionId | undefined;
  readonly identities: readonly Identity[];
  /** The address, without its port. */
  readonly host: string;
  /** What it was all for, where that has a name of its own. */
  readonly operation?: string | undefined;
}

/** What was done, or not. */
interface Deed {
  readonly operation: string;
  readonly znode?: string | undefined;
  readonly znodeType?: string | undefined;
  readonly acl?: string | undefined;
  readonly isDone: boolean;
}

/** ZooKeeper's names of CreateMode, by the wire's flags. */
const CREATE_MODES = [
  "persistent",
  "ephemeral",
  "persistent_sequential",
  "ephemeral_sequential",
  "container",
  "persistent_with_ttl",
  "persistent_sequential_with_ttl",
] as const;

/** The lines that a client's write leaves: none for what changes nothing. */
export function auditLines(actor: Actor, request: WriteRequest, outcome: Outcome): readonly string[] {
  if (request.op === "closeSession" && actor.operation !== undefined) {
    return [lineOf(actor, { operation: actor.operation, isDone: outcome.kind !== "error" })];
  }
  return deedsOf(request, outcome).map((deed) => lineOf(actor, deed));
}

/** The lines that the end of a session leaves, once for the ensemble: it has nobody who asked. */
export function ephemeralAuditLines(session: SessionId, paths: readonly string[]): readonly string[] {
  const operation = "ephemeralZNodeDeletionOnSessionCloseOrExpire";
  return paths.map((znode) => text({ session: sessionText(session), operation, znode, result: "success" }));
}

function lineOf({ session, identities, host, operation }: Actor, deed: Deed): string {
  return text({
    session: sessionText(session ?? 0n),
    user: identities.flatMap(userOf).join(","),
    ip: host,
    operation: operation ?? deed.operation,
    znode: deed.znode,
    znode_type: deed.znodeType,
    acl: deed.acl,
    result: deed.isDone ? "success" : "failure",
  });
}

/** What a client sent may hold anything: what would end a field or a line is shown by its number. */
function text(fields: Readonly<Record<string, string | undefined>>): string {
  const told = Object.entries(fields).filter(([, value]) => value !== undefined);
  return told.map(([name, value]) => `${name}=${visible(value ?? "")}`).join("\t");
}

function visible(value: string): string {
  return Array.from(value, (character) => {
    const code = character.codePointAt(0) ?? 0;
    const isControl = code < 0x20 || (code >= 0x7f && code < 0xa0) || code === 0x2028 || code === 0x2029;
    return isControl ? `\\u${code.toString(16).padStart(4, "0")}` : character;
  }).join("");
}

/** A digest login's user, not its hash; that somebody may do everything is nobody's name. */
function userOf({ scheme, id }: Identity): readonly string[] {
  if (scheme === "super" || scheme === SCOPE_SCHEME) return [];
  return [scheme === "digest" ? id.replace(/:.*$/s, "") : id];
}

function deedsOf(request: WriteRequest, outcome: Outcome): readonly Deed[] {
  const isDone = outcome.kind !== "error";
  switch (request.op) {
    case "multi":
    case "transact":
      return outcome.kind === "multi" ? deedsOfMulti(request.operations, outcome.outcomes) : [failedMulti()];
    case "setACL":
      return [{ operation: "setAcl", znode: request.path, acl: aclText(request.acl), isDone }];
    case "reconfig":
      return [{ operation: "reconfig", isDone }];
    case "deleteContainer":
      return [{ operation: "delete", znode: request.path, isDone }];
    case "create":
    case "create2":
    case "createContainer":
    case "createTTL":
    case "delete":
    case "setData":
      return [deedOf(request, outcome)].filter((deed) => deed !== undefined);
    case "check":
    case "sync":
    case "createSession":
    case "closeSession":
      return [];
    default:
      return assertNever(request);
  }
}

/** One line for each change, or one for a multi of which nothing was done. */
function deedsOfMulti(
  operations: readonly AuditedOperation[],
  outcomes: readonly Outcome[],
): readonly Deed[] {
  if (outcomes.some(({ kind }) => kind === "error")) return [failedMulti()];
  const deeds = operations.map((operation, at) => {
    const outcome = outcomes[at];
    return outcome === undefined ? undefined : deedOf(operation, outcome);
  });
  return deeds.filter((deed) => deed !== undefined);
}

function failedMulti(): Deed {
  return { operation: "multiOperation", isDone: false };
}

type AuditedOperation = MultiOperation | TransactOperation;

function deedOf(operation: AuditedOperation, outcome: Outcome): Deed | undefined {
  const isDone = outcome.kind !== "error";
  switch (operation.op) {
    case "create":
    case "create2":
    case "createContainer":
    case "createTTL": {
      const znode = outcome.kind === "created" ? outcome.path : operation.path;
      return { operation: "create", znode, znodeType: CREATE_MODES[operation.flags], isDone };
    }
    case "delete":
    case "setData":
      return { operation: operation.op, znode: operation.path, isDone };
    case "add":
    case "put":
      return outcome.kind === "created"
        ? { operation: "create", znode: outcome.path, znodeType: CREATE_MODES[0], isDone }
        : { operation: "setData", znode: operation.path, isDone };
    case "ensure":
      if (outcome.kind !== "created") return undefined;
      return { operation: "create", znode: outcome.path, znodeType: CREATE_MODES[0], isDone };
    case "check":
    case "unsupported":
      return undefined;
    default:
      return assertNever(operation);
  }
}

/** As ZooKeeper writes a list: `world:anyone:cdrwa`, one behind the other. */
function aclText(acl: readonly Acl[]): string {
  const letters = [
    ["c", PERMS.create],
    ["d", PERMS.delete],
    ["r", PERMS.read],
    ["w", PERMS.write],
    ["a", PERMS.admin],
  ] as const;
  return acl
    .map(({ scheme, id, perms }) => {
      const allowed = letters.filter(([, bit]) => (perms & bit) !== 0).map(([letter]) => letter);
      return `${scheme}:${id}:${allowed.join("")}`;
    })
    .join("");
}
