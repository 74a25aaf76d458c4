/** A caller without a connection, as the tests need one: each call and its answer. */
import { must } from "../../src/base/assert.ts";
import type { Sid } from "../../src/base/ids.ts";
import { OPEN_ACL } from "../../src/base/acl.ts";
import type { CreateRequest, TransactRequest } from "../../src/base/request.ts";
import { type Zxid, ZXID_ZERO } from "../../src/base/zxid.ts";
import type {
  Call,
  CallAnswer,
  CallAsked,
  CallId,
  CallRequest,
  CallResponse,
  CallSession,
} from "../../src/keeper/call.ts";
import type { World } from "./world.ts";

/** What the call carries besides its request. */
type Extras = Partial<Omit<CallAsked, "request"> & Pick<Call, "trace">>;

/** A call that was made. */
export class TestCall {
  readonly sid: Sid;
  readonly id: CallId;
  answer: CallAnswer | "lost" | undefined;
  readonly #world: World;

  constructor(
    world: World,
    sid: Sid,
    asked: CallAsked,
    told: (answer: CallAnswer | "lost") => void = () => undefined,
  ) {
    this.#world = world;
    this.sid = sid;
    this.id = world.call(sid, asked, (answer) => {
      if (this.answer !== undefined) throw new Error("a call is answered twice");
      this.answer = answer;
      told(answer);
    });
  }

  /** Waits for the end of it. */
  ended(limitMs = 20_000): CallAnswer | "lost" {
    this.#world.until("the call is answered", () => this.answer !== undefined, limitMs);
    return must(this.answer, "an answer");
  }

  /** Waits for the answer, which must be one of the ensemble. */
  answered(limitMs?: number): CallAnswer & { readonly kind: "answered" } {
    const answer = this.ended(limitMs);
    if (answer === "lost" || answer.kind !== "answered") {
      throw new Error(`not answered: ${JSON.stringify(answer)}\n${this.#world.describe()}`);
    }
    return answer;
  }

  hangUp(): void {
    this.#world.hangUp(this.sid, this.id);
  }
}

/** Calls a replica. */
export function call(world: World, sid: Sid, request: CallRequest, extras: Extras = {}): TestCall {
  return new TestCall(world, sid, { session: undefined, minZxid: ZXID_ZERO, ...extras, request });
}

/** A transact of these parts. */
export function transact(parts: Partial<TransactRequest>): CallRequest {
  const nothing = { newSession: undefined, ensured: undefined, guards: [], operations: [], key: undefined };
  return { kind: "write", request: { op: "transact", ...nothing, ...parts } };
}

/** A persistent znode with a text, unless said otherwise. */
export function create(path: string, text = "", flags = 0): CreateRequest {
  return { op: "create2", path, data: new TextEncoder().encode(text), acl: OPEN_ACL, flags, ttlMs: 0 };
}

/** A key of the caller's, and what it stands for. */
export function keyOf(
  name: string,
  fingerprint = "f",
): { readonly name: string; readonly fingerprint: string } {
  return { name: name.padEnd(64, "0"), fingerprint };
}

/** Makes a session. */
export function openSession(world: World, sid: Sid, timeoutMs: number): CallSession {
  const { response } = call(world, sid, { kind: "openSession", timeoutMs }).answered();
  if (response.op !== "session") throw new Error(`no session: ${JSON.stringify(response)}`);
  return response.session;
}

/** The text at the path, as a replica shows it, and when. */
export function readText(
  world: World,
  sid: Sid,
  path: string,
  extras: Extras & { readonly isLinearizable?: boolean } = {},
): { readonly text: string | undefined; readonly zxid: Zxid } {
  const { isLinearizable = false, ...rest } = extras;
  const request = { op: "getData", path, watch: false } as const;
  const { response, zxid } = call(world, sid, { kind: "read", request, isLinearizable }, rest).answered();
  return { text: textOf(response), zxid };
}

function textOf(response: CallResponse): string | undefined {
  return response.op === "getData" ? new TextDecoder().decode(response.data ?? new Uint8Array()) : undefined;
}
