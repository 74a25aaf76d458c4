import { createHash } from "node:crypto";

import { describe, expect, test } from "vitest";

import type { CreateRequest } from "../../../src/base/request.ts";
import { JuteWriter } from "../../../src/jute/archive.ts";
import { encodeConnectRequest, encodeConnectResponse } from "../../../src/jute/handshake.ts";
import { type ClientRequest, decodeRequest, encodeRequest } from "../../../src/jute/requests.ts";
import { type Line, renderRecording } from "./recording.ts";
import { keep } from "./scrub.ts";

const ID = 0x1234_5678_9abcn;
const PASSWORD = Buffer.from("0123456789abcdef");
const DATA = Buffer.from('{"password":"s3cret"}');
const LOGIN = "ann:letmein";
const HASH = createHash("sha1").update(LOGIN).digest("base64");

describe("what is kept of a recording", () => {
  const lines: readonly Line[] = [
    { c: 1, hello: hello(0n) },
    { c: 1, told: welcome() },
    { c: 1, ask: ask(-4, { op: "auth", type: 0, scheme: "digest", auth: Buffer.from(LOGIN) }) },
    { c: 1, told: reply(-4) },
    { c: 1, ask: ask(1, creation("/a")) },
    { c: 1, told: reply(1, "/a") },
    { c: 1, gone: true },
    { c: 2, hello: hello(ID) },
    { c: 2, told: welcome() },
    { c: 2, ask: ask(2, { op: "multi", operations: [creation("/b"), creation("/c")] }) },
    { c: 2, gone: true },
  ];
  const kept = keep("a test", lines);
  const frames = kept.lines.flatMap((line) => ("ask" in line ? [Buffer.from(line.ask)] : []));

  test("no content, password, login or session id is left, and every frame is as long as it was", () => {
    const all = Buffer.concat([
      ...frames,
      ...kept.lines.flatMap((line) => ("hello" in line ? [Buffer.from(line.hello)] : [])),
      Buffer.from(renderRecording(kept)),
    ]);
    for (const secret of [DATA, PASSWORD, LOGIN, HASH]) expect(all.includes(secret)).toBe(false);
    expect(frames.map(({ length }) => length)).toEqual(
      lines.flatMap((line) => ("ask" in line ? [line.ask.length] : [])),
    );
  });

  test("what was equal is equal still, and a login fits the ACL that it is for", () => {
    const [login, create, multi] = frames.map(requestOf);
    if (login?.op !== "auth" || create?.op !== "create" || multi?.op !== "multi")
      throw new Error("other frames");
    const hash = createHash("sha1")
      .update(login.auth ?? "")
      .digest("base64");
    expect(create.acl).toEqual([{ perms: 31, scheme: "digest", id: `ann:${hash}` }]);
    const data = multi.operations.map((one) => ("data" in one ? one.data : undefined));
    expect(data).toEqual([create.data, create.data]);
  });

  test("who returns to a session is known by its number", () => {
    const ids = kept.lines.flatMap((line) =>
      "hello" in line ? [Buffer.from(line.hello).readBigUInt64BE(16)] : [],
    );
    expect(ids).toEqual([0n, 1n]);
  });
});

test("a recording in which a session expired is refused", () => {
  const lines: readonly Line[] = [
    { c: 1, hello: hello(0n) },
    { c: 1, told: welcome() },
    { c: 1, closed: true },
  ];
  expect(() => keep("a test", lines)).toThrow("connection 1 was cut off");
});

function hello(sessionId: bigint): Uint8Array {
  const writer = new JuteWriter();
  const lastZxidSeen = { epoch: 0, counter: 0 };
  const rest = { protocolVersion: 0, timeoutMs: 6000, readOnly: false, lastZxidSeen };
  encodeConnectRequest(writer, {
    ...rest,
    sessionId,
    password: sessionId === 0n ? new Uint8Array(16) : PASSWORD,
  });
  return writer.take().subarray(4);
}

function welcome(): Uint8Array {
  const writer = new JuteWriter();
  encodeConnectResponse(writer, {
    protocolVersion: 0,
    timeoutMs: 6000,
    sessionId: ID,
    password: PASSWORD,
    readOnly: false,
  });
  return writer.take().subarray(4);
}

function ask(xid: number, request: ClientRequest): Uint8Array {
  const writer = new JuteWriter();
  encodeRequest(writer, xid, request);
  return writer.take().subarray(4);
}

function creation(path: string): CreateRequest {
  const acl = [{ perms: 31, scheme: "digest", id: `ann:${HASH}` }];
  return { op: "create", path, data: DATA, acl, flags: 0, ttlMs: 0 };
}

function reply(xid: number, path?: string): Uint8Array {
  const writer = new JuteWriter();
  writer.int(xid);
  writer.long(5n);
  writer.int(0);
  if (path !== undefined) writer.string(path);
  return writer.take();
}

function requestOf(frame: Uint8Array): ClientRequest | undefined {
  const decoded = decodeRequest(frame);
  return decoded.kind === "request" ? decoded.request : undefined;
}
