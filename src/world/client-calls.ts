/** Calls of those that hold no connection: a request goes there, an answer comes back, and a caller may hang up. */
import type { Identity } from "../base/acl.ts";
import type { Sid } from "../base/ids.ts";
import type { Rng } from "../base/rng.ts";
import type { CallAnswer, CallAsked, CallId } from "../keeper/call.ts";
import type { CallEnd, CallSocket } from "./client-port.ts";
import type { Machine } from "./machine.ts";
import { Pipe } from "./pipe.ts";
import type { Setting } from "./setting.ts";

/** Seen from both sides. */
export class CallLine implements CallSocket {
  readonly id: CallId;
  readonly asked: CallAsked;
  /** What its caller has proven to be. */
  readonly identities: readonly Identity[];
  #end: CallEnd | undefined;
  #machine: Machine | undefined;
  readonly #toReplica: Pipe;
  readonly #toCaller: Pipe;

  constructor(
    id: CallId,
    to: { readonly asked: CallAsked; readonly identities: readonly Identity[] },
    parts: { readonly end: CallEnd; readonly setting: Setting },
  ) {
    const { end, setting } = parts;
    this.id = id;
    this.asked = to.asked;
    this.identities = to.identities;
    this.#end = end;
    const rng = setting.rng("clients", id, 1);
    const extraMs = setting.options.clientDelayMs ?? 4;
    const site = {
      agenda: setting.agenda,
      delayMs: () => 1 + rng.below(extraMs + 1),
      passes: () => true,
    };
    this.#toReplica = new Pipe(site);
    this.#toCaller = new Pipe(site);
  }

  /** It is asked; `reach` finds the replica's object, unless it is down. */
  request(reach: () => Machine | undefined): void {
    this.#toReplica.push(() => {
      const machine = reach();
      this.#machine = machine;
      if (machine === undefined) return this.lose();
      machine.calls.expect(this);
      machine.deliver(() => machine.calls.open(this));
    });
  }

  /** Some runtimes notice nobody's hanging up before they write to them. */
  hangUp(): void {
    this.#end = undefined;
    const { request } = this.asked;
    if (request.kind !== "acquire" || !request.isProbed) this.#tellGone();
  }

  /** The replica writes to the caller, and learns whether it is still there. */
  probe(): void {
    this.#toCaller.push(() => {
      if (this.#end === undefined) this.#tellGone();
    });
  }

  /** The answer, which has left the output gate. */
  answer(answer: CallAnswer): void {
    this.#toCaller.shut(() => this.#tell(answer));
  }

  /** The replica is gone, and with it what became of the call. */
  lose(): void {
    this.#toCaller.cut(0, () => this.#tell("lost"));
  }

  #tell(answer: CallAnswer | "lost"): void {
    const end = this.#end;
    this.#end = undefined;
    end?.told(answer);
  }

  #tellGone(): void {
    this.#toReplica.shut(() => {
      const machine = this.#machine;
      machine?.deliver(() => machine.calls.gone(this.id));
    });
  }
}

/** The calls of one machine. */
export class ClientCalls {
  readonly #machine: Machine;
  readonly #rng: Rng;
  readonly #open = new Map<CallId, CallLine>();
  /** All whose callers wait for this machine: also those that it has not looked at, or whose answers the gate holds. */
  readonly #lines = new Set<CallLine>();

  constructor(machine: Machine, rng: Rng) {
    this.#machine = machine;
    this.#rng = rng;
  }

  /** A call is on its way to this machine. */
  expect(line: CallLine): void {
    this.#lines.add(line);
  }

  /** A call has come. */
  open(line: CallLine): void {
    const { id, asked, identities } = line;
    this.#machine.wake();
    if (!this.#machine.isBeating) {
      this.#lines.delete(line);
      line.answer({ kind: "unavailable", reason: "no-quorum" });
      return;
    }
    this.#open.set(id, line);
    const entropy = Uint8Array.from({ length: 48 }, () => this.#rng.below(256));
    const remoteAddress = `10.1.${this.#machine.sid}.1:${id}`;
    this.#machine.accept({
      kind: "calls",
      calls: [{ ...asked, id, bytes: 200, remoteAddress, identities, entropy }],
    });
  }

  /** Its caller has hung up. */
  gone(id: CallId): void {
    if (this.#open.delete(id)) this.#machine.accept({ kind: "callGone", call: id });
  }

  /** Answers through the output gate; `onSent` is told when it has left. */
  answer(id: CallId, answer: CallAnswer, onSent: () => void): void {
    const line = this.#open.get(id);
    if (line === undefined) return;
    this.#open.delete(id);
    this.#machine.hold(() => {
      onSent();
      this.#lines.delete(line);
      line.answer(answer);
    });
  }

  /** Writes to the caller, through the output gate. */
  probe(id: CallId): void {
    const line = this.#open.get(id);
    if (line !== undefined) this.#machine.hold(() => line.probe());
  }

  /** The replica starts anew: what was asked of it before may have been done. */
  closeAll(): void {
    for (const id of this.#open.keys()) this.answer(id, { kind: "undecided" }, () => undefined);
  }

  /** The machine is gone: callers learn of it. */
  die(): void {
    for (const line of this.#lines) line.lose();
    this.#lines.clear();
    this.#open.clear();
  }
}

/** Where calls are made. */
export function callReplica(
  parts: { readonly setting: Setting; readonly reach: (sid: Sid) => Machine | undefined },
  to: { readonly sid: Sid; readonly asked: CallAsked; readonly identities: readonly Identity[] },
  end: CallEnd,
): CallSocket {
  const line = new CallLine(parts.setting.newId(), to, { end, setting: parts.setting });
  line.request(() => parts.reach(to.sid));
  return line;
}
