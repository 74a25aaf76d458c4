/** HTTP mode by itself: what it asks again, for how long, and when it believes a lease to be lost. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { must } from "../../src/base/assert.ts";
import type { Fetch, HttpResponse } from "../../src/client/http/caller.ts";
import { EventLines } from "../../src/client/http/event-lines.ts";
import { http, type HttpClient } from "../../src/client/http/http-client.ts";
import { ManualRuntime } from "./manual-runtime.ts";

interface Asked {
  readonly atMs: number;
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: unknown;
}

type Answer =
  | { readonly status: number; readonly document?: object; readonly headers?: Record<string, string> }
  /** The connection is lost after so long. */
  | { readonly lostAfterMs: number }
  | "never";

/** An ensemble that answers as it is told to, in turn; the last answer is given for ever. */
class Script {
  readonly runtime = new ManualRuntime();
  readonly asked: Asked[] = [];
  readonly keeper: HttpClient;
  readonly #answers: Answer[];

  constructor(answers: readonly Answer[], retryMs?: number) {
    this.#answers = [...answers];
    const fetch: Fetch = (url, init) => this.#answer(url, init);
    const { runtime } = this;
    this.keeper = http("https://host/apps", {
      fetch,
      runtime,
      token: "secret",
      ...(retryMs === undefined ? {} : { retryMs }),
    });
  }

  async #answer(url: string, init: Parameters<Fetch>[1]): Promise<HttpResponse> {
    const { method, headers, body, signal } = init;
    const path = url.replace("https://host", "");
    const sent: unknown = typeof body === "string" ? JSON.parse(body) : body;
    this.asked.push({ atMs: this.runtime.nowMs(), method, path, headers, body: sent });
    const answer =
      this.#answers.length > 1 ? must(this.#answers.shift(), "an answer") : must(this.#answers[0], "one");
    return await new Promise<HttpResponse>((resolve, reject) => {
      signal.addEventListener("abort", () => reject(new Error("aborted")), { once: true });
      if (answer === "never") return;
      if ("lostAfterMs" in answer) {
        this.runtime.startTimer(answer.lostAfterMs, () => reject(new TypeError("reset")));
        return;
      }
      const { status, document, headers: own = {} } = answer;
      const text = async (): Promise<string> =>
        await Promise.resolve(document === undefined ? "" : JSON.stringify(document));
      resolve({ status, headers: { get: (name) => own[name] ?? null }, body: null, text });
    });
  }
}

function problem(status: number, code: string, headers: Record<string, string> = {}): Answer {
  return { status, document: { status, code, detail: "told" }, headers };
}

function lease(heldForMs: number): Answer {
  const token = "00000000000000000007";
  return { status: 200, document: { lock: "/locks/a", lease: "secret", token, heldForMs } };
}

/** What became of a promise. */
function outcomeOf<T>(promise: Promise<T>): { value?: T; error?: unknown } {
  const outcome: { value?: T; error?: unknown } = {};
  promise.then(
    (value) => (outcome.value = value),
    (error: unknown) => (outcome.error = error),
  );
  return outcome;
}

describe("HTTP mode", () => {
  it("asks again with the same key, and for as much less time as has passed", async () => {
    const script = new Script([
      { lostAfterMs: 3000 },
      problem(503, "no-quorum", { "retry-after": "2" }),
      lease(30_000),
    ]);
    const outcome = outcomeOf(script.keeper.lock("a", { waitMs: 10_000 }));
    await script.runtime.pass(8000);

    expect(outcome.value?.path).toBe("/locks/a");
    expect(script.asked).toHaveLength(3);
    const [first, second, third] = script.asked;
    expect(first).toMatchObject({
      path: "/apps/v1/locks/a/acquire",
      headers: { authorization: "Bearer secret" },
    });
    expect(new Set(script.asked.map(({ headers }) => headers["idempotency-key"])).size).toBe(1);
    const waits = script.asked.map(({ atMs, body }) => [atMs, (body as { waitMs: number }).waitMs] as const);
    for (const [atMs, waitMs] of waits) expect(waitMs).toBe(Math.max(0, 10_000 - atMs));
    expect((third?.atMs ?? 0) - (second?.atMs ?? 0)).toBeGreaterThanOrEqual(2000);
    await script.runtime.pass(0);
    outcome.value?.signal.throwIfAborted();
  });

  it("gives up after its time, with the error of the last attempt, and at once where it is told to", async () => {
    const patient = new Script([problem(503, "no-quorum")], 5000);
    const outcome = outcomeOf(patient.keeper.get("/a"));
    await patient.runtime.pass(6000);
    expect(outcome.error).toMatchObject({ code: "unavailable", path: "/a", isRetryable: true });
    expect(must(patient.asked.at(-1), "an attempt").atMs).toBeLessThanOrEqual(5000);
    expect(patient.asked.length).toBeGreaterThan(3);

    const giving = new AbortController();
    const aborted = new Script([problem(503, "busy")]);
    const given = outcomeOf(aborted.keeper.get("/a", { signal: giving.signal }));
    await aborted.runtime.pass(50);
    giving.abort("enough");
    await aborted.runtime.pass(0);
    expect(given.error).toBe("enough");
  });

  it("never waits for ever for an answer, and says that what it asked for may be done", async () => {
    const script = new Script(["never"], 0);
    const outcome = outcomeOf(script.keeper.put("/a", "1"));
    await script.runtime.pass(21_000);
    expect(outcome.error).toMatchObject({ code: "CONNECTIONLOSS", mayBeDone: true });
  });

  it("asks for nothing older than it has seen", async () => {
    const zxid = "00000000000000000042";
    const document = { path: "/a", stat: {} };
    const script = new Script([{ status: 204, document, headers: { zxid } }]);
    const outcome = outcomeOf(script.keeper.delete("/a"));
    await script.runtime.pass(0);
    expect([outcome.error, script.keeper.zxid]).toEqual([undefined, zxid]);
    script.keeper.delete("/a").catch(() => {});
    await script.runtime.pass(0);
    expect(script.asked.map(({ headers }) => headers["min-zxid"])).toEqual([undefined, zxid]);
  });

  it("renews a lease after each third of its time, counted from when it asked", async () => {
    const script = new Script([lease(9000)]);
    const outcome = outcomeOf(script.keeper.lock("a", { ttlMs: 9000 }));
    await script.runtime.pass(10_000);
    expect(script.asked.map(({ atMs, path }) => [atMs, path.split("/").at(-1)])).toEqual([
      [0, "acquire"],
      [3000, "renew"],
      [6000, "renew"],
      [9000, "renew"],
    ]);
    expect(outcome.value?.signal.aborted).toBe(false);
    expect(outcome.value?.remainingMs).toBe(8000);
  });

  it("takes a lease for lost when its time is over, whatever it is waiting for, and when it is told so", async () => {
    const silent = new Script([lease(9000), "never"]);
    const outcome = outcomeOf(silent.keeper.lock("a", { ttlMs: 9000 }));
    await silent.runtime.pass(8999);
    const held = must(outcome.value, "a lease");
    expect(held.signal.aborted).toBe(false);
    await silent.runtime.pass(1);
    expect(held.signal.reason).toMatchObject({ code: "lease-over" });
    expect(held.remainingMs).toBe(0);

    const over = new Script([lease(9000), problem(410, "lease-over")]);
    const told = outcomeOf(over.keeper.lock("a", { ttlMs: 9000 }));
    await over.runtime.pass(3000);
    expect(must(told.value, "a lease").signal.aborted).toBe(true);
    const count = over.asked.length;
    await over.runtime.pass(60_000);
    expect(over.asked).toHaveLength(count);
  });

  it("asks for nothing more once a lease is released, and its signal does not fire", async () => {
    const script = new Script([lease(9000), { status: 204 }]);
    const outcome = outcomeOf(script.keeper.lock("a"));
    await script.runtime.pass(0);
    const held = must(outcome.value, "a lease");
    const released = outcomeOf(held.release());
    await script.runtime.pass(60_000);
    expect([released.error, script.asked.length, held.signal.aborted]).toEqual([undefined, 2, false]);
  });

  it("does not take a page of a proxy for an answer", async () => {
    const page = new Script([{ status: 200, document: ["a page"] }], 0);
    const outcome = outcomeOf(page.keeper.get("/a"));
    await page.runtime.pass(0);
    expect(outcome.error).toMatchObject({ code: "bad-answer" });
  });
});

describe("server-sent events", () => {
  it("are the same however the stream is cut", () => {
    const begin = `retry: 1000\n\nid: 1\nevent: open\ndata: {"a":\ndata: "ü"}\n\n`;
    const text = `${begin}: alive\n\nid: 2\n\nevent: end\r\ndata: x\r\n\r\n`;
    const bytes = new TextEncoder().encode(text);
    const whole = new EventLines().push(bytes);
    expect(whole).toEqual([
      { type: "", data: "", id: undefined },
      { type: "open", data: `{"a":\n"ü"}`, id: "1" },
      { type: "", data: "", id: undefined },
      { type: "", data: "", id: "2" },
      { type: "end", data: "x", id: undefined },
    ]);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 8 }), (cuts) => {
        const lines = new EventLines();
        const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const parts = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
        expect(parts.flatMap((part) => lines.push(part))).toEqual(whole);
      }),
    );
  });
});
