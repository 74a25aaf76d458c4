import { DEFAULT_ACCESS } from "../../src/base/access-settings.ts";
import { describe, expect, it } from "vitest";
import { OPEN_ACL } from "../../src/base/acl.ts";
import { must } from "../../src/base/assert.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import { encodeConnectRequest } from "../../src/jute/handshake.ts";
import { type ClientRequest, encodeRequest } from "../../src/jute/requests.ts";
import { ClientDoor } from "../../src/keeper/client-door.ts";
import { ForwardWindow } from "../../src/keeper/forward-window.ts";
import { FORWARD_ATTEMPTS_MAX, PENDING_REQUESTS_MAX } from "../../src/keeper/limits.ts";
import type { ForwardedRequest } from "../../src/keeper/link-message.ts";
import { WatchTable } from "../../src/tree/watch-table.ts";
import { freshTree } from "../tree/harness.ts";

const CREATE: ClientRequest = {
  op: "create",
  path: "/a",
  data: null,
  acl: OPEN_ACL,
  flags: 0,
  ttlMs: 0,
};

/** A door whose leader is the test: it sees what is forwarded, and says what is delivered. */
class Subject {
  readonly forwarded: ForwardedRequest[] = [];
  readonly door: ClientDoor;
  readonly #window = new ForwardWindow();
  #counter = 0;

  constructor() {
    const tree = freshTree();
    this.door = new ClientDoor(
      {
        tree,
        auth: { superDigest: undefined, sha1Base64: () => "", md5Hex: () => "", access: DEFAULT_ACCESS },
        origin: { sid: 1, instance: 1 },
        timeMs: () => 0,
        serving: () => true,
        mayPromise: () => true,
        tellLeader: () => undefined,
        forward: (request) => this.forwarded.push(request),
        negotiateTimeout: (askedMs) => askedMs,
        makeSession: () => ({ session: 5n, password: new Uint8Array(16) }),
        window: this.#window,
        bounds: { maxConnections: 0, maxConnectionsPerAddress: 0 },
        log: () => undefined,
        report: () => {
          throw new Error("no word is sent here");
        },
      },
      new WatchTable(),
    );
    const opening = {
      id: 1,
      remoteAddress: "127.0.0.1:9",
      transport: "websocket" as const,
      entropy: new Uint8Array(48),
    };
    this.door.opened(opening);
    const writer = new JuteWriter();
    encodeConnectRequest(writer, {
      protocolVersion: 0,
      lastZxidSeen: { epoch: 0, counter: 0 },
      timeoutMs: 10_000,
      sessionId: 0n,
      password: new Uint8Array(16),
      readOnly: false,
    });
    this.door.received(1, writer.take());
    this.deliver();
    this.actions();
  }

  send(requests: readonly ClientRequest[]): void {
    const writer = new JuteWriter();
    requests.forEach((request, index) => encodeRequest(writer, index + 1, request));
    this.door.received(1, writer.take());
  }

  /** The oldest forwarded write that is not yet delivered. */
  deliver(): void {
    const { origin } = must(this.forwarded.shift(), "something was forwarded");
    this.#counter++;
    this.#window.delivered(origin.serial);
    this.door.delivered(origin.serial, { epoch: 1, counter: this.#counter }, { kind: "done" });
  }

  actions(): readonly string[] {
    return this.door.takeActions().map(({ kind }) => kind);
  }
}

describe("a write that no leader lives to propose", () => {
  it("is forwarded to FORWARD_ATTEMPTS_MAX leaders, then its connection is closed", () => {
    const subject = new Subject();
    subject.send([CREATE]);
    for (let reign = 1; reign < FORWARD_ATTEMPTS_MAX; reign++) {
      subject.door.suspend();
      subject.door.resume();
    }
    expect(subject.forwarded.length).toBe(FORWARD_ATTEMPTS_MAX);
    expect(subject.actions()).toEqual([]);

    subject.door.suspend();
    subject.door.resume();

    expect(subject.forwarded.length).toBe(FORWARD_ATTEMPTS_MAX);
    expect(subject.actions()).toContain("clientClose");
  });
});

describe("more requests than a connection may have unanswered", () => {
  it("stay bytes until there is room, though they came in one message, and are then taken in order", () => {
    const subject = new Subject();
    const count = 3 * PENDING_REQUESTS_MAX + 7;
    subject.send(Array.from({ length: count }, () => CREATE));
    expect(subject.forwarded.length).toBe(PENDING_REQUESTS_MAX);
    expect(subject.actions()).toEqual(["clientFlow"]);

    const xids: number[] = [];
    let waiting = 0;
    while (subject.forwarded.length > 0) {
      waiting = Math.max(waiting, subject.forwarded.length);
      xids.push(must(subject.forwarded[0], "a write").xid);
      subject.deliver();
    }

    expect(waiting).toBe(PENDING_REQUESTS_MAX);
    expect(xids).toEqual(Array.from({ length: count }, (_, index) => index + 1));
    expect(subject.actions()).toContain("clientFlow");
  });
});
