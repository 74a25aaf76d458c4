/**
 * The door that clients come through: one replica alone, with two bystanders and as many connections of attackers as
 * come and go. Steps: `open N`, `send N bytes`, `close N`, `read N` (its client reads what it was sent), `tick MS`,
 * `check`. The number of `rule` says that attackers may be super users: then nothing is safe, and nothing may break.
 */
import { must } from "../../src/base/assert.ts";
import { isFourLetterWord } from "../../src/base/four-letter-words.ts";
import { FrameDecoder } from "../../src/jute/framing.ts";
import { JuteError } from "../../src/jute/jute-error.ts";
import { OPCODES, XIDS } from "../../src/jute/opcodes.ts";
import { decodeRequest } from "../../src/jute/requests.ts";
import type { ConnectionId } from "../../src/keeper/connection.ts";
import { CONNECTION_OUTPUT_BYTES_MAX } from "../../src/keeper/limits.ts";
import type { Action } from "../../src/keeper/turn.ts";
import { largestAllocation } from "../jute/allocations.ts";
import { Register } from "../zab/register.ts";
import { Bystanders } from "./bystanders.ts";
import { frameOf, helloOf, plainHello, saslFrames, superFrames, wordOf } from "./client-frames.ts";
import type { Dice } from "./dice.ts";
import { expectThat, type Step, step, Tally } from "./episode.ts";
import { FuzzReplica, openingOf } from "./replica.ts";
import type { Target } from "./target.ts";

const CONNECTIONS_PER_EPISODE = 24;
const FRAMES_PER_CONNECTION = 160;
/** Connections of attackers open at a time. */
const OPEN_MAX = 6;
const FIRST_ATTACKER = 10;
const NEWCOMER = 9;
/** A reply may be as long as what is stored; one turn's output to one client is bounded by what cuts it off. */
const OUTPUT_BYTES_PER_STEP_MAX = CONNECTION_OUTPUT_BYTES_MAX + 2 * 1024 * 1024;
/** What is sent out is gathered in a buffer that grows to twice what it must hold. */
const ALLOCATION_BYTES_MAX = 2 * OUTPUT_BYTES_PER_STEP_MAX;
/** Longer than the sessions' timeout, and than an expiry may be late. */
const ALL_EXPIRED_MS = 7000;

/** See the file's comment. */
export const clientTarget: Target = {
  name: "client",
  make,
  play,
};

function play(steps: readonly Step[], tally?: Tally): number {
  let frames = 0;
  const largest = largestAllocation(() => {
    frames = new ClientWorld(tally).play(steps);
  });
  expectThat(largest <= ALLOCATION_BYTES_MAX, () => `${largest} bytes are allocated at once`);
  return frames;
}

function make(dice: Dice, size: number = CONNECTIONS_PER_EPISODE): readonly Step[] {
  const mayRule = dice.once(8);
  const steps: Step[] = [step("rule", mayRule ? 1 : 0)];
  const open: number[] = [];
  const earlier: number[] = [];
  for (let count = 0; count < size; count++) {
    const connection = FIRST_ATTACKER + count;
    steps.push(step("open", connection));
    open.push(connection);
    const sent = [dice.once(20) ? wordOf(dice) : helloOf(dice, connection, earlier)];
    if (dice.once(6)) sent.push(...saslFrames(connection));
    if (mayRule) sent.push(...superFrames());
    for (let left = dice.between(1, FRAMES_PER_CONNECTION); left > 0; left--)
      sent.push(frameOf(dice, mayRule));
    // Few connections are for people to read: a frame a line.
    if (size === 1) steps.push(...sent.map((frame) => step("send", connection, frame)));
    else cut(steps, dice, { connection, sent });
    earlier.push(connection);
    if (open.length > OPEN_MAX) {
      const [closed] = open.splice(dice.below(open.length), 1);
      steps.push(step("close", must(closed, "an open connection")));
    }
    if (dice.once(2)) steps.push(step("tick", dice.pick([50, 50, 200, 1000])));
    steps.push(step("check"));
  }
  for (const connection of open) steps.push(step("close", connection));
  return steps;
}

/** The frames as pieces of a stream, cut anywhere. */
function cut(
  steps: Step[],
  dice: Dice,
  { connection, sent }: { connection: number; sent: readonly Uint8Array[] },
): void {
  const isWhole = dice.once(2);
  let waiting: Uint8Array[] = [];
  for (const frame of sent) {
    if (isWhole || frame.length < 2 || dice.once(2)) waiting.push(frame);
    else {
      const at = dice.below(frame.length);
      steps.push(step("send", connection, joined([...waiting, frame.subarray(0, at)])));
      waiting = [frame.subarray(at)];
    }
    if (!dice.once(4)) continue;
    steps.push(step("send", connection, joined(waiting)));
    waiting = [];
    if (dice.once(3)) steps.push(step("read", connection));
  }
  steps.push(step("send", connection, joined(waiting)));
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** One episode's replica and clients. */
class ClientWorld {
  readonly #replica: FuzzReplica;
  readonly #bystanders: Bystanders;
  readonly #tally: Tally | undefined;
  readonly #attackers = new Map<ConnectionId, Attacker>();
  #bystanderBytes = new Map<ConnectionId, number>();
  #isRuled = false;
  #outputBytes = 0;
  /** What there was before the first attacker came. */
  readonly #before: Baseline;
  readonly #framesBefore: number;

  constructor(tally: Tally | undefined) {
    this.#tally = tally;
    this.#replica = new FuzzReplica({
      sid: 1,
      voters: [1],
      register: new Register(),
      onAction: (action) => this.#act(action),
    });
    this.#replica.pass(500);
    const send = (connection: ConnectionId, bytes: Uint8Array): void =>
      this.#replica.step({ kind: "clientBytes", received: [{ connection, bytes }] });
    this.#bystanders = new Bystanders({ send, settle: () => undefined });
    for (const id of [1, 2]) this.#replica.step({ kind: "clientOpened", opening: openingOf(id, "10.0.0.1") });
    this.#bystanders.begin();
    this.#read();
    this.#before = this.#baseline();
    this.#framesBefore = this.#frames();
  }

  /** Gives the frames that the replica took, those that it refused included. */
  play(steps: readonly Step[]): number {
    for (const one of steps) this.#step(one);
    for (const id of this.#attackers.keys()) this.#close(id);
    this.#check();
    this.#checkNothingIsLeft();
    return this.#frames() - this.#framesBefore;
  }

  #frames(): number {
    const { received, framesRejected } = this.#replica.keeper.status().counters;
    return received + framesRejected;
  }

  #step({ verb, number, bytes }: Step): void {
    this.#outputBytes = 0;
    switch (verb) {
      case "rule":
        this.#isRuled = number === 1;
        return;
      case "open":
        this.#attackers.set(number, new Attacker(this.#tally));
        return this.#replica.step({ kind: "clientOpened", opening: openingOf(number, "10.0.0.9") });
      case "send":
        if (!this.#attackers.has(number)) return;
        this.#attackers.get(number)?.sends(bytes);
        this.#replica.step({ kind: "clientBytes", received: [{ connection: number, bytes }] });
        return expectThat(
          this.#outputBytes <= OUTPUT_BYTES_PER_STEP_MAX,
          () => `${bytes.length} bytes are answered with ${this.#outputBytes}`,
        );
      case "close":
        return this.#close(number);
      case "read":
        return this.#readOf(number);
      case "tick":
        return this.#pass(number);
      default:
        return this.#check();
    }
  }

  /** Bystanders ping as time passes, as clients do. */
  #pass(durationMs: number): void {
    for (let left = durationMs; left > 0; left -= 500) {
      this.#replica.pass(Math.min(left, 500));
      this.#bystanders.checkAnswered();
      this.#read();
    }
  }

  #check(): void {
    if (this.#isRuled) this.#bystanders.checkAnswered();
    else this.#bystanders.check();
    this.#read();
  }

  /** Once its attackers are gone and their sessions over, a replica holds for them nothing but the znodes they made. */
  #checkNothingIsLeft(): void {
    this.#pass(ALL_EXPIRED_MS);
    const after = this.#baseline();
    for (const [name, before] of Object.entries(this.#before)) {
      const now = after[name as keyof Baseline];
      const isRight = this.#isRuled && name === "ephemerals" ? now <= before : now === before;
      expectThat(isRight, () => `${name}: ${before} before the attackers came, ${now} after they have gone`);
    }
    this.#check();
    this.#checkNewcomer();
  }

  /** From where the attackers came there is room again, as for anybody. */
  #checkNewcomer(): void {
    const newcomer = new Attacker(new Tally());
    this.#attackers.set(NEWCOMER, newcomer);
    this.#replica.step({ kind: "clientOpened", opening: openingOf(NEWCOMER, "10.0.0.9") });
    this.#replica.step({ kind: "clientBytes", received: [{ connection: NEWCOMER, bytes: plainHello() }] });
    expectThat(newcomer.takeUnread() > 0, () => "a newcomer from the attackers' address gets no session");
  }

  #baseline(): Baseline {
    const { clientBytes, connections, watches, sessions, ephemerals, heldRequests, forwardedBytes } =
      this.#replica.keeper.status();
    return { clientBytes, connections, watches, sessions, ephemerals, heldRequests, forwardedBytes };
  }

  #close(id: ConnectionId): void {
    if (this.#attackers.delete(id)) this.#replica.step({ kind: "clientClosed", connection: id });
  }

  #readOf(id: ConnectionId): void {
    const bytes = this.#attackers.get(id)?.takeUnread() ?? 0;
    if (bytes > 0) this.#replica.step({ kind: "clientsSent", sent: [{ connection: id, bytes }] });
  }

  /** The bystanders read whatever they are sent. */
  #read(): void {
    const sent = [...this.#bystanderBytes].map(([connection, bytes]) => ({ connection, bytes }));
    this.#bystanderBytes = new Map();
    if (sent.length > 0) this.#replica.step({ kind: "clientsSent", sent });
  }

  #act(action: Action): void {
    if (action.kind === "log") return expectThat(!action.line.includes("DIFFER"), () => action.line);
    if (!("connection" in action)) return;
    const { kind, connection } = action;
    const isOpen = this.#attackers.has(connection) || this.#bystanders.has(connection);
    expectThat(isOpen, () => `${kind} for connection ${connection}, which is gone`);
    if (kind === "clientSend") this.#receive(connection, action.bytes);
    else if (kind !== "clientFlow" && !this.#bystanders.onClosed(connection)) {
      this.#attackers.delete(connection);
    }
  }

  #receive(connection: ConnectionId, bytes: Uint8Array): void {
    if (this.#bystanders.onBytes(connection, bytes)) {
      this.#bystanderBytes.set(connection, (this.#bystanderBytes.get(connection) ?? 0) + bytes.length);
      return;
    }
    this.#outputBytes += bytes.length;
    this.#attackers.get(connection)?.receives(bytes);
  }
}

/** What a replica holds for clients. */
interface Baseline {
  readonly clientBytes: number;
  readonly connections: number;
  readonly watches: number;
  readonly sessions: number;
  readonly ephemerals: number;
  readonly heldRequests: number;
  readonly forwardedBytes: number;
}

/** An attacker's end; what it asked and was answered is looked at only where it is counted. */
class Attacker {
  readonly #tally: Tally | undefined;
  #unread = 0;
  #sent: FrameDecoder | undefined;
  readonly #received: FrameDecoder | undefined;
  readonly #ops = new Map<number, string>();
  #isGreeted = false;
  #isWelcome = false;
  #isWord = false;

  constructor(tally: Tally | undefined) {
    this.#tally = tally;
    if (tally === undefined) return;
    this.#sent = new FrameDecoder(0xfffff);
    this.#received = new FrameDecoder(0x7fffffff);
  }

  takeUnread(): number {
    const taken = this.#unread;
    this.#unread = 0;
    return taken;
  }

  sends(bytes: Uint8Array): void {
    if (this.#tally !== undefined && !this.#isGreeted) {
      this.#isWord = isFourLetterWord(Buffer.from(bytes.subarray(0, 4)).toString("latin1"));
    }
    try {
      this.#sent?.push(bytes);
      for (let body = this.#sent?.next(); body !== undefined; body = this.#sent?.next()) this.#count(body);
    } catch (error) {
      if (!(error instanceof JuteError)) throw error;
      this.#tally?.hit("frame with a bad length");
      this.#sent = undefined;
    }
  }

  #count(body: Uint8Array): void {
    if (!this.#isGreeted) {
      this.#isGreeted = true;
      return;
    }
    const decoded = decodeRequest(body);
    if (decoded.kind === "request") {
      this.#tally?.hit(`${decoded.request.op} decoded`);
      const { op } = decoded.request;
      this.#ops.set(op === "ping" ? XIDS.ping : decoded.xid, op);
    } else if (decoded.kind === "undecodable") this.#tally?.hit(`${nameOf(decoded.type)} undecodable`);
    else this.#tally?.hit(decoded.kind);
  }

  receives(bytes: Uint8Array): void {
    this.#unread += bytes.length;
    if (this.#received === undefined) return;
    if (this.#isWord) return this.#tally?.hit("word answered");
    this.#received.push(bytes);
    for (let body = this.#received.next(); body !== undefined; body = this.#received.next()) this.#hear(body);
  }

  #hear(body: Uint8Array): void {
    const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    if (!this.#isWelcome) {
      this.#isWelcome = true;
      this.#tally?.hit(view.getInt32(4) === 0 ? "session refused" : "session given");
      return;
    }
    const xid = view.getInt32(0);
    if (xid === -1) return this.#tally?.hit("event");
    const code = view.getInt32(12);
    const op = this.#ops.get(xid) ?? "other";
    this.#tally?.hit(code === 0 ? `${op} done` : `${op} refused`);
  }
}

const OP_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(OPCODES).map(([name, type]) => [type, name]),
);

function nameOf(type: number): string {
  return OP_NAMES.get(type) ?? "unknown";
}
