/** Webhooks made, listed and ended by callers who may, and how far each was told noted by who tells it. */
import { ERROR_CODES } from "../base/error-code.ts";
import {
  HOOKS_ACL,
  HOOKS_PATH,
  hookPathOf,
  type HookRecord,
  type HookState,
  hookStatePathOf,
  readHookRecord,
  readHookState,
  writeHook,
} from "../tree/webhooks.ts";
import type { Tree } from "../tree/tree.ts";
import { endOf, positionText } from "./event-stream.ts";
import type { OpenCall } from "./open-call.ts";
import { madeBelow, type ServiceHost, writeAsService } from "./service-writes.ts";
import { HOOKS_MAX } from "./stream-limits.ts";

/** What may be asked about webhooks. */
export type HookRequest =
  /** It hears what comes behind `since`, an event's id, or from now on. */
  | {
      readonly kind: "createHook";
      readonly name: string;
      readonly record: Omit<HookRecord, "createdMs">;
      readonly since: string | undefined;
    }
  | { readonly kind: "deleteHook"; readonly name: string }
  | { readonly kind: "listHooks" }
  /** It goes on behind `since`, or where it was, whatever had disabled it. */
  | { readonly kind: "resumeHook"; readonly name: string; readonly since: string | undefined }
  /** By who tells it, unless somebody else has noted something since the version. */
  | { readonly kind: "noteHook"; readonly name: string; readonly state: HookState; readonly version: number };

/** A webhook, as those see it who may list them. */
export interface KnownHook extends HookRecord, HookState {
  readonly name: string;
  /** Of its state. */
  readonly version: number;
}

/** Every webhook there is. */
export function hooksOf(tree: Tree): readonly KnownHook[] {
  if (tree.get(HOOKS_PATH) === undefined) return [];
  return tree.childNames(HOOKS_PATH).flatMap((name): readonly KnownHook[] => {
    const record = readHookRecord(tree.get(hookPathOf(name))?.data ?? null);
    const node = tree.get(hookStatePathOf(name));
    const state = readHookState(node?.data ?? null);
    if (record === undefined || state === undefined || node === undefined) return [];
    return [{ name, ...record, ...state, version: node.version }];
  });
}

/** See the file's comment. */
export class HookCalls {
  readonly #host: ServiceHost;

  constructor(host: ServiceHost) {
    this.#host = host;
  }

  /** Does one; a list is of what this replica shows. */
  do(open: OpenCall, request: HookRequest): void {
    const { tree } = this.#host.context;
    switch (request.kind) {
      case "createHook":
        return this.#create(open, request);
      case "deleteHook":
        return writeAsService(this.#host, open, [
          { op: "delete", path: hookStatePathOf(request.name), version: -1 },
          { op: "delete", path: hookPathOf(request.name), version: -1 },
        ]);
      case "listHooks": {
        const response = { op: "hooks", hooks: hooksOf(tree) } as const;
        return this.#host.answer(open, tree.lastApplied, ERROR_CODES.ok, response);
      }
      case "resumeHook": {
        const known = hooksOf(tree).find(({ name }) => name === request.name);
        if (known === undefined) return this.#host.answer(open, tree.lastApplied, ERROR_CODES.noNode);
        const state = { ...freshState(request.since ?? known.position), deliveredMs: known.deliveredMs };
        // Whatever is noted meanwhile: who tells it begins anew from this.
        return this.#set(open, request.name, { state, version: -1 });
      }
      case "noteHook":
        return this.#set(open, request.name, request);
    }
  }

  #create(open: OpenCall, { name, record, since }: HookRequest & { readonly kind: "createHook" }): void {
    const { tree } = this.#host.context;
    if ((tree.get(HOOKS_PATH)?.childCount ?? 0) >= HOOKS_MAX) {
      return this.#host.answer(open, tree.lastApplied, ERROR_CODES.quotaExceeded);
    }
    const state = freshState(since ?? positionText(endOf(tree.lastApplied)));
    const made = [
      { path: hookPathOf(name), data: writeHook({ ...record, createdMs: this.#host.context.timeMs() }) },
      { path: hookStatePathOf(name), data: writeHook(state) },
    ];
    const operations = madeBelow(tree, { path: HOOKS_PATH, acl: HOOKS_ACL }, made);
    writeAsService(this.#host, open, operations);
  }

  #set(
    open: OpenCall,
    name: string,
    { state, version }: { readonly state: HookState; readonly version: number },
  ): void {
    writeAsService(this.#host, open, [
      { op: "setData", path: hookStatePathOf(name), data: writeHook(state), version },
    ]);
  }
}

function freshState(position: string): HookState {
  return { position, failures: 0, error: "", deliveredMs: 0, disabled: "" };
}
