/**
 * Asks a replica on a caller's behalf. Any replica will do, so the nearest is asked first: one that cannot answer has
 * done nothing, and the next is asked. Where one is lost with the request, what is safe to ask twice is asked of the
 * next. Where no answer came in the end of what changes something, its caller is told that nobody knows what became of
 * it. A read that costs a replica nothing is asked of the next as well where the first takes unusually long.
 */
import type { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { Identity } from "../../base/acl.ts";
import { ERROR_CODES } from "../../base/error-code.ts";
import type { Permission } from "../../base/grant.ts";
import type { Sid } from "../../base/ids.ts";
import { compareZxid, maxZxid, type Zxid, ZXID_ZERO } from "../../base/zxid.ts";
import {
  type CallAnswer,
  type CallAsked,
  type CallSession,
  type HistoryGone,
  type Need,
  refusedNeed,
} from "../../durable/entry.ts";
import type { HandedOver } from "../../durable/handed-over.ts";
import { type App, problem, problemDocument } from "../documents.ts";
import { boundCaller } from "../bound-caller.ts";
import { addressOf, callerOf, type CallerIdentities } from "../identities.ts";
import { tooMany } from "../gatekeeper.ts";
import { SettingsMemory } from "../settings-memory.ts";
import type { Whereabouts } from "../whereabouts.ts";
import { unknownCaller } from "./answers.ts";
import { firstOf, type Stop } from "./first-of.ts";
import { historyGone } from "./moments.ts";
import { problemOf } from "./problems.ts";
import { type Probed, ReplicaCalls } from "./replica-calls.ts";
import { readSession, readZxid, sessionText, zxidText } from "./schemas.ts";

/** A replica that cannot serve yet says so after this time, where another one has been asked before. */
const LATER_PATIENCE_MS = 1000;

/** Replicas asked, one after the other. */
const TRIES_MAX = 3;

/** What the ensemble said, and, where the caller may not do that, what it takes. */
export type Answered = CallAnswer & { readonly kind: "answered"; readonly need?: Need | undefined };

/** A question, and how it may be asked. */
export interface Question {
  readonly request: CallAsked["request"];
  /** Whether it does no harm to ask again where nobody knows if it was done: a read, or under a key. */
  readonly isRepeatable: boolean;
  /** The session that it is asked in, where that is not the header's. */
  readonly session?: CallSession;
  /** How long it may take besides. */
  readonly waitMs?: number;
  /** The replica that is to answer, where it matters which. */
  readonly sid?: Sid | undefined;
  /** What it must have delivered besides, to know what is asked about. */
  readonly minZxid?: Zxid;
}

const THROTTLED = "there are too many calls under this token";

/** Asks replicas for callers, of whom `callers` tells who they are. */
export class Asker {
  readonly #callers: CallerIdentities;
  readonly #whereabouts: Whereabouts;
  readonly #settings = new SettingsMemory();
  readonly #replicas: ReplicaCalls;

  constructor(callers: CallerIdentities, whereabouts: Whereabouts) {
    this.#callers = callers;
    this.#whereabouts = whereabouts;
    this.#replicas = new ReplicaCalls(whereabouts);
  }

  /** Who asks, as replicas are told; undefined where the caller shows a token that is none. */
  callerOf(context: Context<App>): HandedOver | undefined | Promise<HandedOver | undefined> {
    const bound = boundCaller(context.env);
    if (bound !== undefined) return bound;
    const proven = this.#callers.of(callerOf(context.req.raw), this.#settings.of(context.env).access);
    if (proven instanceof Promise) return proven.then((identities) => handedOver(context, identities));
    return handedOver(context, proven);
  }

  /**
   * Why the bearer of a request may not do that in its ensemble; undefined where it may, and where it speaks for the
   * deployment. Without a permission it is asked whether it is anybody.
   */
  async refusal(
    context: Context<App>,
    permission: Permission | undefined,
    sid?: Sid,
  ): Promise<Response | undefined> {
    if (context.get("bearer")?.kind === "deployment") return undefined;
    const caller = await this.callerOf(context);
    if (caller === undefined) return unknownCaller(context);
    const need = permission === undefined ? undefined : { permission, path: "/" };
    const request = { kind: "authorize", need } as const;
    const answer = await this.ask(context, caller, { request, isRepeatable: true, sid });
    if (answer instanceof Response) return answer;
    return answer.code === ERROR_CODES.ok ? undefined : problemOf(context, answer);
  }

  /** The answer, or a response that says why there is none. */
  async ask(context: Context<App>, caller: HandedOver, question: Question): Promise<Answered | Response> {
    const answer = await this.askProbed(context, caller, question);
    if (!(answer instanceof Response) && answer.kind === "probed")
      throw new Error("nobody asked for a probe");
    return answer;
  }

  /** The same, of what may be probed. */
  async askProbed(
    context: Context<App>,
    caller: HandedOver,
    question: Question,
  ): Promise<Answered | Probed | Response> {
    const { session, minZxid: seen } = circumstances(context);
    const minZxid = maxZxid(seen, question.minZxid ?? ZXID_ZERO);
    const asked: CallAsked = { session: question.session ?? session, minZxid, request: question.request };
    const mattersGone = !LOOKS[question.request.kind];
    let tries = 0;
    const ensemble = ensembleOf(context);
    const isHedged = costsNothing(question.request);
    let reason: "no-quorum" | "lagging" | "busy" | undefined;
    let isLost = false;
    let gone: HistoryGone | undefined;
    const { nearness } = this.#whereabouts;
    const sids = question.sid === undefined ? await this.#order(context) : [question.sid];
    const ask = async (sid: Sid, stop: Stop): Promise<Answered | Probed | Response | undefined> => {
      // The first has waited for a leader on behalf of all.
      const answer = await this.#replicas.ask(context, {
        ensemble,
        sid,
        caller,
        asked: tries++ === 0 ? asked : { ...asked, patienceMs: LATER_PATIENCE_MS },
        waitMs: question.waitMs ?? 0,
        isQuick: isHedged,
        mattersGone,
        stop,
      });
      if (answer?.kind === "answered") {
        const need = needOf(answer, question);
        return need === undefined ? answer : { ...answer, need };
      }
      if (answer?.kind === "probed") return answer;
      if (answer?.kind === "throttled") return tooMany(context, answer.waitMs, THROTTLED);
      if (answer?.kind === "unavailable" && answer.reason === "gone") gone = older(gone, answer);
      else if (answer?.kind === "unavailable") reason = answer.reason;
      else if (question.isRepeatable) isLost = true;
      else return outcomeUnknown(context, question);
      return undefined;
    };
    const found = await firstOf<Sid, Answered | Probed | Response>(sids, {
      hedgeMs: (sid) => (isHedged ? nearness.hedgeMs(ensemble, sid, performance.now()) : undefined),
      isOver: () => context.req.raw.signal.aborted,
      ask,
    });
    if (found !== undefined) return found;
    if (gone !== undefined) return historyGone(context, gone);
    this.#whereabouts.forget(ensemble);
    if (isLost && !LOOKS[question.request.kind]) return outcomeUnknown(context, question);
    return unavailable(context, reason ?? "no-quorum");
  }

  /**
   * What every replica of the ensemble answers, by its sid; of those that answer nothing, nothing. A response where
   * none does, or the first that is asked is told that its caller may not ask.
   */
  async askAll(
    context: Context<App>,
    caller: HandedOver,
    request: CallAsked["request"],
  ): Promise<ReadonlyMap<Sid, Answered | undefined> | Response> {
    const sids = (await this.#whereabouts.order(context, ensembleOf(context))).toSorted((a, b) => a - b);
    const told = await Promise.all(
      sids.map(async (sid) => {
        const answer = await this.ask(context, caller, { request, isRepeatable: true, sid });
        return { sid, answer };
      }),
    );
    const refusal = told.find(({ answer }) => answer instanceof Response && answer.status < 500)?.answer;
    if (refusal instanceof Response) return refusal;
    const [first] = told;
    const isSilent = told.every(({ answer }) => answer instanceof Response);
    if (isSilent && first?.answer instanceof Response) return first.answer;
    return new Map(
      told.map(({ sid, answer }) => [sid, answer instanceof Response ? undefined : answer] as const),
    );
  }

  async #order(context: Context<App>): Promise<readonly Sid[]> {
    const sids = await this.#whereabouts.order(context, ensembleOf(context));
    return sids.slice(0, TRIES_MAX);
  }
}

/** A caller that has proven to be these, and what its bearer is besides; undefined where it has shown what is none. */
function handedOver(context: Context<App>, proven: readonly Identity[] | undefined): HandedOver | undefined {
  if (proven === undefined) return undefined;
  const bearer = context.get("bearer");
  if (bearer === undefined) throw new Error("a request came past the gatekeeper");
  const identities = [...proven, ...bearer.identitiesFor(ensembleOf(context))];
  return { remoteAddress: addressOf(context.req.raw, context.env), identities };
}

/** What an answer says that its caller is not allowed; undefined where it says nothing of that. */
function needOf({ code, response }: Answered, { request }: Question): Need | undefined {
  const results = response.op === "multi" ? response.results : [];
  const failed = results.findIndex((result) => result.op === "error" && result.code === ERROR_CODES.noAuth);
  if (code !== ERROR_CODES.noAuth && failed === -1) return undefined;
  return refusedNeed(request, failed === -1 ? undefined : failed);
}

/** Of what two replicas keep, that which leads back further. */
function older(one: HistoryGone | undefined, other: HistoryGone): HistoryGone {
  return one !== undefined && compareZxid(one.oldest, other.oldest) <= 0 ? one : other;
}

/** What changes nothing: where it was not answered, nothing was done. */
const LOOKS: Readonly<Record<CallAsked["request"]["kind"], boolean>> = {
  read: true,
  queue: true,
  children: true,
  past: true,
  difference: true,
  explainPath: true,
  explainSession: true,
  authorize: true,
  listTokens: true,
  listHooks: true,
  whoAmI: true,
  listSessions: true,
  showSession: true,
  listWatches: true,
  listQueues: true,
  write: false,
  openSession: false,
  acquire: false,
  renew: false,
  release: false,
  proclaim: false,
  forceRelease: false,
  createToken: false,
  revokeToken: false,
  createHook: false,
  deleteHook: false,
  resumeHook: false,
  noteHook: false,
  endSession: false,
};

/** Whether a replica answers it at once from its own tree: two may be asked then, and the time tells how far it is. */
function costsNothing(request: CallAsked["request"]): boolean {
  return request.kind === "read" && !request.isLinearizable && request.change === undefined;
}

/** The ensemble that the path names: /v1 alone is `main`. */
export function ensembleOf(context: Context<App>): string {
  return context.req.param("ensemble") ?? "main";
}

/** What requests may carry; where a route takes one of these headers, what is none has been refused already. */
function circumstances(context: Context<App>): Pick<CallAsked, "session" | "minZxid"> {
  const session = validHeader(context, "session", sessionText);
  const minZxid = validHeader(context, "min-zxid", zxidText);
  return {
    session: session === undefined ? undefined : readSession(session),
    minZxid: minZxid === undefined ? ZXID_ZERO : readZxid(minZxid),
  };
}

/** Most requests have none: that is not worth a validator's refusal. */
function validHeader(context: Context<App>, name: string, schema: z.ZodType<string>): string | undefined {
  const text = context.req.header(name);
  return text === undefined ? undefined : schema.safeParse(text).data;
}

const UNAVAILABLE = {
  "no-quorum": "no replica that was asked has a leader: a majority of the voters must be up and in touch",
  lagging: "no replica has delivered what Min-Zxid names: is it of this ensemble?",
  busy: "replicas have as many requests under way as they take",
} as const;

/** Nothing was done. */
function unavailable(context: Context<App>, reason: keyof typeof UNAVAILABLE): Response {
  const detail = `${UNAVAILABLE[reason]}; nothing was done`;
  return problemDocument(context, { status: 503, code: reason, detail, headers: { "retry-after": "1" } });
}

function outcomeUnknown(context: Context<App>, { isRepeatable }: Question): Response {
  const next = isRepeatable
    ? "ask again just as you did, which does no harm"
    : "look, or send an Idempotency-Key, with which you may ask again";
  return problem(context, 504, "outcome-unknown", `it may have been done, or may yet be: ${next}`);
}
