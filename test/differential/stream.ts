/**
 * What is done to both servers: a list of steps over a few sessions, made from a seed. Paths are written with "@" for
 * the stream's own root znode, so that the same stream can be played again under a fresh one.
 */
import type { MultiOperation, MultiReadOperation } from "../../src/base/request.ts";
import type { Saying } from "../keeper/sasl-client.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import { type ClientRequest, encodeRequest } from "../../src/jute/requests.ts";

/** A frame to send: well formed, or on purpose not. */
export type Frame =
  | {
      readonly kind: "request";
      readonly xid: number;
      readonly request: ClientRequest;
      readonly since?: Since;
    }
  /** The request's body cut off after so many bytes, under a length that fits. */
  | { readonly kind: "cut"; readonly xid: number; readonly request: ClientRequest; readonly bytes: number }
  /** The request with one byte of its body replaced. */
  | {
      readonly kind: "flip";
      readonly xid: number;
      readonly request: ClientRequest;
      readonly at: number;
      readonly to: number;
    }
  /** A SASL client's answer to the last challenge that came on the connection. */
  | { readonly kind: "login"; readonly xid: number; readonly saying: Saying; readonly twist: Twist }
  /** An opcode with a body of any bytes. */
  | { readonly kind: "opcode"; readonly xid: number; readonly type: number; readonly body: Uint8Array }
  /** Bytes for the stream itself, length included. */
  | { readonly kind: "bytes"; readonly bytes: Uint8Array };

/** What is done to a SASL client's answer: cut off after so many characters, one replaced, or something added. */
export interface Twist {
  readonly length?: number;
  readonly at?: number;
  readonly to?: string;
  readonly tail?: string;
}

/** What a setWatches compares with: the last zxid that its session saw, or none. */
export type Since = "seen" | "start";

/** Who a connect request says it is. */
export type Claim = "new" | "own" | "wrongPassword" | "shortPassword" | "unknownSession" | "ahead";

/** How a connection begins. */
export interface Hello {
  readonly claim: Claim;
  readonly timeoutMs: number;
  /** undefined for a client too old to send it. */
  readonly readOnly: boolean | undefined;
  readonly protocolVersion: number;
}

/** One thing that happens; `slot` is the number of the session's place in the stream. */
export type Step =
  /** A new TCP connection with a handshake; an open one of the slot stays open where `isTakeover`. */
  | { readonly kind: "connect"; readonly slot: number; readonly hello: Hello; readonly isTakeover: boolean }
  /** The client hangs up. */
  | { readonly kind: "drop"; readonly slot: number }
  /** The client sends some bytes and hangs up. */
  | { readonly kind: "partial"; readonly slot: number; readonly bytes: Uint8Array }
  /** Frames in one write; and nothing more before this session's watches have told that `awaited` is deleted. */
  | {
      readonly kind: "send";
      readonly slot: number;
      readonly frames: readonly Frame[];
      readonly awaited?: string;
    };

/** A whole stream. */
export interface Stream {
  readonly seed: number;
  readonly slots: number;
  /** Whether the sessions go to different replicas, with a sync before each reads what another wrote. */
  readonly isSpread: boolean;
  /** The first replica to connect to. */
  readonly replica: number;
  readonly steps: readonly Step[];
}

/** The symbol in paths for the stream's root znode. */
export const ROOT = "@";

/** Where quotas on znodes lie, below which the path of each stands again. */
export const QUOTA = "/zookeeper/quota";

/** Where quotas on the stream's own znodes lie. */
const QUOTA_OF_ROOT = `${QUOTA}${ROOT}`;

/** Whether a path, written with the symbol of the root, is one that no other stream comes to. */
export function isOwnPath(path: string): boolean {
  return path.startsWith(ROOT) || path.startsWith(QUOTA_OF_ROOT);
}

/** The path with the root in place of its symbol. */
export function resolvePath(path: string, root: string): string {
  if (path.startsWith(QUOTA_OF_ROOT)) return path.replace(ROOT, root);
  return path.startsWith(ROOT) ? root + path.slice(ROOT.length) : path;
}

/** The request with real paths. */
function resolveRequest(request: ClientRequest, root: string): ClientRequest {
  const real = (path: string): string => resolvePath(path, root);
  if (request.op === "multi") {
    return { op: "multi", operations: request.operations.map((one) => withPath<MultiOperation>(one, real)) };
  }
  if (request.op === "multiRead") {
    const operations = request.operations.map((one) => withPath<MultiReadOperation>(one, real));
    return { op: "multiRead", operations };
  }
  if (request.op === "setWatches" || request.op === "setWatches2") {
    return {
      ...request,
      dataWatches: request.dataWatches.map(real),
      existWatches: request.existWatches.map(real),
      childWatches: request.childWatches.map(real),
      persistentWatches: request.persistentWatches.map(real),
      persistentRecursiveWatches: request.persistentRecursiveWatches.map(real),
    };
  }
  return withPath(request, real);
}

function withPath<Operation extends object>(operation: Operation, real: (path: string) => string): Operation {
  return "path" in operation && typeof operation.path === "string"
    ? { ...operation, path: real(operation.path) }
    : operation;
}

/** The frame's bytes, length included. */
export function encodeFrame(frame: Frame, root: string): Uint8Array {
  switch (frame.kind) {
    case "bytes":
      return frame.bytes;
    case "opcode": {
      const writer = new JuteWriter();
      const at = writer.beginFrame();
      writer.int(frame.xid);
      writer.int(frame.type);
      writer.raw(frame.body);
      writer.endFrame(at);
      return writer.take();
    }
    case "login":
      throw new Error("a login is made of a challenge: the player does that");
    case "request":
      return encoded(frame.xid, resolveRequest(frame.request, root));
    case "cut": {
      const whole = encoded(frame.xid, resolveRequest(frame.request, root));
      const bytes = whole.slice(0, 4 + Math.min(frame.bytes, whole.length - 4));
      new DataView(bytes.buffer).setInt32(0, bytes.length - 4);
      return bytes;
    }
    case "flip": {
      const bytes = encoded(frame.xid, resolveRequest(frame.request, root));
      // Behind xid and type, which other frames vary.
      const room = bytes.length - 12;
      if (room > 0) bytes[12 + (frame.at % room)] = frame.to;
      return bytes;
    }
    default:
      return frame satisfies never;
  }
}

function encoded(xid: number, request: ClientRequest): Uint8Array {
  const writer = new JuteWriter();
  encodeRequest(writer, xid, request);
  return writer.take();
}
