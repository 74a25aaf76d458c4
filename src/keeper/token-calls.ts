/** Tokens made, listed and revoked by callers who may. What they are is told in tree/tokens.ts. */
import { ERROR_CODES } from "../base/error-code.ts";
import type { CreateRequest, TransactOperation, TransactRequest } from "../base/request.ts";
import type { Identity } from "../base/acl.ts";
import type { Outcome } from "../base/txn.ts";
import { nameOf } from "../base/path.ts";
import type { Zxid } from "../base/zxid.ts";
import { readToken, tokenPathOf, TOKENS_ACL, TOKENS_PATH, writeToken } from "../tree/tokens.ts";
import { SUPER } from "./auth.ts";
import type { CallRequest, CallResponse, KnownToken } from "./call.ts";
import type { DoorContext } from "./door-context.ts";
import { TOKENS_MAX } from "./limits.ts";
import type { OpenCall } from "./open-call.ts";

/** What it needs of the door. */
interface TokenHost {
  readonly context: DoorContext;
  /** Sends the call's write as these; tells what came of it, unless nobody knows. */
  readonly send: (
    open: OpenCall,
    write: { readonly request: TransactRequest; readonly identities: readonly Identity[] },
    done: (delivered: { readonly zxid: Zxid; readonly outcome: Outcome }) => void,
  ) => void;
  readonly answer: (open: OpenCall, zxid: Zxid, code: number, response?: CallResponse) => void;
}

/** See the file's comment. */
export class TokenCalls {
  readonly #host: TokenHost;

  constructor(host: TokenHost) {
    this.#host = host;
  }

  /** Its caller alone knows the token itself. */
  create(open: OpenCall, request: CallRequest & { readonly kind: "createToken" }): void {
    const { context } = this.#host;
    const { tree } = context;
    const { name, hash, grants, lifeMs } = request;
    if ((tree.get(TOKENS_PATH)?.childCount ?? 0) >= TOKENS_MAX) {
      return this.#host.answer(open, tree.lastApplied, ERROR_CODES.quotaExceeded);
    }
    const createdMs = context.timeMs();
    const expiresMs = lifeMs === undefined ? undefined : createdMs + lifeMs;
    const record = { name, grants, createdMs, expiresMs };
    // A replica that lags finds the parent missing where it is there: putting it again does no harm.
    const parent: TransactOperation = {
      op: "put",
      path: TOKENS_PATH,
      data: new Uint8Array(0),
      acl: TOKENS_ACL,
    };
    const created = createOf(tokenPathOf(hash), writeToken(record));
    const operations = tree.get(TOKENS_PATH) === undefined ? [parent, created] : [created];
    const tokens = [{ hash, ...record }];
    this.#write(open, operations, { op: "tokens", tokens });
  }

  /** From now on it is none, at every replica that has delivered this. */
  revoke(open: OpenCall, hash: string): void {
    this.#write(open, [{ op: "delete", path: tokenPathOf(hash), version: -1 }], { op: "empty" });
  }

  /** All of them. */
  list(open: OpenCall): void {
    const { tree } = this.#host.context;
    const paths = tree.get(TOKENS_PATH) === undefined ? [] : tree.childNames(TOKENS_PATH).map(tokenPathOf);
    const tokens = paths.flatMap((path): readonly KnownToken[] => {
      const record = readToken(tree.get(path)?.data ?? null);
      return record === undefined ? [] : [{ hash: nameOf(path), ...record }];
    });
    this.#host.answer(open, tree.lastApplied, ERROR_CODES.ok, { op: "tokens", tokens });
  }

  /** As the service itself, which alone may write there, and within the caller's scope at that moment. */
  #write(open: OpenCall, operations: readonly TransactOperation[], response: CallResponse): void {
    const request = {
      op: "transact",
      newSession: undefined,
      ensured: undefined,
      guards: [],
      operations,
      key: undefined,
    } as const;
    const identities = [SUPER, ...open.identities];
    this.#host.send(open, { request, identities }, ({ zxid, outcome }) => {
      const failed = outcome.kind === "multi" ? outcome.outcomes.find(isFailure) : outcome;
      const code = failed?.kind === "error" ? failed.code : ERROR_CODES.ok;
      this.#host.answer(open, zxid, code, response);
    });
  }
}

function isFailure(outcome: Outcome): boolean {
  return outcome.kind === "error" && outcome.code !== ERROR_CODES.ok;
}

function createOf(path: string, data: Uint8Array): CreateRequest {
  return { op: "create2", path, data, acl: TOKENS_ACL, flags: 0, ttlMs: 0 };
}
