/**
 * The command snapshot: the tree of this replica as it is now, as a file of ZooKeeper's. It is read twice, first for
 * what stands before the znodes and in the headers, in parts between which the replica goes on.
 * Source: ZooKeeper Commands.SnapshotCommand.
 */
import { type AdminSettings, snapshotIntervalMs } from "../base/admin-settings.ts";
import { zxidHex } from "../base/zxid.ts";
import { RateLimiter } from "../keeper/operations/admin-access.ts";
import { SnapshotFileWriter } from "../keeper/snapshot-file/writer.ts";
import type { FrozenTree, FrozenWalk } from "../tree/frozen-tree.ts";
import type { Tree } from "../tree/tree.ts";
import { bulkAnswer } from "./bulk-answer.ts";
import { DOWNLOAD_PART_BYTES, DOWNLOAD_STALL_MS } from "./limits.ts";

/** What it needs of its object. */
export interface SnapshotPorts {
  now(): number;
  tree(): Tree;
  /** Resolves once all that was written is durable. */
  sync(): Promise<void>;
  log(event: string, text: string): void;
}

/** Snapshots of one replica, one at a time. */
export class SnapshotCommand {
  readonly #settings: AdminSettings;
  readonly #ports: SnapshotPorts;
  readonly #limiter: RateLimiter;
  #current: Download | undefined;

  constructor(settings: AdminSettings, ports: SnapshotPorts) {
    this.#settings = settings;
    this.#ports = ports;
    this.#limiter = new RateLimiter(snapshotIntervalMs(settings));
  }

  /**
   * Answers the command; whether the caller may run it was seen to. `streaming` is its argument: anything but "true"
   * is for the headers alone.
   */
  async run(streaming: string | null): Promise<Response> {
    if (!this.#settings.snapshotEnabled) return bulkAnswer("snapshot", { status: 503 });
    if (this.#current !== undefined || !this.#limiter.allow(this.#ports.now())) {
      return bulkAnswer("snapshot", { status: 429 });
    }
    const download = new Download(
      this.#ports.tree().freeze(),
      this.#ports,
      () => (this.#current = undefined),
    );
    this.#current = download;
    const headers = await download.measure();
    if (headers === undefined) return bulkAnswer("snapshot", { status: 500 });
    if (streaming === null || streaming.toLowerCase() === "true") {
      const content = { "content-type": "application/octet-stream" };
      return new Response(download.body(), { headers: { ...headers, ...content } });
    }
    download.close();
    return bulkAnswer("snapshot", { headers });
  }

  /** Whether one is on its way. */
  get isBusy(): boolean {
    return this.#current !== undefined;
  }

  /** The tree is another from now on: what is under way cannot be finished. */
  abort(): void {
    this.#current?.fail("the replica has started anew");
  }
}

/** One snapshot on its way to a caller. */
class Download {
  readonly #frozen: FrozenTree;
  readonly #ports: SnapshotPorts;
  readonly #ended: () => void;
  readonly #writer = new SnapshotFileWriter();
  #failure: string | undefined;
  #isClosed = false;
  #stallTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(frozen: FrozenTree, ports: SnapshotPorts, ended: () => void) {
    this.#frozen = frozen;
    this.#ports = ports;
    this.#ended = ended;
  }

  /** Reads all of it once; undefined where that came to nothing. */
  async measure(): Promise<Readonly<Record<string, string>> | undefined> {
    const walk = this.#frozen.walk(false);
    for (let part = this.#next(walk); part?.length !== 0; part = this.#next(walk)) {
      if (part === undefined) return undefined;
      this.#writer.measure(part);
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    // What was delivered may rest on a write of this replica.
    await this.#ports.sync();
    return {
      last_zxid: zxidHex(this.#frozen.last),
      snapshot_size: String(this.#writer.sizeWith(this.#frozen.sessions)),
    };
  }

  /** The file, made as it is read. */
  body(): ReadableStream<Uint8Array> {
    const walk = this.#frozen.walk(true);
    let hasBegun = false;
    return new ReadableStream<Uint8Array>(
      {
        pull: (controller) => {
          clearTimeout(this.#stallTimer ?? null);
          if (!hasBegun) {
            hasBegun = true;
            controller.enqueue(this.#writer.begin(this.#frozen.sessions));
          } else {
            const part = this.#next(walk);
            if (part === undefined) return controller.error(new Error(this.#failure));
            if (part.length > 0) controller.enqueue(this.#writer.znodes(part));
            else {
              controller.enqueue(this.#writer.end(this.#frozen.last));
              controller.close();
              return this.close();
            }
          }
          this.#stallTimer = setTimeout(() => this.fail("its reader has stalled"), DOWNLOAD_STALL_MS);
        },
        cancel: () => this.close(),
      },
      { highWaterMark: 1 },
    );
  }

  /** It comes to nothing: its reader finds that when it reads on. */
  fail(reason: string): void {
    if (this.#isClosed) return;
    this.#failure = reason;
    this.#ports.log("snapshot", `comes to nothing: ${reason}`);
    this.close();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#stallTimer ?? null);
    this.#frozen.close();
    this.#ended();
  }

  #next(walk: FrozenWalk): ReturnType<FrozenWalk["next"]> | undefined {
    if (this.#frozen.isOverrun) this.fail("more is written meanwhile than memory holds: ask an observer");
    return this.#failure === undefined ? walk.next(DOWNLOAD_PART_BYTES) : undefined;
  }
}
