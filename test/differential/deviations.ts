/**
 * Where Edgekeeper answers otherwise on purpose: the least stream that shows it, and what each server says. The reasons
 * stand in docs/deviations.md, under the same names.
 */
import type { Claim, Frame, Step, Stream } from "./stream.ts";
import { SUPER_LOGIN } from "./values.ts";

/** One class of deliberate differences. */
export interface Deviation {
  readonly name: string;
  readonly steps: readonly Step[];
  /** What the last step is answered with. */
  readonly zookeeper: RegExp;
  readonly edgekeeper: RegExp;
}

/** All of them. */
export const DEVIATIONS: readonly Deviation[] = [
  {
    name: "characters of two UTF-16 units",
    steps: [connect("new"), send({ kind: "request", xid: 1, request: { op: "sync", path: "@/\u{1f600}" } })],
    // Each half as three bytes, which no UTF-8 decoder takes.
    zookeeper: /path="@\/\ufffd{6}"/,
    edgekeeper: /path="@\/\u{1f600}"/u,
  },
  {
    name: "malformed UTF-8",
    steps: [connect("new"), send(opcode(9, [0, 0, 0, 5, 47, 0xed, 0xa0, 0xbd, 0x41]))],
    zookeeper: /path="\/\ufffdA"/,
    edgekeeper: /path="\/\ufffd{3}A"/,
  },
  {
    name: "a wrong password",
    steps: [
      connect("new"),
      connect("wrongPassword", true),
      send({ kind: "request", xid: -2, request: { op: "ping" } }),
    ],
    zookeeper: /^closed$/,
    edgekeeper: /xid=-2 .*error=0/,
  },
  {
    name: "internal opcodes",
    steps: [connect("new"), send(opcode(20, [0, 0, 0, 1, 47]))],
    zookeeper: /error=-8/,
    edgekeeper: /zxid="-1" error=-6.*closed$/,
  },
  {
    name: "a list of writes in a multiRead",
    steps: [
      connect("new"),
      send(
        opcode(
          22,
          [
            0, 0, 0, 2, 0, 255, 255, 255, 255, 0, 0, 0, 1, 47, 0, 0, 0, 0, 255, 255, 255, 255, 1, 255, 255,
            255, 255,
          ],
        ),
      ),
    ],
    zookeeper: /error=-5.*bytesLeft="ffffffff01ffffffff"/,
    edgekeeper: /error=-5\}/,
  },
  {
    name: "null for the path of a sync",
    steps: [connect("new"), send(opcode(9, [255, 255, 255, 255]))],
    zookeeper: /error=0 path=null/,
    edgekeeper: /error=0 path=""/,
  },
  {
    name: "setData of the configuration",
    steps: [
      connect("new"),
      send({
        kind: "request",
        xid: -4,
        request: { op: "auth", type: 0, scheme: "digest", auth: Buffer.from(SUPER_LOGIN) },
      }),
      send({
        kind: "request",
        xid: 1,
        request: { op: "setData", path: "/zookeeper/config", data: new Uint8Array(0), version: -1 },
      }),
    ],
    zookeeper: /xid=1 .*error=0/,
    edgekeeper: /xid=1 .*error=-8/,
  },
];

/** The stream that shows it. */
export function streamOf({ steps }: Deviation): Stream {
  return { seed: 0, slots: 1, isSpread: false, replica: 0, steps };
}

function connect(claim: Claim, isTakeover = false): Step {
  const hello = { claim, timeoutMs: 40_000, readOnly: false, protocolVersion: 0 };
  return { kind: "connect", slot: 0, hello, isTakeover };
}

function send(frame: Frame): Step {
  return { kind: "send", slot: 0, frames: [frame] };
}

function opcode(type: number, body: readonly number[]): Frame {
  return { kind: "opcode", xid: 1, type, body: Uint8Array.from(body) };
}
