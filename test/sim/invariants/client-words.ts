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

  /** Whether these bytes, given to a replica, complete a frame. What is none, as four letters are, is a word too. */
  complete(run: Run, connection: ConnectionId, bytes: Uint8Array): boolean {
    const decoders = this.#decoders.get(run) ?? new Map<ConnectionId, FrameDecoder>();
    this.#decoders.set(run, decoders);
    const decoder = decoders.get(connection) ?? new FrameDecoder(FRAME_BYTES_MAX);
    decoders.set(connection, decoder);
    try {
      decoder.push(bytes);
      let isComplete = false;
      while (decoder.next() !== undefined) isComplete = true;
      return isComplete;
    } catch (error) {
      if (error instanceof JuteError) return true;
      throw error;
    }
  }

  /** The client begins anew on the same connection: what it had begun to say is not read. */
  restart(run: Run, connection: ConnectionId): void {
    this.#decoders.get(run)?.delete(connection);
  }
}
