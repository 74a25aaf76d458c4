import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { JuteReader, JuteWriter } from "../../src/jute/archive.ts";
import { FrameDecoder } from "../../src/jute/framing.ts";
import {
  decodeConnectRequest,
  decodeConnectResponse,
  encodeConnectRequest,
  encodeConnectResponse,
} from "../../src/jute/handshake.ts";
import { clientOpcodeName, OPCODES } from "../../src/jute/opcodes.ts";
import {
  readAcls,
  readIdentities,
  readMultiHeader,
  readStat,
  writeAcls,
  writeIdentities,
  writeMultiHeader,
  writeStat,
} from "../../src/jute/records.ts";
import { decodeRequest, encodeRequest } from "../../src/jute/requests.ts";
import type { RequestOpcodeName } from "../../src/jute/responses.ts";
import { decodeServerMessage, encodeReply, encodeWatchEvent } from "../../src/jute/responses.ts";
import { decodeTxn, encodeTxn } from "../../src/jute/txn.ts";
import * as arbitrary from "./arbitraries.ts";

/** The body of the single frame that `write` makes. */
function bodyOf(write: (writer: JuteWriter) => void): Uint8Array {
  const writer = new JuteWriter(1);
  write(writer);
  const decoder = new FrameDecoder(1 << 30);
  decoder.push(writer.take());
  const body = decoder.next();
  expect(body).toBeDefined();
  expect(decoder.bufferedBytes).toBe(0);
  return body ?? new Uint8Array(0);
}

/** Which requests a response answers, each response answering at least one. */
const ANSWERED: Readonly<Record<RequestOpcodeName, keyof typeof arbitrary.responsesByOp>> = {
  create: "path",
  delete: "empty",
  exists: "stat",
  getData: "getData",
  setData: "stat",
  getACL: "getACL",
  setACL: "stat",
  getChildren: "children",
  sync: "path",
  ping: "empty",
  getChildren2: "children2",
  check: "empty",
  multi: "multi",
  create2: "create2",
  reconfig: "getData",
  checkWatches: "empty",
  removeWatches: "empty",
  createContainer: "create2",
  deleteContainer: "empty",
  createTTL: "create2",
  multiRead: "multi",
  auth: "empty",
  setWatches: "empty",
  sasl: "sasl",
  getEphemerals: "ephemerals",
  getAllChildrenNumber: "count",
  setWatches2: "empty",
  addWatch: "error",
  whoAmI: "identities",
  createSession: "empty",
  closeSession: "empty",
};

describe("what is written is read back the same", () => {
  it.each(Object.entries(arbitrary.requestsByOp))("request %s", (op, requests) => {
    fc.assert(
      fc.property(arbitrary.int, requests, (xid, request) => {
        const body = bodyOf((writer) => encodeRequest(writer, xid, request));
        expect(decodeRequest(body)).toEqual({ kind: "request", xid, request });
        expect(request.op).toBe(op);
      }),
    );
  });

  it("every operation that a client may ask for has a request", () => {
    const askable = Object.values(OPCODES).flatMap((type) => clientOpcodeName(type) ?? []);
    expect(askable.toSorted()).toEqual(Object.keys(arbitrary.requestsByOp).toSorted());
  });

  it.each(Object.entries(ANSWERED))("reply to %s, which is a %s", (op, kind) => {
    const header = fc.record({ xid: fc.nat(), zxid: arbitrary.zxid, error: fc.constant(0) });
    fc.assert(
      fc.property(header, arbitrary.responsesByOp[kind], (replyHeader, response) => {
        const body = bodyOf((writer) => encodeReply(writer, replyHeader, response));
        const asked = new Map([[replyHeader.xid, op as RequestOpcodeName]]);
        expect(decodeServerMessage(body, (xid) => asked.get(xid))).toEqual({
          kind: "reply",
          header: replyHeader,
          response,
        });
      }),
    );
  });

  it("every response answers some request", () => {
    const kinds = Object.keys(arbitrary.responsesByOp);
    expect([...new Set(Object.values(ANSWERED))].toSorted()).toEqual(kinds.toSorted());
  });

  it.each(Object.entries(arbitrary.txnsByKind))("transaction %s", (kind, txns) => {
    fc.assert(
      fc.property(arbitrary.txnHeader, txns, (header, txn) => {
        const writer = new JuteWriter(1);
        encodeTxn(writer, header, txn);
        expect(decodeTxn(writer.take())).toEqual({ header, txn });
        expect(txn.kind).toBe(kind);
      }),
    );
  });

  it("the handshake, with and without the read-only byte", () => {
    const shared = {
      protocolVersion: arbitrary.int,
      timeoutMs: arbitrary.int,
      sessionId: arbitrary.session,
      password: arbitrary.data,
      readOnly: fc.constantFrom(undefined, false, true),
    };
    const requests = fc.record({ ...shared, lastZxidSeen: arbitrary.zxid });
    fc.assert(
      fc.property(requests, fc.record(shared), (request, response) => {
        const asked = bodyOf((writer) => encodeConnectRequest(writer, request));
        expect(decodeConnectRequest(asked)).toEqual(request);
        const answered = bodyOf((writer) => encodeConnectResponse(writer, response));
        expect(decodeConnectResponse(answered)).toEqual(response);
      }),
    );
  });

  it("watch events", () => {
    const events = fc.record({ type: arbitrary.int, state: arbitrary.int, path: arbitrary.text });
    fc.assert(
      fc.property(arbitrary.zxid, events, (zxid, event) => {
        const body = bodyOf((writer) => encodeWatchEvent(writer, zxid, event));
        const message = decodeServerMessage(body, () => undefined);
        expect(message).toEqual({ kind: "event", zxid, event });
      }),
    );
  });

  it("stat, acl, identities and multi headers", () => {
    const headers = fc.record({ type: arbitrary.int, done: fc.boolean(), error: arbitrary.int });
    const identities = fc.array(fc.record({ scheme: arbitrary.text, id: arbitrary.text }));
    fc.assert(
      fc.property(arbitrary.stat, arbitrary.acls, identities, headers, (stat, acls, shown, header) => {
        const writer = new JuteWriter(1);
        writeStat(writer, stat);
        expect(writer.length).toBe(68);
        writeAcls(writer, acls);
        writeIdentities(writer, shown);
        writeMultiHeader(writer, header);
        const reader = new JuteReader(writer.take());
        expect(readStat(reader)).toEqual(stat);
        expect(readAcls(reader)).toEqual(acls);
        expect(readIdentities(reader)).toEqual(shown);
        expect(readMultiHeader(reader)).toEqual(header);
        reader.end();
      }),
    );
  });
});

describe("null and empty data are not the same", () => {
  const cases = [null, new Uint8Array(0), new Uint8Array([0])];

  it.each(cases)("in requests: %j", (data) => {
    const request = { op: "setData", path: "/a", data, version: -1 } as const;
    const decoded = decodeRequest(bodyOf((writer) => encodeRequest(writer, 1, request)));
    expect(decoded).toStrictEqual({ kind: "request", xid: 1, request });
  });

  it.each(cases)("in transactions: %j", (data) => {
    const header = { session: 1n, xid: 1, timeMs: 1, origin: { sid: 1, instance: 1, serial: 1 } };
    const txn = { kind: "setData", path: "/a", data, version: 3 } as const;
    const writer = new JuteWriter();
    encodeTxn(writer, header, txn);
    expect(decodeTxn(writer.take())).toStrictEqual({ header, txn });
  });
});

describe("lone surrogates", () => {
  it("become U+FFFD instead of an error", () => {
    const writer = new JuteWriter();
    for (const value of ["a\ud800", "\udc00b", "\ud800\ud800\udc00", "é\udfff", "\ud800é"]) {
      writer.string(value);
      writer.text(value);
    }
    const reader = new JuteReader(writer.take());
    for (const shown of ["a\ufffd", "\ufffdb", "\ufffd\u{10000}", "é\ufffd", "\ufffdé"]) {
      expect(reader.string()).toBe(shown);
      expect(reader.text()).toBe(shown);
    }
    reader.end();
  });
});
