/**
 * Takes what a system kept in its znodes, and its passwords, out of a recording. All stays as long as it was, and equal
 * contents stay equal, so that every frame is still a right one.
 */
import { createHash } from "node:crypto";

import { decodeConnectResponse } from "../../../src/jute/handshake.ts";
import { decodeRequest } from "../../../src/jute/requests.ts";
import { hex } from "../../differential/answer.ts";
import { normalise, shapeOf } from "./normalise.ts";
import type { KeptLine, Line, Recording } from "./recording.ts";

/** Where they begin in a handshake: version, zxid, timeout, session, the password's length, the password. */
const SESSION_AT = 16;
const PASSWORD_AT = 28;

/** See the file's comment. It must be given the lines in their order. */
class Scrubber {
  readonly #sessions: bigint[] = [];
  /** What stands for each content, by its bytes as latin1. */
  readonly #contents = new Map<string, Buffer>();
  /** The same as answers are shown. */
  readonly #shown = new Map<string, string>();
  /** Replaced wherever they stand: the hashes of logins. */
  readonly #hashes = new Map<string, string>();

  /** A handshake without its password, and with the number of the session that it returns to in place of its id. */
  hello(frame: Uint8Array): Uint8Array {
    const copy = Buffer.from(frame);
    copy.fill(0, PASSWORD_AT, PASSWORD_AT + 16);
    const id = copy.readBigUInt64BE(SESSION_AT);
    copy.writeBigUInt64BE(BigInt(1 + this.#sessions.indexOf(id)), SESSION_AT);
    return copy;
  }

  /** Notes the session that a handshake was answered with. */
  welcome(frame: Uint8Array): void {
    const { timeoutMs, sessionId } = decodeConnectResponse(frame);
    if (timeoutMs > 0 && !this.#sessions.includes(sessionId)) this.#sessions.push(sessionId);
  }

  /** A request without contents. */
  ask(frame: Uint8Array): Uint8Array {
    const copy = Buffer.from(frame);
    const decoded = decodeRequest(copy);
    if (decoded.kind !== "request") return copy;
    const { request } = decoded;
    if (request.op === "sasl") throw new Error("logins by SASL can't be replayed: record without them");
    if (request.op === "auth") this.#login(copy, request);
    for (const one of request.op === "multi" ? request.operations : [request]) {
      if (!("data" in one) || one.data === null || one.data.length === 0) continue;
      const at = copy.indexOf(Buffer.from(one.path));
      this.#overwrite(copy, Buffer.from(one.data), at);
    }
    this.#replaceHashes(copy);
    return copy;
  }

  /** What was told, as `normalise` shows it, with the contents that requests brought replaced. */
  told(text: string): string {
    const shown = text.replaceAll(/"data":"([^"]*)"/g, (whole, told: string) => {
      const found = this.#shown.get(told);
      return found === undefined ? whole : `"data":"${found}"`;
    });
    return [...this.#hashes].reduce((all, [from, to]) => all.replaceAll(from, to), shown);
  }

  #overwrite(frame: Buffer, data: Buffer, from: number): void {
    const length = Buffer.alloc(4);
    length.writeInt32BE(data.length);
    const at = frame.indexOf(Buffer.concat([length, data]), from);
    if (at === -1) throw new Error("a request's data are not in its frame");
    const key = data.toString("latin1");
    let filler = this.#contents.get(key);
    if (filler === undefined) {
      filler = Buffer.alloc(data.length, `content ${this.#contents.size + 1} `);
      this.#contents.set(key, filler);
      this.#shown.set(hex(data), hex(filler));
    }
    filler.copy(frame, at + length.length);
  }

  /** `user:password`: another password of the same length, and its hash wherever ACLs have it. */
  #login(frame: Buffer, request: { readonly scheme: string | null; readonly auth: Uint8Array | null }): void {
    if (request.scheme !== "digest" || request.auth === null) throw new Error(`a login by ${request.scheme}`);
    const login = Buffer.from(request.auth);
    const at = frame.indexOf(login);
    const other = Buffer.from(login);
    other.fill("x", login.indexOf(":") + 1);
    other.copy(frame, at);
    this.#hashes.set(hashOf(login), hashOf(other));
  }

  #replaceHashes(frame: Buffer): void {
    for (const [from, to] of this.#hashes) {
      for (let at = frame.indexOf(from); at !== -1; at = frame.indexOf(from, at + 1)) frame.write(to, at);
    }
  }
}

function hashOf(login: Buffer): string {
  return createHash("sha1").update(login).digest("base64");
}

/**
 * A recording of these lines without contents, passwords and ids. Throws where the server hung up on a session that
 * nobody had closed: what expired on a busy machine would have to expire again at the same moment.
 */
export function keep(about: string, lines: readonly Line[]): Recording {
  const cutOff = lines.find((line) => "closed" in line && !endsWithClose(lines, line.c));
  if (cutOff !== undefined)
    throw new Error(`connection ${cutOff.c} was cut off: record it again, on an idle machine`);
  const scrubber = new Scrubber();
  const greeted = new Set<number>();
  const kept = normalise(lines).map((shown, index): KeptLine => {
    const line = lines[index];
    if ("hello" in shown) return { c: shown.c, hello: scrubber.hello(shown.hello) };
    if ("ask" in shown) return { c: shown.c, ask: scrubber.ask(shown.ask) };
    if (!("told" in shown) || line === undefined || !("told" in line)) return shown;
    if (!greeted.has(line.c)) {
      greeted.add(line.c);
      scrubber.welcome(line.told);
    }
    return { c: shown.c, told: scrubber.told(shown.told) };
  });
  return { about, lines: kept };
}

function endsWithClose(lines: readonly Line[], c: number): boolean {
  const last = lines.findLast((line) => line.c === c && "ask" in line);
  return last !== undefined && "ask" in last && shapeOf(last.ask) === "closeSession";
}
