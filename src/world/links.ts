/** Links between replicas as a machine has them: opened by learners, FIFO in each direction, closed by either side. */
import type { Sid } from "../base/ids.ts";
import { LINK_DEADLINE_MS } from "../durable/limits.ts";
import type { LinkId } from "../zab/message.ts";
import type { Machine } from "./machine.ts";
import type { Network } from "./network.ts";
import { Pipe } from "./pipe.ts";
import type { Setting } from "./setting.ts";

/** Where the object of a replica is found; the search brings it to life. */
export interface Objects {
  /** Undefined while the replica is down. */
  reach(sid: Sid): Machine | undefined;
}

/** One side of a link. */
interface End {
  readonly id: LinkId;
  readonly owner: Machine;
  readonly out: Pipe;
  /** Whether the owner's keeper knows it and has not heard of its end. */
  isOpen: boolean;
}

/** What a learner waits for. */
interface Attempt {
  readonly opener: Machine;
  /** The link is open, unless the learner has given up; whether it has not. */
  done(): boolean;
  /** It came to nothing. */
  fail(): void;
}

/** A link, from the moment when the leader has it. */
export class Link {
  readonly #learner: End;
  readonly #leader: End;
  readonly #attempt: Attempt;
  /** What arrived before the learner knew that the link is open. */
  #early: (() => void)[] | undefined = [];

  constructor(
    attempt: Attempt,
    leader: Machine,
    parts: { readonly setting: Setting; readonly network: Network },
  ) {
    const { setting, network } = parts;
    const { agenda } = setting;
    this.#attempt = attempt;
    const pipe = (from: Sid, to: Sid): Pipe =>
      new Pipe({
        agenda,
        delayMs: () => network.delayMs(from, to),
        passes: () => network.passes(from, to),
      });
    const { opener } = attempt;
    this.#learner = { id: setting.newId(), owner: opener, out: pipe(opener.sid, leader.sid), isOpen: false };
    this.#leader = { id: setting.newId(), owner: leader, out: pipe(leader.sid, opener.sid), isOpen: true };
  }

  /** The number by which this machine knows it. */
  idAt(machine: Machine): LinkId {
    return this.#endOf(machine).id;
  }

  /** The sid at the other end. */
  otherThan(machine: Machine): Sid {
    return this.#farFrom(machine).owner.sid;
  }

  /** The leader's answer goes out: the link is open. */
  confirm(): void {
    this.#leader.out.push(() => this.#attempt.opener.deliver(() => this.#confirmed()));
  }

  /** A frame, which must have left its sender's output gate. */
  send(from: Machine, bytes: Uint8Array): void {
    this.#endOf(from).out.push(() => this.#arrive(this.#farFrom(from), bytes));
  }

  /** One side hangs up; the other learns of it behind all that was sent. */
  close(by: Machine): void {
    this.#endOf(by).out.shut(() => this.#closed(this.#farFrom(by)));
  }

  /** One side takes no more notice of it. */
  leave(by: Machine): void {
    this.#endOf(by).isOpen = false;
  }

  /** Breaks: in each direction the oldest `kept` frames under way arrive. */
  break(kept: number): void {
    this.#learner.out.cut(kept, () => this.#closed(this.#leader));
    this.#leader.out.cut(kept, () => this.#closed(this.#learner));
  }

  /** Carries nothing more, and nobody is told. */
  mute(): void {
    this.#learner.out.mute();
    this.#leader.out.mute();
  }

  /** Frames that waited for the way to be passable go on. */
  resume(): void {
    this.#learner.out.resume();
    this.#leader.out.resume();
  }

  /** Whether neither side has it any more. */
  get isOver(): boolean {
    return !this.#leader.isOpen && !this.#learner.isOpen && this.#early === undefined;
  }

  #confirmed(): void {
    const { opener } = this.#attempt;
    const early = this.#early ?? [];
    if (this.#early === undefined) return;
    this.#early = undefined;
    if (!this.#attempt.done()) {
      this.close(opener);
      return;
    }
    this.#learner.isOpen = true;
    opener.links.adopt(this, "to-leader");
    for (const act of early) act();
  }

  #arrive(end: End, bytes: Uint8Array): void {
    end.owner.deliver(() => {
      const arrive = (): void => {
        if (end.isOpen) end.owner.accept({ kind: "linkBytes", link: end.id, bytes });
      };
      if (end === this.#learner && this.#early !== undefined) this.#early.push(arrive);
      else arrive();
    });
  }

  #closed(end: End): void {
    end.owner.deliver(() => {
      if (end === this.#learner && this.#early !== undefined) {
        this.#early = undefined;
        this.#attempt.fail();
        return;
      }
      if (!end.isOpen) return;
      end.isOpen = false;
      end.owner.links.lost(end.id);
    });
  }

  #endOf(machine: Machine): End {
    return machine === this.#leader.owner ? this.#leader : this.#learner;
  }

  #farFrom(machine: Machine): End {
    return machine === this.#leader.owner ? this.#learner : this.#leader;
  }
}

/** The links of one machine. */
export class Links {
  readonly #machine: Machine;
  readonly #setting: Setting;
  readonly #network: Network;
  readonly #objects: Objects;
  readonly #links = new Map<LinkId, Link>();

  constructor(
    machine: Machine,
    parts: { readonly setting: Setting; readonly network: Network; readonly objects: Objects },
  ) {
    this.#machine = machine;
    this.#setting = parts.setting;
    this.#network = parts.network;
    this.#objects = parts.objects;
  }

  /** Sends a frame through the output gate; `onSent` is told when it has left. */
  send(id: LinkId, bytes: Uint8Array, onSent: (to: Sid) => void): void {
    const machine = this.#machine;
    const link = this.#links.get(id);
    if (link === undefined) return;
    machine.hold(() => {
      onSent(link.otherThan(machine));
      link.send(machine, bytes);
    });
  }

  /** Closes a link of ours; no linkClosed follows. */
  close(id: LinkId): void {
    const link = this.#links.get(id);
    if (link === undefined) return;
    this.#forget(id, link);
    this.#machine.hold(() => link.close(this.#machine));
  }

  /** Closes all, without a word to the keeper, which is about to be replaced. */
  closeAll(): void {
    for (const id of this.#links.keys()) this.close(id);
  }

  /** The machine is gone: the other sides learn of it. */
  die(): void {
    for (const [id, link] of this.#links) {
      this.#forget(id, link);
      link.close(this.#machine);
    }
  }

  /** Opens a link to a leader; linkOpened or linkFailed follows. */
  open(to: Sid): void {
    this.#machine.hold(() => this.#request(to));
  }

  /** A link is open at this end. */
  adopt(link: Link, role: "to-leader" | "from-learner"): void {
    const id = link.idAt(this.#machine);
    this.#links.set(id, link);
    this.#machine.accept({ kind: "linkOpened", link: id, sid: link.otherThan(this.#machine), role });
  }

  /** The other side is gone. */
  lost(id: LinkId): void {
    if (this.#links.delete(id)) this.#machine.accept({ kind: "linkClosed", link: id });
  }

  #forget(id: LinkId, link: Link): void {
    this.#links.delete(id);
    link.leave(this.#machine);
  }

  #request(to: Sid): void {
    const machine = this.#machine;
    const { agenda } = this.#setting;
    const network = this.#network;
    const from = machine.sid;
    let isOver = false;
    const done = (): boolean => {
      const isInTime = !isOver && machine.isAlive;
      isOver = true;
      return isInTime;
    };
    const fail = (): void => {
      if (done()) machine.accept({ kind: "linkFailed", to });
    };
    agenda.later(machine.home.clock.worldMs(LINK_DEADLINE_MS), fail);
    const isKnownToFail = network.rng("network", from, to).below(2) === 0;
    agenda.later(network.delayMs(from, to), () => {
      // Some networks say that nobody is there, others say nothing.
      if (!network.passes(from, to) || !network.passes(to, from)) {
        if (isKnownToFail) fail();
        return;
      }
      const target = this.#objects.reach(to);
      if (target === undefined) agenda.later(network.delayMs(to, from), fail);
      else target.deliver(() => target.links.take({ opener: machine, done, fail }));
    });
  }

  /** A learner opens a link to this machine. */
  take(attempt: Attempt): void {
    this.#machine.wake();
    const link = new Link(attempt, this.#machine, { setting: this.#setting, network: this.#network });
    this.#network.add(link, attempt.opener.sid, this.#machine.sid);
    this.adopt(link, "from-learner");
    this.#machine.hold(() => link.confirm());
  }
}
