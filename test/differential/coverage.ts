/** What the streams brought about: how often each operation was answered with which error. */
import type { Normalised } from "./normalise.ts";
import type { Stream } from "./stream.ts";

/** Counts of answers by operation and error code. */
export class Coverage {
  readonly #counts = new Map<string, Map<string, number>>();
  events = 0;
  requests = 0;

  /** Adds what a server answered to a stream. */
  add(stream: Stream, answers: Normalised): void {
    for (const [index, step] of stream.steps.entries()) {
      const answer = answers[index];
      if (answer === undefined) continue;
      const replies = answer.answers.filter((each) => has(each, "xid"));
      this.events += answer.answers.filter((each) => has(each, "event")).length;
      for (const { answers: others } of answer.others) {
        this.events += others.filter((each) => has(each, "event")).length;
      }
      if (step.kind !== "send") {
        this.#count(
          step.kind === "connect" ? `connect ${step.hello.claim}` : step.kind,
          answer.isClosed ? "closed" : "ok",
        );
        this.requests += step.kind === "connect" ? 1 : 0;
        continue;
      }
      if (!answer.wasConnected) continue;
      for (const [at, frame] of step.frames.entries()) {
        const name = frame.kind === "request" ? frame.request.op : frame.kind;
        this.#count(name, errorOf(replies[at]));
        this.requests += 1;
      }
    }
  }

  /** One line an operation. */
  lines(): readonly string[] {
    const byName = [...this.#counts].toSorted(([a], [b]) => (a < b ? -1 : 1));
    return byName.map(([name, counts]) => {
      const each = [...counts].toSorted(([, a], [, b]) => b - a).map(([what, count]) => `${what} ${count}`);
      return `  ${name.padEnd(24)} ${each.join(", ")}`;
    });
  }

  #count(name: string, what: string): void {
    const counts = this.#counts.get(name) ?? new Map<string, number>();
    counts.set(what, (counts.get(what) ?? 0) + 1);
    this.#counts.set(name, counts);
  }
}

function has(value: unknown, key: string): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && key in value;
}

/** The reply's error; of a multi that failed, the one of its operations that is to blame. */
function errorOf(reply: unknown): string {
  if (!has(reply, "error")) return "no reply";
  if (reply["error"] !== 0) return String(reply["error"]);
  const results = has(reply, "results") && Array.isArray(reply["results"]) ? reply["results"] : [];
  const inner = results.filter((one) => has(one, "error") && ![0, -1, -2].includes(Number(one["error"])));
  const blamed: unknown = inner[0];
  return has(blamed, "error") ? `inner ${String(blamed["error"])}` : "ok";
}
