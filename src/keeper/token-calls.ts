/** Tokens made, listed and revoked by callers who may. What they are is told in tree/tokens.ts. */
import { ERROR_CODES } from "../base/error-code.ts";
import { nameOf } from "../base/path.ts";
import { readToken, tokenPathOf, TOKENS_ACL, TOKENS_PATH, writeToken } from "../tree/tokens.ts";
import type { CallRequest, KnownToken } from "./call.ts";
import { TOKENS_MAX } from "./limits.ts";
import type { OpenCall } from "./open-call.ts";
import { madeBelow, type ServiceHost, writeAsService } from "./service-writes.ts";

/** See the file's comment. */
export class TokenCalls {
  readonly #host: ServiceHost;

  constructor(host: ServiceHost) {
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
    const made = [{ path: tokenPathOf(hash), data: writeToken(record) }];
    const operations = madeBelow(tree, { path: TOKENS_PATH, acl: TOKENS_ACL }, made);
    const tokens = [{ hash, ...record }];
    writeAsService(this.#host, open, operations, { op: "tokens", tokens });
  }

  /** From now on it is none, at every replica that has delivered this. */
  revoke(open: OpenCall, hash: string): void {
    writeAsService(this.#host, open, [{ op: "delete", path: tokenPathOf(hash), version: -1 }]);
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
}
