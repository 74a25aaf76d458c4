/**
 * The SDK as a client of the keepers of test/keeper/world.ts: its transport and its clock are the world's, so that the
 * same seed gives the same run. Promises go on between two events of the world.
 */
import type { Sid } from "../../src/base/ids.ts";
import { seededRng } from "../../src/base/rng.ts";
import type { Client } from "../../src/client/client.ts";
import { connect } from "../../src/client/connect.ts";
import type { ConnectOptions } from "../../src/client/options.ts";
import type { Runtime } from "../../src/client/runtime.ts";
import type { Channel, ChannelListener } from "../../src/client/transport.ts";
import { World } from "../keeper/world.ts";

/** Until something is there, in ms of the world. */
const LIMIT_MS = 60_000;

/** See the file's comment. */
export class ClientWorld {
  readonly world: World;
  /** What listeners threw. */
  readonly reported: unknown[] = [];
  readonly #channels = new Set<WorldChannel>();
  #reachable: readonly Sid[];
  #isDirty = false;
  #runtimes = 0;

  constructor(seed: number, voters = 3) {
    this.world = new World({ voters, seed }).startAll();
    this.world.untilServing();
    this.#reachable = this.world.sids;
  }

  /** A client of these replicas that is connected. */
  async client(options: ConnectOptions & { readonly sids?: readonly Sid[] } = {}): Promise<Client> {
    const { sids = this.world.sids, ...rest } = options;
    return await this.get(connect(sids.map(String), { ...this.reach(), ...rest }));
  }

  /** With what a client of the SDK reaches this world: its endpoints are the replicas' numbers. */
  reach(): Pick<ConnectOptions, "timeoutMs" | "transport" | "runtime"> {
    const transport = (endpoint: string, listener: ChannelListener): Channel =>
      this.#open(Number(endpoint), listener);
    return { timeoutMs: 4000, transport, runtime: this.#runtime() };
  }

  /** From now on clients reach these replicas alone; those that are connected stay. */
  reachable(sids: readonly Sid[]): void {
    this.#reachable = sids;
  }

  /** Breaks every connection of clients, unseen by their replicas where that is asked for. */
  cutClients(isUnnoticed = false): void {
    for (const channel of this.#channels) channel.cut(isUnnoticed);
  }

  /** Lets time pass until the promise has settled; what it came to. */
  async get<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = (): void => {
      isSettled = true;
    };
    promise.then(settled, settled);
    await this.until("a promise settles", () => isSettled);
    return await promise;
  }

  /** Lets time pass until the condition holds; throws where it does not within the limit. */
  async until(what: string, condition: () => boolean, limitMs: number = LIMIT_MS): Promise<void> {
    const untilMs = this.world.nowMs + limitMs;
    for (;;) {
      await this.#settle();
      if (condition()) return;
      this.world.until(what, () => this.#isDirty, untilMs - this.world.nowMs);
    }
  }

  /** Lets so much time pass. */
  async run(durationMs: number): Promise<void> {
    let isOver = false;
    this.#later(durationMs, () => {
      isOver = true;
    });
    await this.until("time passes", () => isOver);
  }

  /** Lets all promises go on that can, while the world stands still. */
  async #settle(): Promise<void> {
    do {
      this.#isDirty = false;
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    } while (this.#isDirty);
  }

  #later(delayMs: number, act: () => void): void {
    this.world.later(delayMs, () => {
      this.#isDirty = true;
      act();
    });
  }

  #runtime(): Runtime {
    const { world } = this;
    return {
      nowMs: () => world.nowMs,
      unixMs: () => world.nowMs,
      startTimer: (delayMs, callback) => {
        let isOff = false;
        this.#later(delayMs, () => {
          if (!isOff) callback();
        });
        return () => {
          isOff = true;
        };
      },
      rng: seededRng([++this.#runtimes, world.rng.uint32(), 3, 4]),
      report: (error) => this.reported.push(error),
    };
  }

  #open(sid: Sid, listener: ChannelListener): Channel {
    const dirty = (): void => {
      this.#isDirty = true;
    };
    const isReachable = this.#reachable.includes(sid);
    const channel = new WorldChannel(this.world, isReachable ? sid : undefined, { listener, dirty });
    this.#channels.add(channel);
    return channel;
  }
}

/** A connection to a replica of the world. */
class WorldChannel implements Channel {
  readonly #world: World;
  /** undefined for a replica that cannot be reached. */
  readonly #sid: Sid | undefined;
  readonly #listener: ChannelListener;
  readonly #dirty: () => void;
  readonly #connection: number | undefined;
  #isOver = false;
  #readBytes = 0;

  constructor(
    world: World,
    sid: Sid | undefined,
    { listener, dirty }: { readonly listener: ChannelListener; readonly dirty: () => void },
  ) {
    this.#world = world;
    this.#sid = sid;
    this.#listener = listener;
    this.#dirty = dirty;
    this.#connection = this.#connect();
    world.later(1, () => {
      if (this.#connection === undefined) this.#end("refused");
      else this.#tell(() => this.#listener.onOpen());
    });
  }

  #connect(): number | undefined {
    if (this.#sid === undefined) return undefined;
    return this.#world.connect(this.#sid, {
      onBytes: (bytes) => {
        this.#readBytes += bytes.length;
        this.#tell(() => this.#listener.onBytes(bytes));
      },
      takeRead: () => {
        const taken = this.#readBytes;
        this.#readBytes = 0;
        return taken;
      },
      onFlow: () => undefined,
      onClosed: () => this.#end("the replica hung up"),
    });
  }

  send(bytes: Uint8Array): void {
    if (this.#sid === undefined || this.#connection === undefined || this.#isOver) return;
    this.#world.clientSends(this.#sid, this.#connection, bytes);
  }

  close(): void {
    this.#isOver = true;
    this.#leave(false);
  }

  /** The network breaks it. */
  cut(isUnnoticed: boolean): void {
    if (this.#isOver) return;
    this.#leave(isUnnoticed);
    this.#end("cut");
  }

  #leave(isUnnoticed: boolean): void {
    if (this.#sid === undefined || this.#connection === undefined) return;
    this.#world.clientCloses(this.#sid, this.#connection, isUnnoticed);
  }

  #tell(tell: () => void): void {
    if (this.#isOver) return;
    this.#dirty();
    tell();
  }

  #end(reason: string): void {
    this.#tell(() => {
      this.#isOver = true;
      this.#listener.onEnd(reason);
    });
  }
}
