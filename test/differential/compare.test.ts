import { describe, expect, it } from "vitest";
import type { Response } from "../../src/base/request.ts";
import type { Stat } from "../../src/base/stat.ts";
import { compare } from "./compare.ts";
import { normalise, type Normalised } from "./normalise.ts";
import { differenceLines, reportLines } from "./report.ts";
import { type Message, type Script, scriptOf, SERVERS, STREAM, transcriptOf } from "./script.ts";

const [ONE, OTHER] = SERVERS;

function answers(spoil: (script: Script) => void = () => undefined, server = OTHER): Normalised {
  const script = scriptOf(server);
  spoil(script);
  return normalise(STREAM, transcriptOf(server, script));
}

type Reply = Message & { kind: "reply" };

/** The replies of a step. */
function replies(script: Script, step: number): readonly Reply[] {
  return (script.sent[step]?.messages ?? []).filter((message): message is Reply => message.kind === "reply");
}

function spoilReply(step: number, spoil: (reply: Reply) => void): (script: Script) => void {
  return (script) => {
    const [first] = replies(script, step);
    if (first === undefined) throw new Error(`step ${step} has a reply`);
    spoil(first);
  };
}

function spoilStat(step: number, change: (stat: Stat) => Partial<Stat>): (script: Script) => void {
  return spoilReply(step, (reply) => {
    const response: Response = reply.response;
    if (!("stat" in response)) throw new Error(`step ${step} is answered with a Stat`);
    reply.response = { ...response, stat: { ...response.stat, ...change(response.stat) } };
  });
}

function spoilEvent(
  step: number,
  spoil: (event: Message & { kind: "event" }) => void,
): (script: Script) => void {
  return (script) => {
    const event = script.sent[step]?.messages[0];
    if (event?.kind !== "event") throw new Error(`step ${step} begins with an event`);
    spoil(event);
  };
}

it("two right servers with other epochs, times, sessions, orders of children and other streams' writes are alike", () => {
  expect(compare(answers(undefined, ONE), answers(undefined, OTHER))).toBeUndefined();
});

describe("a wrong answer is found", () => {
  const plants: readonly (readonly [string, number, (script: Script) => void])[] = [
    ["another error code", 6, spoilReply(6, (reply) => void (reply.error = -111))],
    ["another xid", 4, spoilReply(4, (reply) => void (reply.xid = 5))],
    ["a version off by one", 3, spoilStat(3, ({ version }) => ({ version: version + 1 }))],
    ["a cversion off by one", 5, spoilStat(5, ({ cversion }) => ({ cversion: cversion + 1 }))],
    ["an aversion off by one", 2, spoilStat(2, () => ({ aversion: 1 }))],
    ["a number of children off by one", 5, spoilStat(5, () => ({ numChildren: 2 }))],
    ["a data length that is not the data's", 4, spoilStat(4, () => ({ dataLength: 3 }))],
    ["an owner that is nobody", 2, spoilStat(2, () => ({ ephemeralOwner: 0n }))],
    ["an owner that is another session", 2, spoilStat(2, () => ({ ephemeralOwner: 0x1234n }))],
    ["a pzxid that did not move", 5, spoilStat(5, ({ czxid }) => ({ pzxid: czxid }))],
    ["an mzxid that did not move", 3, spoilStat(3, ({ czxid }) => ({ mzxid: czxid }))],
    ["a time of change before the creation", 3, spoilStat(3, ({ ctime }) => ({ mtime: ctime - 1 }))],
    [
      "a write told under the zxid before it",
      3,
      spoilReply(3, (reply) => void (reply.zxid = { epoch: 77, counter: 25 })),
    ],
    ["a read that is behind", 4, spoilReply(4, (reply) => void (reply.zxid = { epoch: 77, counter: 16 }))],
    [
      "another sequence number",
      2,
      spoilReply(2, (reply) => {
        if (reply.response.op === "create2")
          reply.response = { ...reply.response, path: `${OTHER.root}/q-0000000001` };
      }),
    ],
    [
      "other data",
      4,
      spoilReply(4, (reply) => {
        if (reply.response.op === "getData")
          reply.response = { ...reply.response, data: Uint8Array.of(1, 3) };
      }),
    ],
    [
      "null in place of no bytes",
      4,
      spoilReply(4, (reply) => {
        if (reply.response.op === "getData") reply.response = { ...reply.response, data: null };
      }),
    ],
    [
      "a child too few",
      5,
      spoilReply(5, (reply) => {
        if (reply.response.op === "children2") reply.response = { ...reply.response, children: ["zz"] };
      }),
    ],
    ["bytes behind the reply", 3, spoilReply(3, (reply) => void reply.extra.push(0))],
    ["a body that ends too early", 3, spoilReply(3, (reply) => void (reply.response = { op: "empty" }))],
    ["an event behind its reply", 2, (script) => void script.sent[2]?.messages.reverse()],
    ["an event that did not come", 2, (script) => void script.sent[2]?.messages.shift()],
    ["an event of another type", 2, spoilEvent(2, (event) => void (event.type = 3))],
    ["an event of another state", 2, spoilEvent(2, (event) => void (event.state = 5))],
    ["an event of another path", 2, spoilEvent(2, (event) => void (event.path = `${OTHER.root}/a`))],
    [
      "an event without the zxid of its change",
      2,
      spoilEvent(2, (event) => void (event.zxid = { epoch: 77, counter: 1 })),
    ],
    ["an event that nobody asked for", 3, (script) => copyEvent(script, 2, 3)],
    ["replies in another order", 6, (script) => void script.sent[6]?.messages.reverse()],
    [
      "a reply too many",
      4,
      (script) => void script.sent[4]?.messages.push(...replies(script, 4).slice(0, 1)),
    ],
    ["no reply", 4, (script) => void script.sent[4]?.messages.shift()],
    ["a connection that stays open", 7, (script) => closing(script, 7, false)],
    ["a connection that is closed", 4, (script) => closing(script, 4, true)],
    ["another timeout", 0, (script) => timeout(script, 30_000)],
    [
      "an event of the session's own end that did not come",
      7,
      (script) => void script.sent[7]?.messages.shift(),
    ],
    ["an event of the end that did not come", 7, (script) => void script.sent[7]?.others.shift()],
  ];

  it.each(plants)("%s", (_, step, spoil) => {
    expect(compare(answers(undefined, ONE), answers(spoil))?.step).toBe(step);
  });
});

it("a difference is shown with the operation and both answers", () => {
  const spoilt = answers(spoilReply(6, (reply) => void (reply.error = -111)));
  const played = { stream: STREAM, expected: answers(undefined, ONE), actual: spoilt };

  const text = differenceLines(played).join("\n");
  expect(text).toContain("step 7 of 8");
  expect(text).toContain('"op":"delete"');
  expect(text).toMatch(/zookeeper .*error=-101/);
  expect(text).toMatch(/edgekeeper .*error=-111/);
  expect(reportLines(played).filter((line) => line.startsWith("   *")).length).toBe(2);
});

function copyEvent(script: Script, from: number, to: number): void {
  const event = script.sent[from]?.messages[0];
  if (event !== undefined) script.sent[to]?.messages.unshift(event);
}

function closing(script: Script, step: number, isClosed: boolean): void {
  const sent = script.sent[step];
  if (sent !== undefined) sent.isClosed = isClosed;
}

function timeout(script: Script, timeoutMs: number): void {
  const [first] = script.sent;
  if (first !== undefined) first.timeoutMs = timeoutMs;
}
