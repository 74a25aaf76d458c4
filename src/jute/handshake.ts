/**
 * The two frames that begin a connection. Encoders write whole frames, length included; decoders take a
 * frame's body.
 */
import type { SessionId } from "../base/ids.ts";
import type { Zxid } from "../base/zxid.ts";
import type { JuteWriter } from "./archive.ts";
import { JuteReader } from "./archive.ts";

/** The client's first frame. Source: zookeeper.jute, class ConnectRequest. */
export interface ConnectRequest {
  readonly protocolVersion: number;
  readonly lastZxidSeen: Zxid;
  readonly timeoutMs: number;
  /** 0 for a new session. */
  readonly sessionId: SessionId;
  /** Sixteen bytes from a well-behaved client; any number of them, or null, from others. */
  readonly password: Uint8Array | null;
  /** undefined where the client is too old to send it: the response must then leave it out too. */
  readonly readOnly: boolean | undefined;
}

/**
 * The answer to the first frame; timeout 0 tells that the session is gone. Source: class ConnectResponse.
 */
export interface ConnectResponse {
  readonly protocolVersion: number;
  readonly timeoutMs: number;
  readonly sessionId: SessionId;
  readonly password: Uint8Array | null;
  /** Sent only to a client that sent the same field. */
  readonly readOnly: boolean | undefined;
}

/** Writes the client's first frame: a body of 45 bytes with a password of 16, of 44 without readOnly. */
export function encodeConnectRequest(writer: JuteWriter, request: ConnectRequest): void {
  const frame = writer.beginFrame();
  writer.int(request.protocolVersion);
  writer.zxid(request.lastZxidSeen);
  writer.int(request.timeoutMs);
  writer.long(request.sessionId);
  writer.buffer(request.password);
  if (request.readOnly !== undefined) writer.bool(request.readOnly);
  writer.endFrame(frame);
}

/** Reads the client's first frame. Throws JuteError: such a connection is closed without an answer. */
export function decodeConnectRequest(body: Uint8Array): ConnectRequest {
  const reader = new JuteReader(body);
  return {
    protocolVersion: reader.int(),
    lastZxidSeen: reader.zxid(),
    timeoutMs: reader.int(),
    sessionId: reader.unsignedLong(),
    password: reader.buffer(),
    readOnly: readOptionalBool(reader),
  };
}

/** Writes the answer to the first frame: a body of 37 bytes, of 36 without readOnly. */
export function encodeConnectResponse(writer: JuteWriter, response: ConnectResponse): void {
  const frame = writer.beginFrame();
  writer.int(response.protocolVersion);
  writer.int(response.timeoutMs);
  writer.long(response.sessionId);
  writer.buffer(response.password);
  if (response.readOnly !== undefined) writer.bool(response.readOnly);
  writer.endFrame(frame);
}

/** Reads the answer to the first frame. Throws JuteError. */
export function decodeConnectResponse(body: Uint8Array): ConnectResponse {
  const reader = new JuteReader(body);
  return {
    protocolVersion: reader.int(),
    timeoutMs: reader.int(),
    sessionId: reader.unsignedLong(),
    password: reader.buffer(),
    readOnly: readOptionalBool(reader),
  };
}

function readOptionalBool(reader: JuteReader): boolean | undefined {
  return reader.remaining === 0 ? undefined : reader.bool();
}
