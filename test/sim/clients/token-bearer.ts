/**
 * A caller that makes tokens for others, bounded to a part of the tree, and is each of these others itself: it reads
 * and writes under the token, within its bounds and outside, at any replica, revokes it meanwhile, and goes on as if
 * nobody had told it.
 */
import { OPEN_ACL } from "../../../src/base/acl.ts";
import { must } from "../../../src/base/assert.ts";
import { ERROR_CODES } from "../../../src/base/error-code.ts";
import { scopeIdentity } from "../../../src/base/scope-identity.ts";
import { ZXID_ZERO } from "../../../src/base/zxid.ts";
import type { CallAnswer, CallRequest } from "../../../src/keeper/call.ts";
import type { CallPort } from "../../../src/world/client-port.ts";
import { hexName } from "./caller.ts";
import type { ClientParts } from "./worker.ts";
import { bytesOf, FLAGS, PLACES, TOKEN_GRANTS, WorkContext } from "./workload.ts";

/** A replica that has not answered so long is given up. */
const PATIENCE_MS = 8000;
const RETRY_MS = 200;
/** Uses of a token before it is revoked, and behind that. */
const USES_MAX = 12;
const LATE_USES_MAX = 6;

/** See the file's comment. */
export class TokenBearer {
  readonly sessions: readonly [] = [];
  readonly #parts: ClientParts;
  readonly #port: CallPort;
  readonly #context: WorkContext;
  #openCount = 0;
  #isStopped = false;

  constructor(parts: ClientParts, port: CallPort) {
    this.#parts = parts;
    this.#port = port;
    this.#context = new WorkContext(parts.name, parts.plan, parts.rng);
  }

  /** Whether nothing is unanswered. */
  get isQuiet(): boolean {
    return this.#openCount === 0;
  }

  /** Begins. */
  start(): void {
    this.#pause(() => this.#make());
  }

  /** Begins nothing more; answers are taken. */
  stop(): void {
    this.#isStopped = true;
  }

  #pause(act: () => void, delayMs = this.#parts.plan.visitPauseMs): void {
    const { clock, rng } = this.#parts;
    clock.later(1 + delayMs / 2 + rng.below(delayMs), () => {
      if (!this.#isStopped) act();
    });
  }

  #make(): void {
    if (this.#parts.isSpent()) return this.#pause(() => this.#make());
    const marker = this.#context.marker();
    const hash = hexName(marker);
    const request = {
      kind: "createToken",
      hash,
      name: "t",
      grants: TOKEN_GRANTS,
      lifeMs: undefined,
    } as const;
    return this.#until(marker, request, () => this.#use(hash, this.#parts.rng.below(USES_MAX)));
  }

  #use(hash: string, left: number): void {
    if (left > 0) {
      this.#useOnce(hash);
      return this.#pause(() => this.#use(hash, left - 1));
    }
    const { rng } = this.#parts;
    this.#until(this.#context.marker(), { kind: "revokeToken", hash }, () => undefined);
    return this.#useLate(hash, rng.below(LATE_USES_MAX));
  }

  /** The revocation is on its way, or done. */
  #useLate(hash: string, left: number): void {
    if (left === 0) return this.#pause(() => this.#make());
    this.#useOnce(hash);
    return this.#pause(() => this.#useLate(hash, left - 1));
  }

  #useOnce(hash: string): void {
    const { rng } = this.#parts;
    const marker = this.#context.marker();
    const isWithin = rng.below(4) > 0;
    const place = isWithin ? PLACES.called : this.#context.parent();
    if (rng.below(2) === 0) {
      const read = { op: "getData", path: place, watch: false } as const;
      const request = { kind: "read", request: read, isLinearizable: rng.below(2) === 0 } as const;
      return this.#ask({ marker, request, token: hash, told: () => undefined });
    }
    const create = {
      op: "create2",
      path: `${place}/t-`,
      data: bytesOf(marker),
      acl: OPEN_ACL,
      flags: FLAGS.sequential,
      ttlMs: 0,
    } as const;
    const bare = { op: "transact", newSession: undefined, ensured: undefined, key: undefined } as const;
    const request = { kind: "write", request: { ...bare, guards: [], operations: [create] } } as const;
    return this.#ask({ marker, request, token: hash, told: () => undefined });
  }

  /** Asks until it is done, by this asking or one before. */
  #until(marker: string, request: CallRequest, done: () => void): void {
    const told = (answer: CallAnswer | "lost" | undefined): void => {
      if (this.#isStopped) return;
      const isAnswered = answer !== undefined && answer !== "lost" && answer.kind === "answered";
      if (isAnswered && DONE.has(answer.code)) return done();
      this.#pause(() => this.#until(marker, request, done), RETRY_MS);
    };
    this.#ask({ marker, request, token: undefined, told });
  }

  #ask(parts: {
    readonly marker: string;
    readonly request: CallRequest;
    readonly token: string | undefined;
    readonly told: (answer: CallAnswer | "lost" | undefined) => void;
  }): void {
    const { marker: intent, request, token, told } = parts;
    const { recorder, clock, name: client } = this.#parts;
    const { sids, members = sids } = this.#parts.port;
    const sid = must(this.#context.pick(members), "a replica");
    const asked = { session: undefined, minZxid: ZXID_ZERO, request };
    const record = recorder.beginCall({ client, intent, asked, ...(token === undefined ? {} : { token }) });
    let isOpen = true;
    const end = (answer: CallAnswer | "lost" | undefined): void => {
      isOpen = false;
      this.#openCount--;
      record.endMs = recorder.moment();
      record.answer = answer;
      told(answer);
    };
    this.#openCount++;
    const identities = token === undefined ? [] : [scopeIdentity({ kind: "token", hash: token })];
    const socket = this.#port.call(sid, asked, { told: (answer) => end(answer) }, identities);
    clock.later(PATIENCE_MS, () => {
      if (!isOpen) return;
      socket.hangUp();
      end(undefined);
    });
  }
}

/** It is done, or was done by an earlier asking. */
const DONE: ReadonlySet<number> = new Set([ERROR_CODES.ok, ERROR_CODES.nodeExists, ERROR_CODES.noNode]);
