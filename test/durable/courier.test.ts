/** A webhook's courier against a receiver that fails, over streams that end, with the time made up. */
import { expect, test } from "vitest";
import { Courier, type CourierPorts, type OwnStream } from "../../src/durable/courier.ts";
import { readTold, retryDelayMs, signatureOf, signedRequest } from "../../src/durable/hook-delivery.ts";
import { HOOK_NOTE_MS, HOOK_RETRY_MS, HOOK_RETRY_MS_MAX } from "../../src/durable/limits.ts";
import type { KnownHook } from "../../src/keeper/hook-calls.ts";
import type { HookState } from "../../src/tree/webhooks.ts";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const BEGIN = `${"1".padStart(20, "0")}-end`;

function idOf(nth: number): string {
  return `${String(nth).padStart(20, "0")}-00000001`;
}

/** What a stream says of these changes. */
function textOf(...numbers: readonly number[]): string {
  return numbers
    .map((nth) => `id: ${idOf(nth)}\nevent: created\ndata: {"type":"created","path":"/n${nth}"}\n\n`)
    .join("");
}

const HOOK: KnownHook = {
  name: "hook",
  url: "https://example.com/",
  path: "/",
  part: "recursive",
  secret: SECRET,
  createdMs: 1,
  position: BEGIN,
  failures: 0,
  error: "",
  deliveredMs: 0,
  disabled: "",
  version: 0,
};

/** Streams that say these texts, one stream after the other, and then how each ended; the last one ends the courier. */
class Stage implements CourierPorts {
  nowMs = 1_800_000_000_000;
  readonly opened: string[] = [];
  readonly delivered: string[][] = [];
  readonly notes: HookState[] = [];
  readonly pauses: number[] = [];
  answers: (number | Error)[] = [];
  #courier: Courier | undefined;
  readonly #streams: { readonly texts: readonly string[]; readonly end: OwnStream["end"] }[];

  constructor(...streams: { readonly texts: readonly string[]; readonly end: OwnStream["end"] }[]) {
    this.#streams = streams;
  }

  async play(): Promise<void> {
    this.#courier = new Courier(HOOK, this);
    await this.#courier.run();
  }

  now(): number {
    return this.nowMs;
  }

  open({ since }: { readonly since: string }): OwnStream {
    this.opened.push(since);
    const stream = this.#streams.shift() ?? { texts: [], end: undefined };
    const texts = [...stream.texts];
    if (this.#streams.length === 0 && texts.length === 0) this.#courier?.stop();
    return {
      end: stream.end,
      close: () => undefined,
      next: async () => await Promise.resolve(texts.shift()),
    };
  }

  async note(_name: string, state: HookState, version: number): Promise<number> {
    this.notes.push(state);
    return await Promise.resolve(version + 1);
  }

  async fetch(request: Request): Promise<{ readonly status: number }> {
    const { events } = (await request.json()) as { readonly events: readonly { readonly path: string }[] };
    const answer = this.answers.shift() ?? 200;
    if (answer instanceof Error) throw answer;
    if (answer === 200) this.delivered.push(events.map(({ path }) => path));
    return { status: answer };
  }

  async pause(ms: number): Promise<void> {
    this.pauses.push(ms);
    this.nowMs += ms;
    await Promise.resolve();
  }

  log(): void {}
}

test("a delivery is signed as Standard Webhooks says, by its own example", async () => {
  const text = 'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}';
  expect(await signatureOf(SECRET, text)).toBe("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  const events = [{ id: idOf(2), told: { path: "/a" } }];
  const request = await signedRequest(HOOK, events, 1_614_265_330_999);
  expect(request.headers.get("webhook-timestamp")).toBe("1614265330");
  const id = request.headers.get("webhook-id") ?? "";
  expect(id).toBe(`hook.${idOf(2)}`);
  expect(request.headers.get("webhook-signature")).toBe(
    await signatureOf(SECRET, `${id}.1614265330.${await request.clone().text()}`),
  );
  expect(request.redirect).toBe("manual");
});

test("what is told is read from the text of a stream, with the places up to which nothing was", () => {
  const open = `retry: 1000\nid: ${BEGIN}\nevent: open\ndata: {"zxid":"1"}\n\n`;
  const alive = `: alive\nid: ${idOf(9).replace(/-\d+$/, "-end")}\n\n: alive\n\n`;
  expect(readTold(open + textOf(2) + alive)).toEqual([
    { id: BEGIN, told: undefined },
    { id: idOf(2), told: { type: "created", path: "/n2" } },
    { id: idOf(9).replace(/-\d+$/, "-end"), told: undefined },
  ]);
});

test("attempts come ever more seldom, down to a bound", () => {
  expect([1, 2, 3, 4].map(retryDelayMs)).toEqual([1, 2, 4, 8].map((times) => times * HOOK_RETRY_MS));
  expect(retryDelayMs(40)).toBe(HOOK_RETRY_MS_MAX);
});

test("each event is delivered again until it is taken, in order, and the way is noted", async () => {
  const stage = new Stage(
    { texts: [textOf(2, 3), textOf(4)], end: undefined },
    { texts: [], end: undefined },
  );
  stage.answers = [500, new Error("unreachable"), 302];
  await stage.play();

  expect(stage.delivered).toEqual([["/n2", "/n3"], ["/n4"]]);
  expect(stage.pauses.slice(0, 3)).toEqual([HOOK_RETRY_MS, 2 * HOOK_RETRY_MS, 4 * HOOK_RETRY_MS]);
  expect(stage.notes.map(({ failures, error }) => [failures, error]).slice(0, 3)).toEqual([
    [1, "it answered 500"],
    [2, "unreachable"],
    [3, "it answered 302"],
  ]);
  expect(stage.notes.at(-1)).toMatchObject({ position: idOf(4), failures: 0, error: "" });
  expect(stage.opened).toEqual([BEGIN, idOf(4)]);
});

test("a stream that ends is opened again where it was; one whose history is gone disables the webhook", async () => {
  const stage = new Stage({ texts: [textOf(2)], end: "slow" }, { texts: [textOf(3)], end: "gone" });
  await stage.play();

  expect(stage.opened).toEqual([BEGIN, idOf(2)]);
  expect(stage.delivered).toEqual([["/n2"], ["/n3"]]);
  expect(stage.notes.at(-1)).toMatchObject({
    position: idOf(3),
    disabled: expect.stringContaining("too slowly") as string,
  });
});

test("a receiver that answers 410 is told nothing any more", async () => {
  const stage = new Stage({ texts: [textOf(2), textOf(3)], end: undefined });
  stage.answers = [410];
  await stage.play();

  expect(stage.delivered).toEqual([]);
  expect(stage.notes.at(-1)).toMatchObject({
    position: BEGIN,
    disabled: expect.stringContaining("410") as string,
  });
});

test("what is noted of webhooks is delivered to none", async () => {
  const own = `id: ${idOf(2)}\nevent: dataChanged\ndata: {"path":"/zookeeper/webhooks/hook/state"}\n\n`;
  const stage = new Stage({ texts: [own, textOf(3)], end: undefined }, { texts: [], end: undefined });
  await stage.play();

  expect(stage.delivered).toEqual([["/n3"]]);
  expect(stage.notes.length).toBeLessThan(3);
  expect(HOOK_NOTE_MS).toBeGreaterThan(0);
});
