/** A difference for people: one line an operation, with both servers' answers. */
import { ROOT, type Frame, type Step, type Stream } from "./stream.ts";
import { compare, shown } from "./compare.ts";
import { hex } from "./answer.ts";
import type { Normalised } from "./normalise.ts";

/** What both servers said to a stream. */
export interface Played {
  readonly stream: Stream;
  readonly expected: Normalised;
  readonly actual: Normalised;
}

/** The lines of a report. */
export function reportLines(played: Played): readonly string[] {
  const { stream, expected, actual } = played;
  const lines = [
    `${stream.slots} sessions, ${stream.isSpread ? "on different replicas" : "on one replica"}; ${ROOT} is the root`,
  ];
  for (let index = 0; index < Math.max(expected.length, actual.length); index++) {
    const step = stream.steps[index];
    lines.push(
      step === undefined ? `  at the end, session ${index - stream.steps.length}` : `  ${stepText(step)}`,
    );
    const [one, other] = [shown(expected[index]), shown(actual[index])];
    if (one === other) lines.push(`      both        ${one}`);
    else lines.push(`   *  zookeeper   ${one}`, `   *  edgekeeper  ${other}`);
  }
  return lines;
}

/** The step where the answers part first, as it was in the whole stream. */
export function differenceLines(played: Played): readonly string[] {
  const difference = compare(played.expected, played.actual);
  if (difference === undefined) return [];
  const { step, expected, actual } = difference;
  const asked = played.stream.steps[step];
  return [
    `  step ${step + 1} of ${played.stream.steps.length}: ${asked === undefined ? "the end" : stepText(asked)}`,
    `   *  zookeeper   ${shown(expected)}`,
    `   *  edgekeeper  ${shown(actual)}`,
  ];
}

/** A step on one line. */
export function stepText(step: Step): string {
  switch (step.kind) {
    case "connect": {
      const { claim, timeoutMs, readOnly, protocolVersion } = step.hello;
      const rest = `timeout ${timeoutMs} readOnly ${String(readOnly)} protocol ${protocolVersion}`;
      return `${step.slot}: connect ${claim}${step.isTakeover ? " beside the open one" : ""} ${rest}`;
    }
    case "drop":
      return `${step.slot}: hang up`;
    case "partial":
      return `${step.slot}: send ${hex(step.bytes)} and hang up`;
    case "send":
      return `${step.slot}: ${step.frames.map(frameText).join("; ")}${
        step.awaited === undefined ? "" : `, until ${step.awaited} is deleted`
      }`;
    default:
      return step satisfies never;
  }
}

function frameText(frame: Frame): string {
  switch (frame.kind) {
    case "request":
      return `[${frame.xid}] ${requestText(frame.request)}${frame.since === undefined ? "" : ` since ${frame.since}`}`;
    case "cut":
      return `[${frame.xid}] ${requestText(frame.request)} cut to ${frame.bytes} bytes`;
    case "flip":
      return `[${frame.xid}] ${requestText(frame.request)} with byte ${frame.at} = ${frame.to}`;
    case "opcode":
      return `[${frame.xid}] opcode ${frame.type} ${hex(frame.body)}`;
    case "login":
      return `[${frame.xid}] login ${JSON.stringify(frame.saying)} ${JSON.stringify(frame.twist)}`;
    case "bytes":
      return `bytes ${hex(frame.bytes)}`;
    default:
      return frame satisfies never;
  }
}

function requestText(request: object): string {
  return JSON.stringify(request, (_key, value: unknown) => {
    if (value instanceof Uint8Array) return hex(value);
    // A Buffer has become this by its toJSON.
    if (typeof value === "object" && value !== null && "type" in value && value.type === "Buffer")
      return "bytes";
    return typeof value === "bigint" ? String(value) : value;
  });
}
