/** Tokens: what is asked under one is done while it stands and within its grants, and never else. */
import { ERROR_CODES } from "../../../src/base/error-code.ts";
import { type Grant, isGranted } from "../../../src/base/grant.ts";
import type { CallAnswer } from "../../../src/keeper/call.ts";
import { compareZxid, type Zxid, zxidText } from "../../../src/base/zxid.ts";
import { Violation } from "../verdict.ts";
import type { Replay } from "./replay.ts";
import type { CallRecord } from "./types.ts";

const TOKENS = "/zookeeper/tokens/";

/** What is refused for its token's sake. */
export const REFUSED: ReadonlySet<number> = new Set([ERROR_CODES.authFailed, ERROR_CODES.noAuth]);

/** 0 where it was done; of several operations the first that was refused decides. */
export function codeOf({ code, response }: CallAnswer & { readonly kind: "answered" }): number {
  if (code !== ERROR_CODES.ok || response.op !== "multi") return code;
  const refused = response.results.find((result) => result.op === "error" && result.code !== ERROR_CODES.ok);
  return refused?.op === "error" ? refused.code : code;
}

/** From which zxid on a token stood, and from which on it did not. */
interface Life {
  readonly from: Zxid;
  until?: Zxid;
}

/** `doneAt` tells where in the log a wish was done. */
export function checkTokens(
  calls: readonly CallRecord[],
  { changes }: Pick<Replay, "changes">,
  doneAt: (intent: string) => readonly Zxid[],
): readonly Violation[] {
  const lives = livesOf(changes);
  return calls.flatMap((call) => {
    const { token, intent, answer, asked } = call;
    if (token === undefined) return [];
    const grants = grantsOf(calls, token);
    const life = lives.get(token);
    const done = asked.request.kind === "write" ? doneAt(intent) : [];
    const told = answer !== undefined && answer !== "lost" && answer.kind === "answered" ? answer : undefined;
    const code = told === undefined ? undefined : codeOf(told);
    const shown = told !== undefined && code === ERROR_CODES.ok ? [told.zxid] : [];
    const wrong = [...done, ...shown].find((zxid) => !stands(life, zxid));
    const found: Violation[] = [];
    const report = (what: string): void => {
      found.push(new Violation("TokensBound", `${intent} (${asked.request.kind}): ${what}`));
    };
    if (wrong !== undefined) report(`it is done at ${zxidText(wrong)}, where its token ${lifeText(life)}`);
    if (done.length + shown.length > 0 && !isWithin(call, grants))
      report("it is outside of its token's grants");
    if (told === undefined || code === undefined || !REFUSED.has(code)) return found;
    if (code === ERROR_CODES.authFailed && stands(life, told.zxid))
      report(`its token is unknown at ${zxidText(told.zxid)}, and ${lifeText(life)}`);
    if (code === ERROR_CODES.noAuth && isWithin(call, grants))
      report("it is refused within its token's grants");
    return found;
  });
}

function livesOf(changes: Replay["changes"]): ReadonlyMap<string, Life> {
  const lives = new Map<string, Life>();
  for (const { kind, path, zxid } of changes) {
    if (!path.startsWith(TOKENS)) continue;
    const hash = path.slice(TOKENS.length);
    const life = lives.get(hash);
    if (kind === "created" && life === undefined) lives.set(hash, { from: zxid });
    else if (kind === "deleted" && life !== undefined) life.until = zxid;
  }
  return lives;
}

function stands(life: Life | undefined, zxid: Zxid): boolean {
  if (life === undefined || compareZxid(zxid, life.from) < 0) return false;
  return life.until === undefined || compareZxid(zxid, life.until) < 0;
}

function lifeText(life: Life | undefined): string {
  if (life === undefined) return "never stood";
  const until = life.until === undefined ? "for good" : `until ${zxidText(life.until)}`;
  return `stood from ${zxidText(life.from)} ${until}`;
}

function grantsOf(calls: readonly CallRecord[], token: string): readonly Grant[] {
  for (const { asked } of calls)
    if (asked.request.kind === "createToken" && asked.request.hash === token) return asked.request.grants;
  return [];
}

function isWithin({ asked: { request } }: CallRecord, grants: readonly Grant[]): boolean {
  if (request.kind === "read") return isGranted(grants, "read", request.request.path);
  if (request.kind !== "write" || request.request.op !== "transact") return true;
  return request.request.operations.every((one) => isGranted(grants, "write", one.path));
}
