/** What clients are told, read as they read it, but no further than the header of each reply. */
import type { SessionId } from "../../../src/base/ids.ts";
import { equalZxid, type Zxid, ZXID_ZERO } from "../../../src/base/zxid.ts";
import { JuteReader } from "../../../src/jute/archive.ts";
import { FrameDecoder } from "../../../src/jute/framing.ts";
import { decodeConnectResponse } from "../../../src/jute/handshake.ts";
import { XIDS } from "../../../src/jute/opcodes.ts";
import { JuteError } from "../../../src/jute/jute-error.ts";
import { readReplyHeader, ZXID_UNKNOWN } from "../../../src/jute/records.ts";
import type { ConnectionId } from "../../../src/keeper/connection.ts";
import type { Run } from "./runs.ts";

/** No reply of a test is larger. */
const FRAME_BYTES_MAX = 64 * 1024 * 1024;

/** Something that a client is told. */
export type Told =
  /** The answer to its handshake. */
  | { readonly kind: "session"; readonly session: SessionId; readonly timeoutMs: number }
  /** A reply or an event that shows a zxid. */
  | { readonly kind: "zxid"; readonly session: SessionId; readonly xid: number; readonly zxid: Zxid };

interface Stream {
  /** Undefined for a connection that speaks something else: a four-letter word was asked. */
  decoder: FrameDecoder | undefined;
  session: SessionId | undefined;
  /** Answers so far: to the handshake, and to requests. */
  answers: number;
}

/** See the file's comment. */
export class ClientStreams {
  readonly #streams = new Map<Run, Map<ConnectionId, Stream>>();

  /** Bytes left for a client; gives what they tell. */
  read(run: Run, connection: ConnectionId, bytes: Uint8Array): readonly Told[] {
    const streams = this.#streams.get(run) ?? new Map<ConnectionId, Stream>();
    this.#streams.set(run, streams);
    const stream = streams.get(connection) ?? newStream();
    streams.set(connection, stream);
    try {
      return framesOf(stream, bytes);
    } catch (error) {
      if (!(error instanceof JuteError)) throw error;
      stream.decoder = undefined;
      return [];
    }
  }

  /** The connection has stood over a night: it has no handshake behind it, unless its client begins anew. */
  stands(run: Run, connection: ConnectionId, session: SessionId): void {
    const streams = this.#streams.get(run) ?? new Map<ConnectionId, Stream>();
    this.#streams.set(run, streams);
    streams.set(connection, { ...newStream(), session });
  }

  /** The client begins anew on the same connection. */
  restart(run: Run, connection: ConnectionId): void {
    this.#streams.get(run)?.delete(connection);
  }

  /** How many answers have left for the client: to its handshake, and to requests. */
  answers(run: Run, connection: ConnectionId): number {
    return this.#streams.get(run)?.get(connection)?.answers ?? 0;
  }

  /** The replica is gone, and its connections with it. */
  end(run: Run): void {
    this.#streams.delete(run);
  }
}

function newStream(): Stream {
  return { decoder: new FrameDecoder(FRAME_BYTES_MAX), session: undefined, answers: 0 };
}

function framesOf(stream: Stream, bytes: Uint8Array): readonly Told[] {
  const { decoder } = stream;
  const told: Told[] = [];
  decoder?.push(bytes);
  for (let body = decoder?.next(); body !== undefined; body = decoder?.next()) {
    if (stream.session === undefined) {
      const { sessionId, timeoutMs } = decodeConnectResponse(body);
      stream.session = sessionId;
      stream.answers++;
      if (sessionId !== 0n) told.push({ kind: "session", session: sessionId, timeoutMs });
      continue;
    }
    const { xid, zxid } = readReplyHeader(new JuteReader(body));
    if (xid !== XIDS.notification && xid !== XIDS.doze) stream.answers++;
    if (equalZxid(zxid, ZXID_ZERO) || equalZxid(zxid, ZXID_UNKNOWN)) continue;
    told.push({ kind: "zxid", session: stream.session, xid, zxid });
  }
  return told;
}
