/** Streams of events: a reader asks for one, is told texts in order as it takes them, until one side is gone. */
import type { Sid } from "../base/ids.ts";
import type { Rng } from "../base/rng.ts";
import { ZXID_ZERO } from "../base/zxid.ts";
import type { StreamAsked, StreamId, StreamWord } from "../keeper/event-stream.ts";
import type { StreamReaderEnd, StreamSocket } from "./client-port.ts";
import type { Machine } from "./machine.ts";
import { Pipe } from "./pipe.ts";
import type { Setting } from "./setting.ts";

/** Seen from both sides. */
class StreamLine implements StreamSocket {
  readonly id: StreamId;
  readonly asked: StreamAsked;
  #end: StreamReaderEnd | undefined;
  #machine: Machine | undefined;
  readonly #toReplica: Pipe;
  readonly #toReader: Pipe;

  constructor(
    id: StreamId,
    asked: StreamAsked,
    parts: { readonly end: StreamReaderEnd; readonly setting: Setting },
  ) {
    const { end, setting } = parts;
    this.id = id;
    this.asked = asked;
    this.#end = end;
    const rng = setting.rng("clients", id, 2);
    const extraMs = setting.options.clientDelayMs ?? 4;
    const site = {
      agenda: setting.agenda,
      delayMs: () => 1 + rng.below(extraMs + 1),
      passes: () => true,
    };
    this.#toReplica = new Pipe(site);
    this.#toReader = new Pipe(site);
  }

  /** It is asked for; `reach` finds the replica's object, unless it is down. */
  request(reach: () => Machine | undefined): void {
    this.#toReplica.push(() => {
      const machine = reach();
      this.#machine = machine;
      if (machine === undefined) return this.lose(0);
      machine.streams.expect(this);
      machine.deliver(() => machine.streams.open(this));
    });
  }

  taken(length: number): void {
    this.#toReplica.push(() => this.#atReplica({ kind: "taken", stream: this.id, length }));
  }

  hangUp(): void {
    this.#end = undefined;
    this.#toReplica.shut(() => {
      this.#machine?.streams.gone(this);
      this.#atReplica({ kind: "closed", stream: this.id });
    });
  }

  /** What has left the output gate. */
  say(word: StreamWord): void {
    const isLast = word.kind === "refused" || word.kind === "end";
    const tell = (): void => {
      const end = this.#end;
      if (isLast) this.#end = undefined;
      end?.told(word);
    };
    if (isLast) this.#toReader.shut(tell);
    else this.#toReader.push(tell);
  }

  /** The replica is gone: of what is under way `kept` arrive yet. */
  lose(kept: number): void {
    this.#toReader.cut(kept, () => {
      const end = this.#end;
      this.#end = undefined;
      end?.lost();
    });
  }

  #atReplica(
    input:
      | { readonly kind: "taken"; readonly stream: StreamId; readonly length: number }
      | { readonly kind: "closed"; readonly stream: StreamId },
  ): void {
    const machine = this.#machine;
    machine?.deliver(() => {
      if (machine.streams.has(this) || input.kind === "closed") machine.accept({ kind: "stream", input });
    });
  }
}

/** The streams of one machine. */
export class ClientStreams {
  readonly #machine: Machine;
  readonly #rng: Rng;
  /** Those that have not ended; also those that it has not looked at. */
  readonly #lines = new Map<StreamId, StreamLine>();

  constructor(machine: Machine, rng: Rng) {
    this.#machine = machine;
    this.#rng = rng;
  }

  /** One is on its way to this machine. */
  expect(line: StreamLine): void {
    this.#lines.set(line.id, line);
  }

  has({ id }: StreamLine): boolean {
    return this.#lines.has(id);
  }

  /** One has come. */
  open({ id, asked }: StreamLine): void {
    const machine = this.#machine;
    if (!machine.isBeating) {
      const zxid = machine.tree.lastApplied;
      return this.say(id, { kind: "refused", reason: "no-quorum", zxid, oldest: ZXID_ZERO });
    }
    const remoteAddress = `10.2.${machine.sid}.1:${id}`;
    machine.accept({
      kind: "stream",
      input: { kind: "opened", opening: { ...asked, id, remoteAddress, identities: [] } },
    });
    return undefined;
  }

  /** Its reader has hung up. */
  gone({ id }: StreamLine): void {
    this.#lines.delete(id);
  }

  /** Says something, through the output gate. */
  say(id: StreamId, word: StreamWord): void {
    const line = this.#lines.get(id);
    if (line === undefined) return;
    this.#machine.hold(() => {
      if (word.kind === "refused" || word.kind === "end") this.#lines.delete(id);
      line.say(word);
    });
  }

  /** The machine is gone, or starts anew: readers learn of it, some with what was under way to them. */
  die(): void {
    for (const line of this.#lines.values()) line.lose(this.#rng.below(4));
    this.#lines.clear();
  }
}

/** Where streams are asked for. */
export function readReplica(
  parts: { readonly setting: Setting; readonly reach: (sid: Sid) => Machine | undefined },
  to: { readonly sid: Sid; readonly asked: StreamAsked },
  end: StreamReaderEnd,
): StreamSocket {
  const line = new StreamLine(parts.setting.newId(), to.asked, { end, setting: parts.setting });
  line.request(() => parts.reach(to.sid));
  return line;
}
