import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import type { CallAnswer, CallAsked } from "../../src/keeper/call.ts";
import type { KeeperInput } from "../../src/keeper/keeper-input.ts";
import {
  BATCH_HEADER,
  BATCH_PARAMETER,
  CALL_PARAMETER,
  encodeCall,
  readAnswerLine,
  STREAMED_HEADER,
} from "../../src/durable/call-batch.ts";
import { decodeRecord, encodeRecord } from "../../src/durable/call-record.ts";
import { Calls } from "../../src/durable/calls.ts";

const ZXID = { epoch: 1, counter: 1 };

/** The shell's calls, and what it hands in. */
let inputs: KeeperInput[];
let calls: Calls;
let syncs: number;

beforeEach(() => {
  inputs = [];
  syncs = 0;
  calls = new Calls(
    (input) => void inputs.push(input),
    async () => void syncs++,
    { sid: 1, spans: { isEnabled: false, add: () => undefined } },
  );
});

/** A batch with so many calls. */
function batch(name: string, count: number): Request {
  const asked: CallAsked = { session: undefined, minZxid: ZXID, request: { kind: "listTokens" } };
  const lines = Array.from({ length: count }, (_, index) =>
    encodeCall({ from: { remoteAddress: `10.0.0.${index}:0`, identities: [] }, asked }),
  );
  const headers = { [BATCH_HEADER]: name };
  return new Request("http://replica/", { method: "POST", headers, body: lines.join("\n") });
}

/** The numbers of the calls that were handed in. */
async function ids(): Promise<readonly number[]> {
  await expect.poll(() => inputs.length).toBeGreaterThan(0);
  const [input] = inputs;
  if (input?.kind !== "calls") throw new Error("no calls were handed in");
  return input.calls.map(({ id }) => id);
}

function answer(id: number, code = 0): void {
  calls.answer(id, { kind: "answered", zxid: ZXID, code, response: { op: "empty" } });
}

function codesOf(text: string): readonly (readonly [number, unknown])[] {
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => {
    const read = readAnswerLine(line);
    if (read === undefined) throw new Error(`no answer: ${line}`);
    const told = decodeRecord(read.record) as CallAnswer;
    return [read.index, told.kind === "answered" ? told.code : told.kind] as const;
  });
}

describe("a batch", () => {
  test("is taken in one turn, each call with its own caller, entropy and size", async () => {
    const answered = calls.serveBatch(batch("one", 3), false);
    for (const id of await ids()) answer(id);
    await answered;

    const [input] = inputs;
    const taken = input?.kind === "calls" ? input.calls : [];
    expect(taken.map(({ remoteAddress }) => remoteAddress)).toEqual([
      "10.0.0.0:0",
      "10.0.0.1:0",
      "10.0.0.2:0",
    ]);
    expect(new Set(taken.map(({ entropy }) => entropy.join())).size).toBe(3);
    expect(taken.map(({ entropy }) => entropy.length)).toEqual([48, 48, 48]);
    expect(Math.min(...taken.map(({ bytes }) => bytes))).toBeGreaterThan(50);
  });

  test("that is answered at once is answered in one piece", async () => {
    const answered = calls.serveBatch(batch("one", 2), false);
    const [first = 0, second = 0] = await ids();
    answer(second, -2);
    answer(first, -1);

    const response = await answered;

    expect(response.headers.has(STREAMED_HEADER)).toBe(false);
    expect(codesOf(await response.text())).toEqual([
      [1, -2],
      [0, -1],
    ]);
  });

  test("lets nobody wait for one that waits, and tells the rest when it is there and on the disk", async () => {
    const answered = calls.serveBatch(batch("one", 2), false);
    const [first = 0, second = 0] = await ids();
    answer(second, -2);

    const response = await answered;

    expect(response.headers.has(STREAMED_HEADER)).toBe(true);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect(codesOf((await reader?.read())?.value ?? "")).toEqual([[1, -2]]);
    expect(syncs).toBe(1);
    answer(first, -1);
    expect(codesOf((await reader?.read())?.value ?? "")).toEqual([[0, -1]]);
    expect(syncs).toBe(2);
    expect((await reader?.read())?.done).toBe(true);
  });

  test("a caller's hanging up ends its call alone", async () => {
    const answered = calls.serveBatch(batch("one", 2), false);
    const [first = 0, second = 0] = await ids();

    calls.goneOf(new URLSearchParams({ [BATCH_PARAMETER]: "one", [CALL_PARAMETER]: "1" }));
    answer(first);

    expect(inputs.slice(1)).toEqual([{ kind: "callGone", call: second }]);
    expect(codesOf(await (await answered).text())).toEqual([
      [1, "undecided"],
      [0, 0],
    ]);
  });

  test("a hanging up of nobody that is known does nothing", async () => {
    const answered = calls.serveBatch(batch("one", 1), false);
    const [first = 0] = await ids();
    for (const [name, index] of [
      ["two", "0"],
      ["one", "1"],
      ["one", "x"],
    ] as const)
      calls.goneOf(new URLSearchParams({ [BATCH_PARAMETER]: name, [CALL_PARAMETER]: index }));
    answer(first);
    await answered;
    calls.goneOf(new URLSearchParams({ [BATCH_PARAMETER]: "one", [CALL_PARAMETER]: "0" }));

    expect(inputs).toHaveLength(1);
  });

  test("whose sender is gone is gone, as far as it is not answered", async () => {
    const answered = calls.serveBatch(batch("one", 2), false);
    const [first = 0, second = 0] = await ids();
    answer(first);
    const response = await answered;

    await response.body?.cancel();

    await expect.poll(() => inputs.slice(1)).toEqual([{ kind: "callGone", call: second }]);
  });

  test("at a replica that rests is told that nothing was done, and is no turn", async () => {
    const response = await calls.serveBatch(batch("one", 2), true);

    expect(codesOf(await response.text())).toEqual([
      [0, "unavailable"],
      [1, "unavailable"],
    ]);
    expect(inputs).toEqual([]);
  });
});

test("a line that is cut is no answer", () => {
  for (const line of ["", "7", "7 ", "x {}", " {}"]) expect(readAnswerLine(line)).toBeUndefined();
});

test("a record is read as it was written, with bytes and integers of any size", () => {
  const leaf = fc.oneof(
    fc.string(),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.bigInt(),
    fc.uint8Array({ maxLength: 40 }),
  );
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), tie("value"), { maxKeys: 4, noNullPrototype: true }),
    ),
  }));

  fc.assert(
    fc.property(value, (one) => {
      expect(decodeRecord(encodeRecord(one))).toEqual(one);
    }),
  );
});
