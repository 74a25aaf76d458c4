/** What one replica shows at the end, against what clients were told. */
import { NO_SESSION, sessionText, type SessionId } from "../../src/base/ids.ts";
import { equalZxid, zxidText } from "../../src/base/zxid.ts";
import type { Action, FinalZnode, History, Operation, Outcome, ReplicaView } from "./history.ts";
import { type Violation, violation } from "./violation.ts";

type Create = Operation & { readonly action: Extract<Action, { kind: "create" }> };
type Sequential = Operation & { readonly action: Extract<Action, { kind: "sequential" }> };
type Multi = Operation & { readonly action: Extract<Action, { kind: "multi" }> };
type SetVersion = Operation & { readonly action: Extract<Action, { kind: "set" }> };

/** Whether a write took place, as far as its client can know. */
type Fate = "happened" | "did not happen" | "unknown";

/** Judges the tree of one replica. */
export function checkZnodes(history: History, view: ReplicaView): readonly Violation[] {
  const judge = new Judge(history, view);
  for (const operation of history.operations) judge.operation(operation);
  judge.counters();
  judge.strangers();
  return judge.violations;
}

/** What an outcome says about a write. */
function fateOf(outcome: Outcome): Fate {
  switch (outcome.kind) {
    case "ok":
      return outcome.answer.kind === "refused" ? "did not happen" : "happened";
    case "error":
    case "unsent":
      return "did not happen";
    case "unknown":
      return "unknown";
    default: {
      const none: never = outcome;
      return none;
    }
  }
}

class Judge {
  readonly violations: Violation[] = [];
  readonly #view: ReplicaView;
  readonly #deletes = new Map<string, Operation>();
  readonly #expired: ReadonlySet<SessionId>;
  readonly #sets = new Map<string, SetVersion[]>();
  /** Paths that an operation of the history names. */
  readonly #explained = new Set<string>();
  /** Children of a sequential create's parent, by its own prefix. */
  readonly #byPrefix = new Map<string, string[]>();

  constructor(history: History, view: ReplicaView) {
    this.#view = view;
    this.#expired = new Set(
      history.sessions.filter(({ expiry }) => expiry !== undefined).map(({ session }) => session),
    );
    for (const operation of history.operations) {
      const { action } = operation;
      if (action.kind === "delete") this.#deletes.set(action.path, operation);
      if (action.kind !== "set") continue;
      const sets = this.#sets.get(action.path);
      const set = { ...operation, action };
      if (sets === undefined) this.#sets.set(action.path, [set]);
      else sets.push(set);
    }
    for (const path of view.znodes.keys()) {
      const prefix = path.slice(0, -10);
      if (!/^-?\d{10}$/.test(path.slice(-10))) continue;
      const paths = this.#byPrefix.get(prefix);
      if (paths === undefined) this.#byPrefix.set(prefix, [path]);
      else paths.push(path);
    }
  }

  operation(operation: Operation): void {
    const { action } = operation;
    switch (action.kind) {
      case "create":
        return this.#create({ ...operation, action });
      case "sequential":
        return this.#sequential({ ...operation, action });
      case "multi":
        return this.#multi({ ...operation, action });
      case "delete":
      case "set":
      case "read":
        return undefined;
      default: {
        const none: never = action;
        return none;
      }
    }
  }

  /** A counter's version is the number of sets that took place, and its value is its version. */
  counters(): void {
    for (const [path, sets] of this.#sets) {
      const znode = this.#view.znodes.get(path);
      // That an acknowledged counter is missing is told by its create.
      if (znode === undefined) continue;
      const settled = sets.filter(({ outcome }) => fateOf(outcome) === "happened");
      const floor = Math.max(0, ...settled.map(({ action }) => action.version));
      if (znode.version < floor) {
        this.#report(
          "an acknowledged set stays",
          `version ${znode.version}, but ${floor} was acknowledged`,
          path,
        );
      }
      if (znode.data !== String(znode.version)) {
        this.#report("a counter is its version", `data ${znode.data} at version ${znode.version}`, path);
      }
      const possible = sets.filter(({ outcome }) => fateOf(outcome) !== "did not happen");
      const versions = new Set(possible.map(({ action }) => action.version));
      for (let version = 1; version <= znode.version; version++) {
        if (versions.has(version)) continue;
        this.#report(
          "a version counts the sets",
          `version ${version} was made by no set that could have`,
          path,
        );
      }
      for (const { action, outcome } of settled) {
        if (outcome.kind !== "ok" || outcome.answer.kind !== "version") continue;
        if (outcome.answer.version === action.version) continue;
        const told = `told version ${outcome.answer.version} by the set of ${action.version}`;
        this.#report("a version counts the sets", told, path);
      }
    }
  }

  /** Nothing is there that nobody asked for. */
  strangers(): void {
    for (const path of this.#view.znodes.keys()) {
      if (!this.#explained.has(path)) this.#report("no znode is a stranger", "nobody created it", path);
    }
  }

  #create(operation: Create): void {
    const { action, outcome, session } = operation;
    const { path } = action;
    this.#explained.add(path);
    const znode = this.#view.znodes.get(path);
    if (znode === undefined) return this.#mustBeGone(operation, path);
    if (fateOf(outcome) === "did not happen") {
      this.#report("what was refused did not happen", "it exists", path);
    }
    this.#mustMatch(operation, path, znode);
    const owner = action.ephemeral ? session : NO_SESSION;
    if (znode.ephemeralOwner !== owner) {
      const told = `owner ${sessionText(znode.ephemeralOwner)}, created by ${sessionText(owner)}`;
      this.#report("an ephemeral has its owner", told, path);
    }
    if (action.ephemeral && this.#expired.has(session)) {
      this.#report("an ephemeral goes with its session", `${sessionText(session)} has expired`, path);
    }
  }

  /** The znode of a create is not there: somebody must have been allowed to remove it. */
  #mustBeGone({ outcome, session, action }: Create | Sequential | Multi, path: string): void {
    if (fateOf(outcome) !== "happened") return;
    const removal = this.#deletes.get(path);
    if (removal !== undefined && fateOf(removal.outcome) !== "did not happen") return;
    if (action.kind === "create" && action.ephemeral && this.#expired.has(session)) return;
    this.#report("an acknowledged create stays", "it is missing", path);
  }

  /** The znode of a create is there: nobody was told that it is gone, and it is what was created. */
  #mustMatch({ outcome, action }: Create | Sequential | Multi, path: string, znode: FinalZnode): void {
    const removal = this.#deletes.get(path);
    if (removal !== undefined && fateOf(removal.outcome) === "happened") {
      this.#report("an acknowledged delete stays", "it exists", path);
    }
    if (!this.#sets.has(path) && znode.data !== action.data) {
      this.#report("data are as written", `"${znode.data}" instead of "${action.data}"`, path);
    }
    if (outcome.kind !== "ok") return;
    const czxid = outcome.answer.kind === "created" ? outcome.answer.czxid : outcome.zxid;
    if (!equalZxid(czxid, znode.czxid)) {
      const told = `created at ${zxidText(znode.czxid)}, acknowledged as ${zxidText(czxid)}`;
      this.#report("a znode keeps its czxid", told, path);
    }
  }

  #sequential(operation: Sequential): void {
    const { action, outcome } = operation;
    const prefix = `${action.parent}/${action.prefix}`;
    const found = this.#byPrefix.get(prefix) ?? [];
    for (const path of found) this.#explained.add(path);
    if (found.length > 1) {
      this.#report("one create makes one znode", `${found.length}: ${found.join(" ")}`, prefix);
    }
    if (outcome.kind === "ok" && outcome.answer.kind === "created") {
      const { path } = outcome.answer;
      if (!path.startsWith(prefix))
        this.#report("a reply is to its request", `${path} for ${prefix}`, prefix);
      const znode = this.#view.znodes.get(path);
      if (znode === undefined) this.#mustBeGone(operation, path);
      else this.#mustMatch(operation, path, znode);
      return;
    }
    if (found.length > 0 && fateOf(outcome) === "did not happen") {
      this.#report("what was refused did not happen", found.join(" "), prefix);
    }
  }

  #multi(operation: Multi): void {
    const { action, outcome } = operation;
    for (const path of action.paths) this.#explained.add(path);
    const found = action.paths.flatMap((path) => {
      const znode = this.#view.znodes.get(path);
      return znode === undefined ? [] : [{ path, znode }];
    });
    const first = found[0];
    if (first === undefined) {
      for (const path of action.paths) this.#mustBeGone(operation, path);
      return;
    }
    if (found.length < action.paths.length) {
      const told = `${found.length} of ${action.paths.length} exist`;
      this.#report("a multi is whole or absent", told, first.path);
    }
    if (fateOf(outcome) === "did not happen" || action.fails) {
      this.#report("what was refused did not happen", "a refused multi left a znode", first.path);
    }
    for (const { path, znode } of found) {
      this.#mustMatch(operation, path, znode);
      if (!equalZxid(znode.czxid, first.znode.czxid)) {
        this.#report(
          "a multi has one zxid",
          `${zxidText(znode.czxid)} and ${zxidText(first.znode.czxid)}`,
          path,
        );
      }
    }
  }

  #report(rule: string, what: string, path: string): void {
    this.violations.push(violation(rule, `${this.#view.name}: ${what}`, path));
  }
}
