/**
 * A run to be read: one line for each thing that matters, with the time and who it happened to. Heartbeats, ticks and
 * what follows from a line by itself are left out.
 */
import { sessionText } from "../../src/base/ids.ts";
import { zxidText } from "../../src/base/zxid.ts";
import { decodeTxn } from "../../src/jute/txn.ts";
import type { KeeperInput } from "../../src/keeper/keeper-input.ts";
import { readLinkMessage } from "../../src/keeper/link-codec.ts";
import type { Turn } from "../../src/keeper/turn.ts";
import type { PeerWrite } from "../../src/zab/effects.ts";
import type { ZabMessage } from "../../src/zab/message.ts";
import type { CallRecord, Operation, Outcome } from "./history/types.ts";
import type { Fault } from "../../src/world/fault.ts";
import type { MachineView, WorldObserver, WorldView } from "../../src/world/observer.ts";

/** Frames that say nothing by themselves. */
const SILENT: ReadonlySet<ZabMessage["kind"]> = new Set(["ping", "pong", "snapshotPart", "snapshotAck"]);

/** Writes a run down. */
export class Story implements WorldObserver {
  readonly #lines: { readonly atMs: number; readonly text: string }[] = [];
  readonly #world: WorldView;
  /** What each machine had delivered when it was last told of. */
  readonly #delivered: Map<string, string> = new Map();

  constructor(world: WorldView) {
    this.#world = world;
  }

  /** Adds a line of somebody else's, say of a client. */
  tell(who: string, what: string, atMs: number = this.#world.nowMs): void {
    this.#lines.push({ atMs, text: `${atMs.toFixed(0).padStart(7)} ms  ${who.padEnd(9)} ${what}` });
  }

  /** All lines; those of one moment as they were told. */
  inOrder(): readonly string[] {
    return this.#lines.toSorted((a, b) => a.atMs - b.atMs).map(({ text }) => text);
  }

  started(machine: MachineView): void {
    const { acceptedEpoch, currentEpoch, lastDelivered } = machine.start;
    const epochs = `accepted ${acceptedEpoch} current ${currentEpoch}`;
    this.tell(machine.name, `starts: ${epochs} delivered ${zxidText(lastDelivered)}`);
  }

  stepped(machine: MachineView, _input: KeeperInput, turn: Turn): void {
    for (const action of turn.after) {
      // The keeper's own words, without the name in front of them.
      if (action.kind === "log") this.tell(machine.name, action.line.slice(action.line.indexOf(" ") + 1));
      if (action.kind === "openLink") this.tell(machine.name, `opens a link to ${action.to}`);
      if (action.kind === "closeLink") this.tell(machine.name, `closes a link: ${action.reason}`);
    }
    const delivered = zxidText(machine.tree.lastApplied);
    if (delivered !== this.#delivered.get(machine.name))
      this.tell(machine.name, `delivers up to ${delivered}`);
    this.#delivered.set(machine.name, delivered);
  }

  wrote(machine: MachineView, writes: readonly PeerWrite[]): void {
    for (const write of writes) this.tell(machine.name, `writes ${writeText(write)}`);
  }

  sentFrame(machine: MachineView, to: number, bytes: Uint8Array): void {
    const message = readLinkMessage(bytes);
    if (typeof message === "string" || message.kind !== "zab") return;
    if (!SILENT.has(message.message.kind))
      this.tell(machine.name, `-> ${to} ${messageText(message.message)}`);
  }

  died(machine: MachineView, why: string): void {
    this.tell(machine.name, `is gone: ${why}`);
  }

  fault(fault: Fault, stage: "begins" | "ends"): void {
    this.tell("FAULT", `${stage}: ${faultText(fault)}`);
  }
}

/** A fault in a few words. */
function faultText({ kind, ...rest }: Fault): string {
  const fields = Object.entries(rest).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  return [kind, ...fields].join(" ");
}

/** What a client asked for, and what it was told. */
export function operationText({ session, request, endMs, outcome }: Operation): string {
  const { op, ...asked } = request;
  const told = outcome.kind === "unknown" ? `never answered: ${outcome.reason}` : answerText(outcome);
  const until = outcome.kind === "unknown" ? "" : ` (${endMs.toFixed(0)} ms)`;
  return `${sessionText(session)} ${op} ${jsonText(asked)} -> ${told}${until}`;
}

/** What a caller wanted, and what it was told. */
export function callText({ intent, asked, endMs, answer, isGivenUp }: CallRecord): string {
  const { kind, ...rest } = asked.request;
  const told = answer === undefined ? (isGivenUp ? "gives up" : "hangs up") : jsonText(answer);
  const until = endMs === Infinity ? "" : ` (${endMs.toFixed(0)} ms)`;
  return `${intent} ${kind} ${jsonText(rest)} -> ${told}${until}`;
}

function answerText({ zxid, error, response }: Outcome & { readonly kind: "answered" }): string {
  const at = `at ${zxidText(zxid)}`;
  return error === 0 ? `ok ${at} ${jsonText(response ?? {})}` : `error ${error} ${at}`;
}

/** JSON of what JSON knows nothing of: bytes as their text, zxids as one word. */
function jsonText(value: unknown): string {
  return JSON.stringify(value, (_key, field: unknown) => {
    if (typeof field === "bigint") return sessionText(field);
    if (field instanceof Uint8Array) return new TextDecoder().decode(field.subarray(0, 40));
    return field;
  });
}

function writeText(write: PeerWrite): string {
  switch (write.kind) {
    case "append":
      return write.proposals
        .map(({ zxid, payload }) => `${zxidText(zxid)} ${decodeTxn(payload).txn.kind}`)
        .join(", ");
    case "truncate":
      return `truncate after ${zxidText(write.after)}`;
    case "epochs":
      return `epochs accepted ${write.acceptedEpoch} current ${write.currentEpoch}`;
    case "install":
      return `install of a snapshot at ${zxidText(write.last)}`;
    case "restore":
      return `restore at ${zxidText(write.at)}`;
    case "diverged":
      return "that its tree has diverged";
  }
}

function messageText(message: ZabMessage): string {
  switch (message.kind) {
    case "propose":
      return `${message.kind} ${message.proposals.map(({ zxid }) => zxidText(zxid)).join(" ")}`;
    case "ack":
    case "commit":
    case "leaderAck":
      return `${message.kind} ${zxidText(message.upTo)}`;
    case "diff":
    case "truncate":
      return `${message.kind} after ${zxidText(message.after)}`;
    case "newLeader":
      return `newLeader epoch ${message.epoch} last ${zxidText(message.last)}`;
    case "ackEpoch":
      return `ackEpoch current ${message.currentEpoch} last ${zxidText(message.history.last)} voice ${message.voice}`;
    case "upToDate":
      return `upToDate ${zxidText(message.committed)}`;
    case "snapshotEnd":
      return `snapshotEnd at ${zxidText(message.last)}`;
    case "snapshot":
    case "snapshotPart":
    case "snapshotAck":
    case "learnerInfo":
    case "succeed":
    case "removed":
    case "leaderInfo":
    case "ackNewLeader":
    case "ping":
    case "pong": {
      const { kind, ...rest } = message;
      return [kind, ...Object.entries(rest).map(([name, value]) => `${name} ${String(value)}`)].join(" ");
    }
  }
}
