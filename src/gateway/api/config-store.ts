/**
 * Configuration documents as znodes: the document at its path, its schema and its history below it. A document is
 * checked against the schema that was read, and written by a transaction that wants the schema to be that one still: so
 * at commit it is valid, whoever changes either meanwhile. A znode without data is none: it stands above others.
 */
import type { Context } from "hono";
import { OPEN_ACL } from "../../base/acl.ts";
import { ERROR_CODES } from "../../base/error-code.ts";
import { parentOf } from "../../base/path.ts";
import type { EnsureRequest, Guard, TransactOperation } from "../../base/request.ts";
import type { Stat } from "../../base/stat.ts";
import { compareZxid } from "../../base/zxid.ts";
import { archivePath } from "../../durable/entry.ts";
import type { HandedOver } from "../../durable/handed-over.ts";
import type { App } from "../documents.ts";
import type { Answered, Asker } from "./ask.ts";
import { failureOf, problemOf } from "./problems.ts";
import { writeOf } from "./writes.ts";

/** Documents that were replaced and are kept. */
const HISTORY_MAX = 50;

/** How often it is looked again where something has changed between reading and writing. */
const ATTEMPTS_MAX = 4;

/** What stands at a path. */
export interface Stored {
  readonly text: string;
  readonly stat: Stat;
}

/** What a write rests on: what was read. */
export interface Basis {
  readonly document: Stored | undefined;
  readonly schema: Stored | undefined;
}

/** What is to be done on that. */
export interface Change {
  readonly operations: readonly TransactOperation[];
  readonly guards: readonly Guard[];
  /** Whether the document that stands there is kept. */
  readonly isArchived: boolean;
}

/** Where the schema of a document is. */
export function schemaPath(path: string): string {
  return `${path}/.schema`;
}

/** One caller, who reads and changes documents. */
export class ConfigStore {
  readonly #context: Context<App>;
  readonly #asker: Asker;
  readonly #caller: HandedOver;

  constructor(context: Context<App>, asker: Asker, caller: HandedOver) {
    this.#context = context;
    this.#asker = asker;
    this.#caller = caller;
  }

  /** What stands there; undefined for nothing, a response for a problem. */
  async read(path: string, isLinearizable: boolean): Promise<Stored | undefined | Response> {
    const getData = { op: "getData", path, watch: false } as const;
    const request = { kind: "read", request: getData, isLinearizable } as const;
    const answer = await this.#asker.ask(this.#context, this.#caller, { request, isRepeatable: true });
    if (answer instanceof Response) return answer;
    if (answer.code === ERROR_CODES.noNode) return undefined;
    if (answer.response.op !== "getData") return problemOf(this.#context, answer);
    const { data, stat } = answer.response;
    return { text: new TextDecoder().decode(data ?? new Uint8Array()), stat };
  }

  /** The names of the children; none where there is no such znode. */
  async children(path: string, isLinearizable: boolean): Promise<readonly string[] | Response> {
    const list = { op: "getChildren2", path, watch: false } as const;
    const request = { kind: "read", request: list, isLinearizable } as const;
    const answer = await this.#asker.ask(this.#context, this.#caller, { request, isRepeatable: true });
    if (answer instanceof Response) return answer;
    if (answer.code === ERROR_CODES.noNode) return [];
    return answer.response.op === "children2" ? answer.response.children : problemOf(this.#context, answer);
  }

  /**
   * Does what `plan` makes of what is there, and again, of what is there then, where that has changed meanwhile. Under
   * the caller's key `asked` must come again.
   */
  async change(
    path: string,
    asked: unknown,
    plan: (basis: Basis, isLinearizable: boolean) => Promise<Change | Response> | Change | Response,
  ): Promise<Answered | Response> {
    for (let attempt = 1; ; attempt++) {
      const isLinearizable = attempt > 1;
      const basis = await this.#basis(path, isLinearizable);
      if (basis instanceof Response) return basis;
      const change = await plan(basis, isLinearizable);
      if (change instanceof Response) return change;
      const { operations, guards, isArchived } = change;
      const archived = isArchived ? { path, max: HISTORY_MAX } : undefined;
      const question = await writeOf(this.#context, this.#caller, { operations, guards, archived, asked });
      const answer = await this.#asker.ask(this.#context, this.#caller, question);
      if (answer instanceof Response) return answer;
      const failure = failureOf(answer);
      if (failure === undefined) return answer;
      const isOver = attempt === ATTEMPTS_MAX || !CHANGED.has(failure.code);
      if (isOver || (await this.#isStill(path, basis))) return problemOf(this.#context, failure);
    }
  }

  async #basis(path: string, isLinearizable: boolean): Promise<Basis | Response> {
    const [document, schema] = await Promise.all(
      [path, schemaPath(path)].map(async (one) => await this.read(one, isLinearizable)),
    );
    if (document instanceof Response) return document;
    if (schema instanceof Response) return schema;
    return { document, schema };
  }

  /** Whether it is as it was read: then it is the caller's own condition that does not hold. */
  async #isStill(path: string, basis: Basis): Promise<boolean> {
    const now = await this.#basis(path, true);
    if (now instanceof Response) return true;
    return isSame(now.document, basis.document) && isSame(now.schema, basis.schema);
  }
}

/** Errors of conditions that what was read may be too old for. */
const CHANGED: ReadonlySet<number> = new Set([
  ERROR_CODES.badVersion,
  ERROR_CODES.noNode,
  ERROR_CODES.nodeExists,
  ERROR_CODES.notEmpty,
]);

function isSame(a: Stored | undefined, b: Stored | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  const isUnchanged = compareZxid(a.stat.mzxid, b.stat.mzxid) === 0;
  return isUnchanged && compareZxid(a.stat.pzxid, b.stat.pzxid) === 0;
}

/** What it takes for what was read there to be there still. */
export function unchanged(path: string, stored: Stored | undefined): Pick<Change, "operations" | "guards"> {
  if (stored === undefined) return { operations: [], guards: [{ kind: "absent", path }] };
  const { czxid, version } = stored.stat;
  return {
    operations: [{ op: "check", path, version }],
    guards: [{ kind: "same", path, czxid }],
  };
}

/** Makes what stands above the path, and stays: a document may come to stand there. */
export function ensuredAbove(path: string): readonly EnsureRequest[] {
  const above: EnsureRequest[] = [];
  for (let at = parentOf(path); at !== "/"; at = parentOf(at)) above.unshift(ensuredAt(at));
  return above;
}

/** Makes a znode without data, where there is none. */
export function ensuredAt(path: string): EnsureRequest {
  return { op: "ensure", path, data: new Uint8Array(), acl: OPEN_ACL };
}

/** One that was replaced, or is to be. */
export interface Revision {
  /** 20 digits: the zxid of the write that made it. */
  readonly revision: string;
  readonly version: number;
  /** When it was written, in Unix milliseconds. */
  readonly writtenMs: number;
}

/** What the name of a znode in the history tells; undefined of another one's. */
export function revisionOf(name: string): Revision | undefined {
  const [, revision, version, writtenMs] = /^(\d{20})-(-?\d+)-(\d+)$/.exec(name) ?? [];
  if (revision === undefined) return undefined;
  return { revision, version: Number(version), writtenMs: Number(writtenMs) };
}

/** Deletes what belongs to the document, children first. */
export async function planDelete(
  store: ConfigStore,
  path: string,
  isLinearizable: boolean,
): Promise<readonly TransactOperation[] | Response> {
  const history = archivePath(path);
  const [own, kept] = await Promise.all(
    [path, history].map(async (one) => await store.children(one, isLinearizable)),
  );
  if (own instanceof Response) return own;
  if (kept === undefined || own === undefined) return [];
  if (kept instanceof Response) return kept;
  const below = own.filter((name) => name.startsWith(".")).map((name) => `${path}/${name}`);
  return [...kept.map((name) => `${history}/${name}`), ...below].map((one) => {
    return { op: "delete", path: one, version: -1 };
  });
}
