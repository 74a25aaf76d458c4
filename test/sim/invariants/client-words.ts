/** When bytes of a client are a word: where they complete a frame. A half of one tells a replica nothing. */
import { FrameDecoder } from "../../../src/jute/framing.ts";
import { JuteError } from "../../../src/jute/jute-error.ts";
import type { ConnectionId } from "../../../src/keeper/connection.ts";
import type { Run } from "./runs.ts";

/** No request of a test is larger. */
const FRAME_BYTES_MAX = 64 * 1024 * 1024;

/** See the file's comment. */
export class ClientWords {
  readonly #decoders = new Map<Run, Map<ConnectionId, FrameDecoder>>();
  readonly #counts = new Map<Run, Map<ConnectionId, number>>();

  /** Whether these bytes, given to a replica, complete a frame. What is none, as four letters are, is a word too. */
  complete(run: Run, connection: ConnectionId, bytes: Uint8Array): boolean {
    const decoders = this.#decoders.get(run) ?? new Map<ConnectionId, FrameDecoder>();
    this.#decoders.set(run, decoders);
    const decoder = decoders.get(connection) ?? new FrameDecoder(FRAME_BYTES_MAX);
    decoders.set(connection, decoder);
    try {
      decoder.push(bytes);
      let count = 0;
      while (decoder.next() !== undefined) count++;
      this.#note(run, connection, count);
      return count > 0;
    } catch (error) {
      if (error instanceof JuteError) return true;
      throw error;
    }
  }

  /** The client begins anew on the same connection: what it had begun to say is not read. */
  restart(run: Run, connection: ConnectionId): void {
    this.#decoders.get(run)?.delete(connection);
    this.#counts.get(run)?.delete(connection);
  }

  /** How many frames this start was given on the connection: the handshake and requests. */
  count(run: Run, connection: ConnectionId): number {
    return this.#counts.get(run)?.get(connection) ?? 0;
  }

  /** The replica is gone. */
  end(run: Run): void {
    this.#decoders.delete(run);
    this.#counts.delete(run);
  }

  #note(run: Run, connection: ConnectionId, count: number): void {
    const counts = this.#counts.get(run) ?? new Map<ConnectionId, number>();
    this.#counts.set(run, counts);
    counts.set(connection, count + (counts.get(connection) ?? 0));
  }
}
