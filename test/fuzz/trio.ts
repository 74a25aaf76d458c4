/**
 * An ensemble of three replicas whose messages arrive at once and in order, with two bystanders at the second. A
 * replica can be taken over: then whoever drives this speaks for it, on links and in elections, and hears nothing.
 */
import { must } from "../../src/base/assert.ts";
import type { Sid } from "../../src/base/ids.ts";
import { compareZxid, type Zxid, zxidText } from "../../src/base/zxid.ts";
import type { Action } from "../../src/keeper/turn.ts";
import { decodeNotification, encodeNotification } from "../../src/keeper/zab-codec.ts";
import { digestText } from "../../src/tree/digest.ts";
import type { LinkId } from "../../src/zab/message.ts";
import { Register } from "../zab/register.ts";
import { Bystanders } from "./bystanders.ts";
import { expectThat, Finding } from "./episode.ts";
import { FuzzReplica, openingOf } from "./replica.ts";

const VOTERS: readonly Sid[] = [1, 2, 3];
/** Messages that may follow one event: more of them is work without bound. */
const MESSAGES_MAX = 20_000;

interface Link {
  readonly learner: Sid;
  readonly leader: Sid;
  /** By the sid that knows the link under it. */
  readonly ids: ReadonlyMap<Sid, LinkId>;
}

/** What happens to replicas, one after the other. */
type Event = () => void;

/** See the file's comment. */
export class Trio {
  readonly replicas: ReadonlyMap<Sid, FuzzReplica>;
  readonly bystanders: Bystanders;
  /** Where the bystanders are. */
  readonly home: Sid;
  /** For whom another speaks: undefined for nobody. */
  takenOver: Sid | undefined;
  /** Who hears the others no more, but whoever speaks for them. */
  misled: Sid | undefined;
  /** The misled replica asks the leader it believes in for a link. */
  onOpenLink: (to: Sid) => void = () => undefined;
  /** Links of whoever speaks for others, as long as they are open. */
  readonly forged: Map<LinkId, Sid> = new Map();
  readonly #queue: Event[] = [];
  readonly #links = new Map<LinkId, Link>();
  readonly #cut = new Set<Sid>();
  #nextLink = 1;
  readonly #bystanderBytes: { readonly connection: number; readonly bytes: number }[] = [];

  constructor(home: Sid) {
    this.home = home;
    const register = new Register();
    const replicas = VOTERS.map((sid) => {
      const onAction = (action: Action): void => this.#act(sid, action);
      return [sid, new FuzzReplica({ sid, voters: VOTERS, register, onAction })] as const;
    });
    this.replicas = new Map(replicas);
    this.bystanders = new Bystanders({
      send: (connection, bytes) =>
        this.input(home, { kind: "clientBytes", received: [{ connection, bytes }] }),
      settle: (until) => this.#settle(until),
    });
  }

  replica(sid: Sid): FuzzReplica {
    return must(this.replicas.get(sid), `replica ${sid}`);
  }

  /** Elects a leader and lets the bystanders begin. */
  begin(): this {
    this.until("all serve", () => [...this.replicas.values()].every(({ keeper }) => keeper.serving));
    for (const id of [1, 2])
      this.input(this.home, { kind: "clientOpened", opening: openingOf(id, "10.0.0.1") });
    this.pump();
    this.bystanders.begin();
    return this;
  }

  /** The replica that leads and serves. */
  get leader(): Sid | undefined {
    return [...this.replicas.values()].find(({ sid, keeper }) => {
      return sid !== this.takenOver && keeper.serving && keeper.status().mode === "leader";
    })?.sid;
  }

  /** A replica that is not taken over is fed with something. */
  input(sid: Sid, input: Parameters<FuzzReplica["step"]>[0]): void {
    if (sid !== this.takenOver) this.replica(sid).step(input);
  }

  /** Lets time pass at all replicas, in ticks of 50 ms. */
  pass(durationMs: number): void {
    for (let left = durationMs; left > 0; left -= 50) {
      for (const { sid } of this.replicas.values()) {
        const replica = this.replica(sid);
        replica.nowMs += 50;
        this.input(sid, { kind: "tick" });
      }
      this.pump();
      const sent = this.#bystanderBytes.splice(0);
      if (sent.length > 0) this.input(this.home, { kind: "clientsSent", sent });
    }
  }

  /** Lets time pass until the condition holds. */
  until(what: string, condition: () => boolean, limitMs = 20_000): void {
    for (let left = limitMs; left > 0; left -= 50) {
      if (condition()) return;
      this.pass(50);
    }
    const states = [...this.replicas.values()].map(({ sid, keeper, tree }) => {
      const { mode, acceptedEpoch, currentEpoch, lastZxid, zab } = keeper.status();
      const zxids = `${lastZxid} ${zxidText(tree.lastApplied)}`;
      return `${sid} ${mode} ${acceptedEpoch}/${currentEpoch} ${zxids} ${zab.lastElectionReason}`;
    });
    throw new Finding(`not within ${limitMs} ms: ${what}; ${states.join("; ")}`);
  }

  /** Delivers what is on its way, and what that leads to. */
  pump(): void {
    for (let count = 0; count < MESSAGES_MAX; count++) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      next();
    }
    throw new Finding("messages without end");
  }

  /** Whoever speaks for another opens a link to a replica, under any sid; gives the replica's name for it. */
  openLinkTo(to: Sid, as: Sid, role: "from-learner" | "to-leader"): LinkId {
    const link = this.#nextLink++;
    this.forged.set(link, to);
    this.input(to, { kind: "linkOpened", link, sid: as, role });
    this.pump();
    return link;
  }

  /** The misled replica starts again, and hears the others. */
  enlighten(sid: Sid): void {
    this.misled = undefined;
    for (const [link, at] of this.forged) if (at === sid) this.forged.delete(link);
    this.replica(sid).restart();
    this.heal();
  }

  /** The replica is cut off from the others: its links close, and none comes about. */
  cut(sid: Sid): void {
    this.#cut.add(sid);
    for (const [id, link] of this.#links) if (link.ids.has(sid)) this.#close(id);
    this.pump();
  }

  heal(): void {
    this.#cut.clear();
  }

  /** Two replicas that have applied the same have the same tree; and neither has forgotten what was committed. */
  checkEqual(sids: readonly Sid[], since: Zxid): void {
    const at = new Map<string, string>();
    for (const sid of sids) {
      const { tree } = this.replica(sid);
      const zxid = zxidText(tree.lastApplied);
      const digest = digestText(tree.digest);
      const known = at.get(zxid);
      expectThat(known === undefined || known === digest, () => `at ${zxid} replica ${sid} has another tree`);
      at.set(zxid, digest);
      expectThat(compareZxid(tree.lastApplied, since) >= 0, () => `replica ${sid} is back at ${zxid}`);
    }
  }

  #settle(until: () => boolean): void {
    this.pump();
    for (let left = 400; left > 0 && !until(); left--) this.pass(50);
  }

  #act(sid: Sid, action: Action): void {
    switch (action.kind) {
      case "linkSend":
        return this.#send(sid, action.link, action.bytes);
      case "openLink":
        return this.#later(() => this.#open(sid, action.to));
      case "closeLink":
        return this.#close(action.link, sid);
      case "notify":
        return this.#later(() => this.#notify(sid, action.to, encodeNotification(action.notification)));
      case "clientSend":
        if (!this.bystanders.onBytes(action.connection, action.bytes)) return;
        this.#bystanderBytes.push({ connection: action.connection, bytes: action.bytes.length });
        return;
      case "clientClose":
      case "clientDrop":
        this.bystanders.onClosed(action.connection);
        return;
      case "register":
      case "clientFlow":
      case "clientWord":
      case "callProbe":
      case "callAnswer":
      case "stream":
      case "span":
      case "log":
    }
  }

  #later(event: Event): void {
    this.#queue.push(event);
  }

  #send(from: Sid, id: LinkId, bytes: Uint8Array): void {
    const link = this.#links.get(id);
    if (link === undefined) return;
    const to = link.learner === from ? link.leader : link.learner;
    this.#later(() => {
      if (this.#links.has(id))
        this.input(to, { kind: "linkBytes", link: must(link.ids.get(to), "an end"), bytes });
    });
  }

  #open(from: Sid, to: Sid): void {
    if (from === this.misled) return this.onOpenLink(to);
    if (this.#cut.has(from) || this.#cut.has(to) || !this.replicas.has(to)) {
      return this.input(from, { kind: "linkFailed", to });
    }
    const ids = new Map([from, to].map((sid) => [sid, this.#nextLink++]));
    const link: Link = { learner: from, leader: to, ids };
    for (const id of ids.values()) this.#links.set(id, link);
    this.input(to, {
      kind: "linkOpened",
      link: must(ids.get(to), "an end"),
      sid: from,
      role: "from-learner",
    });
    this.input(from, { kind: "linkOpened", link: must(ids.get(from), "an end"), sid: to, role: "to-leader" });
  }

  /** A link ends; its other side, or both where nobody ended it, are told. */
  #close(id: LinkId, by?: Sid): void {
    const link = this.#links.get(id);
    this.forged.delete(id);
    if (link === undefined) return;
    for (const [sid, own] of link.ids) {
      this.#links.delete(own);
      if (sid !== by) this.#later(() => this.input(sid, { kind: "linkClosed", link: own }));
    }
  }

  #notify(from: Sid, to: Sid, bytes: Uint8Array): void {
    if (this.#cut.has(from) || this.#cut.has(to) || to === this.takenOver || !this.replicas.has(to)) return;
    this.input(to, { kind: "notification", notification: decodeNotification(bytes) });
    const answer = encodeNotification(this.replica(to).keeper.notification());
    this.input(from, { kind: "notification", notification: decodeNotification(answer) });
  }
}
