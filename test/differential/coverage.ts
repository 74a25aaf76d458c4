/**
 * What the streams brought about at the real server: how often each operation, alone and in a multi, was answered with
 * which error, which znodes came to be, which watches were set and told, which schemes let in or kept out, and so on.
 */
import type { Acl } from "../../src/base/acl.ts";
import type { Normalised } from "./normalise.ts";
import type { Frame, Step, Stream } from "./stream.ts";

/** Counts by section, name and outcome. */
export class Coverage {
  readonly #sections = new Map<string, Map<string, Map<string, number>>>();
  events = 0;
  requests = 0;

  /** Adds what a server answered to a stream. */
  add(stream: Stream, answers: Normalised): void {
    for (const [index, step] of stream.steps.entries()) {
      const answer = answers[index];
      if (answer === undefined) continue;
      const replies = answer.answers.filter((each) => has(each, "xid"));
      this.#addEvents(answer.answers);
      for (const { answers: others } of answer.others) this.#addEvents(others);
      if (step.kind !== "send") {
        this.#count("connections", connectionText(step), answer.isClosed ? "closed" : "ok");
        this.requests += step.kind === "connect" ? 1 : 0;
        continue;
      }
      if (!answer.wasConnected) continue;
      for (const [at, frame] of step.frames.entries()) this.#addFrame(frame, replies[at]);
      this.requests += step.frames.length;
    }
  }

  /** How often that was seen. */
  count(section: string, name: string, outcome: string): number {
    return this.#sections.get(section)?.get(name)?.get(outcome) ?? 0;
  }

  /** A table of all of it. */
  lines(): readonly string[] {
    return [...this.#sections].flatMap(([section, names]) => [
      `${section}:`,
      ...[...names]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, counts]) => {
          const each = [...counts].toSorted(([, a], [, b]) => b - a);
          return `  ${name.padEnd(24)} ${each.map(([what, count]) => `${what} ${count}`).join(", ")}`;
        }),
    ]);
  }

  #addEvents(answers: readonly unknown[]): void {
    for (const answer of answers) {
      if (!has(answer, "event")) continue;
      this.events += 1;
      this.#count("watches", "told", EVENT_NAMES[Number(answer["event"])] ?? "another event");
    }
  }

  #addFrame(frame: Frame, reply: unknown): void {
    if (frame.kind !== "request") {
      const section = frame.kind === "login" ? "logins" : "bad frames";
      this.#count(section, frame.kind === "login" ? "sasl" : frame.kind, outcomeOf(reply));
      return;
    }
    const { request } = frame;
    const outcome = outcomeOf(reply);
    this.#count("operations", request.op, outcome);
    if (request.op === "auth") this.#count("logins", request.scheme ?? "null", outcome);
    if ("operations" in request) this.#addResults(request.op, request.operations, reply);
    else this.#addEffects(request, outcome);
    for (const kind of watchesSet(request, outcome)) this.#count("watches", kind, "set");
  }

  /** Of a multi that failed only the operation that is to blame; of the others nobody knows. */
  #addResults(op: string, operations: readonly Operation[], reply: unknown): void {
    const results = resultsOf(reply);
    const isFailed = op === "multi" && results.some((result) => (errorOf(result) ?? 0) !== 0);
    for (const [index, operation] of operations.entries()) {
      const error = errorOf(results[index]);
      if (error === undefined || (isFailed && (error === 0 || error === -2))) continue;
      const outcome = error === 0 ? "ok" : String(error);
      this.#count(`in a ${op}`, operation.op, outcome);
      if (op === "multi") this.#addEffects(operation, outcome);
    }
  }

  #addEffects(operation: Operation, outcome: string): void {
    const { op, flags, acl } = operation;
    if (outcome === "ok" && flags !== undefined) {
      const kind = op === "createContainer" || op === "createTTL" ? flags : (PLAIN_KINDS[flags] ?? flags);
      this.#count("znodes", ZNODE_KINDS[kind] ?? "another", "made");
    }
    if (acl === undefined || (outcome !== "ok" && outcome !== "-114")) return;
    const schemes = new Set(acl.map(({ scheme }) => scheme));
    if (schemes.size > 1 && outcome === "-114") return;
    for (const scheme of schemes) {
      this.#count("ACL schemes", scheme === "" ? "none" : scheme, outcome === "ok" ? "taken" : "refused");
    }
  }

  #count(section: string, name: string, what: string): void {
    const names = this.#sections.get(section) ?? new Map<string, Map<string, number>>();
    const counts = names.get(name) ?? new Map<string, number>();
    counts.set(what, (counts.get(what) ?? 0) + 1);
    names.set(name, counts);
    this.#sections.set(section, names);
  }
}

/** What of a request, or of one in a multi, has effects that are counted. */
interface Operation {
  readonly op: string;
  readonly path?: string | undefined;
  readonly flags?: number;
  readonly acl?: readonly Acl[];
  readonly watch?: boolean;
  readonly mode?: number;
}

const EVENT_NAMES: Readonly<Record<number, string>> = {
  1: "created",
  2: "deleted",
  3: "data changed",
  4: "children changed",
};

const ZNODE_KINDS: Readonly<Record<number, string>> = {
  0: "persistent",
  1: "ephemeral",
  2: "persistent sequential",
  3: "ephemeral sequential",
  4: "container",
  5: "TTL",
  6: "TTL sequential",
};

/** What create makes of flags that are not its own. */
const PLAIN_KINDS: Readonly<Record<number, number>> = { 0: 0, 1: 1, 2: 2, 3: 3 };

/** The kinds of watches that a request set. */
function watchesSet(request: Operation, outcome: string): readonly string[] {
  const { op, watch, mode } = request;
  if (op === "addWatch" && outcome === "ok") return [mode === 0 ? "persistent" : "persistent recursive"];
  if (watch !== true) return [];
  if (op === "exists" && outcome === "-101") return ["exist"];
  if (outcome !== "ok") return [];
  if (op === "getData" || op === "exists") return ["data"];
  return op.startsWith("getChildren") ? ["child"] : [];
}

function connectionText(step: Exclude<Step, { readonly kind: "send" }>): string {
  if (step.kind !== "connect") return step.kind;
  return `connect ${step.hello.claim}${step.isTakeover ? " beside the open one" : ""}`;
}

function has(value: unknown, key: string): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && key in value;
}

function resultsOf(reply: unknown): readonly unknown[] {
  return has(reply, "results") && Array.isArray(reply["results"]) ? reply["results"] : [];
}

/** A result's error, which of an operation that failed stands in its body; undefined of what is no result. */
function errorOf(result: unknown): number | undefined {
  if (!has(result, "type") || has(result, "done")) return undefined;
  if (result["type"] !== -1) return 0;
  const inner = result["result"];
  return has(inner, "code") ? Number(inner["code"]) : Number(result["error"]);
}

/** The reply's error; of a multi that failed, the one of its operations that is to blame. */
function outcomeOf(reply: unknown): string {
  if (!has(reply, "error")) return "no reply";
  if (reply["error"] !== 0) return String(reply["error"]);
  const inner = resultsOf(reply).map(errorOf);
  const blamed = inner.find((error) => error !== undefined && ![0, -1, -2].includes(error));
  return blamed === undefined ? "ok" : `inner ${blamed}`;
}
