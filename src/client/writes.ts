/** Writes, and what is done where the connection was lost before their answer. */
import { OPEN_ACL } from "../base/acl.ts";
import { childOf, nameOf, parentOf } from "../base/path.ts";
import type { CreateRequest } from "../base/request.ts";
import { sessionKey } from "../base/ids.ts";
import type { Asker } from "./asker.ts";
import {
  BadArgumentsError,
  BadVersionError,
  ConnectionLossError,
  NoNodeError,
  NodeExistsError,
  NotEmptyError,
} from "./errors.ts";
import type { CreateOptions, DeleteOptions, VersionOptions } from "./options.ts";
import { randomUuid, type Runtime } from "./runtime.ts";
import { type Created, dataOf, type DataInput, type Stat, statOf } from "./znode.ts";

/** The wire's CreateMode. */
const FLAGS = { persistent: 0, ephemeral: 1, container: 4, ttl: 5 } as const;

/** What any version stands for on the wire. */
export const ANY_VERSION = -1;

/** Before the name of a protected znode, with a UUID in the middle. Source: Curator ProtectedUtils. */
const PROTECTED_PREFIX = "_c_";

/** The request that creates a znode as these options say. Throws BadArgumentsError. */
export function createRequest(
  {
    path,
    outer,
    data,
  }: { readonly path: string; readonly outer: string; readonly data: DataInput | undefined },
  { mode = "persistent", sequential = false, ttlMs, acl = OPEN_ACL }: CreateOptions,
): CreateRequest {
  if ((mode === "ttl") !== (ttlMs !== undefined)) {
    throw new BadArgumentsError({ path, detail: "ttlMs belongs to the mode ttl, and to no other" });
  }
  if (mode === "container" && sequential) {
    throw new BadArgumentsError({ path, detail: "a container is not sequential" });
  }
  const common = { path: outer, data: dataOf(data), acl };
  if (mode === "ttl") {
    return { op: "createTTL", ...common, flags: FLAGS.ttl + (sequential ? 1 : 0), ttlMs: ttlMs ?? 0 };
  }
  if (mode === "container") return { op: "createContainer", ...common, flags: FLAGS.container, ttlMs: 0 };
  return { op: "create2", ...common, flags: FLAGS[mode] + (sequential ? 2 : 0), ttlMs: 0 };
}

/** The writes of a client. */
export class Writes {
  readonly #asker: Asker;
  readonly #runtime: Runtime;

  constructor(asker: Asker, runtime: Runtime) {
    this.#asker = asker;
    this.#runtime = runtime;
  }

  /** Creates a znode. */
  async create(path: string, data: DataInput | undefined, options: CreateOptions): Promise<Created> {
    const uuid = options.protect === true ? randomUuid(this.#runtime.rng) : undefined;
    const asked =
      uuid === undefined ? path : childOf(parentOf(path), `${PROTECTED_PREFIX}${uuid}-${nameOf(path)}`);
    const outer = this.#asker.chroot.outer(asked, options.sequential === true);
    const request = createRequest({ path, outer, data }, options);
    let isAgain = false;
    for (;;) {
      try {
        if (isAgain && uuid !== undefined) {
          const found = await this.#findProtected(asked, options);
          if (found !== undefined) return found;
        }
        return await this.#createOnce(request, path, options);
      } catch (error) {
        if (error instanceof NoNodeError && options.parents !== undefined) {
          await this.#ensure(parentOf(outer), options.parents, options);
          continue;
        }
        const isLost = error instanceof ConnectionLossError;
        if (isLost && (uuid !== undefined || options.idempotent === true)) {
          isAgain ||= error.mayBeDone;
          continue;
        }
        if (isAgain && error instanceof NodeExistsError) {
          const own = await this.#sameData(path, request.data, options);
          if (own !== undefined) return { path, stat: own };
        }
        throw error;
      }
    }
  }

  async #createOnce(request: CreateRequest, path: string, { signal }: CreateOptions): Promise<Created> {
    const { response } = await this.#asker.ask("create2", request, { path, signal });
    return { path: this.#asker.chroot.inner(response.path), stat: statOf(response.stat) };
  }

  /**
   * The znode that a lost create made. An ephemeral must be of this session: one of a session that is about to end may
   * still stand there (CURATOR-498).
   */
  async #findProtected(asked: string, options: CreateOptions): Promise<Created | undefined> {
    const { signal } = options;
    const parent = parentOf(asked);
    const prefix = nameOf(asked).slice(0, PROTECTED_PREFIX.length + 36);
    const request = { op: "getChildren", path: this.#asker.chroot.outer(parent), watch: false } as const;
    const { response } = await this.#asker.read("children", request, { path: parent, signal });
    const name = response.children.find((child) => child.startsWith(prefix));
    if (name === undefined) return undefined;
    const path = childOf(parent, name);
    const stat = await this.#exists(path, signal);
    if (stat === undefined) return undefined;
    const own = this.#asker.session.machine.identity.id;
    const isOwn = options.mode !== "ephemeral" || sessionKey(stat.ephemeralOwner) === sessionKey(own);
    return isOwn ? { path, stat } : undefined;
  }

  async #exists(path: string, signal: AbortSignal | undefined): Promise<Stat | undefined> {
    try {
      const request = { op: "exists", path: this.#asker.chroot.outer(path), watch: false } as const;
      return statOf((await this.#asker.read("stat", request, { path, signal })).response.stat);
    } catch (error) {
      // Nothing is there: undefined says so.
      if (error instanceof NoNodeError) return undefined;
      throw error;
    }
  }

  async #sameData(
    path: string,
    data: Uint8Array | null,
    { signal }: CreateOptions | VersionOptions,
  ): Promise<Stat | undefined> {
    try {
      const request = { op: "getData", path: this.#asker.chroot.outer(path), watch: false } as const;
      const { response } = await this.#asker.read("getData", request, { path, signal });
      return sameBytes(response.data, data) ? statOf(response.stat) : undefined;
    } catch (error) {
      // Nothing is there: undefined says so.
      if (error instanceof NoNodeError) return undefined;
      throw error;
    }
  }

  /** Makes a znode, by the ensemble's name of it, and all above it, where they are missing. */
  async #ensure(outer: string, mode: "persistent" | "container", options: CreateOptions): Promise<void> {
    const { acl, signal } = options;
    const path = this.#asker.chroot.inner(outer);
    const request = createRequest({ path, outer, data: "" }, { mode, acl });
    for (;;) {
      try {
        await this.#asker.ask("create2", request, { path, signal, isRepeatable: true });
        return;
      } catch (error) {
        // It is there, or its parent lacks, which is made first.
        if (error instanceof NodeExistsError) return;
        if (!(error instanceof NoNodeError)) throw error;
        await this.#ensure(parentOf(outer), mode, options);
      }
    }
  }

  /** Replaces the data of a znode. */
  async set(path: string, data: DataInput, options: VersionOptions): Promise<Stat> {
    const { version = ANY_VERSION, signal, idempotent = false } = options;
    const bytes = dataOf(data);
    const request = { op: "setData", path: this.#asker.chroot.outer(path), data: bytes, version } as const;
    let isAgain = false;
    for (;;) {
      try {
        return statOf((await this.#asker.ask("stat", request, { path, signal })).response.stat);
      } catch (error) {
        if (idempotent && error instanceof ConnectionLossError) {
          isAgain ||= error.mayBeDone;
          continue;
        }
        if (isAgain && error instanceof BadVersionError) {
          const stat = await this.#sameData(path, bytes, options);
          if (stat?.version === version + 1) return stat;
        }
        throw error;
      }
    }
  }

  /** Deletes a znode, and what is below it where that is asked for. */
  async delete(path: string, options: DeleteOptions): Promise<void> {
    const { version = ANY_VERSION, signal, idempotent = false, recursive = false } = options;
    const request = { op: "delete", path: this.#asker.chroot.outer(path), version } as const;
    let isAgain = false;
    for (;;) {
      try {
        await this.#asker.ask("empty", request, { path, signal });
        return;
      } catch (error) {
        // Lost answers, children, and an earlier attempt that did it are what the options are for; all else is told.
        if ((idempotent || recursive) && error instanceof ConnectionLossError) {
          isAgain ||= error.mayBeDone;
        } else if (recursive && error instanceof NotEmptyError) {
          await this.#deleteChildren(path, signal);
        } else if (isAgain && error instanceof NoNodeError) {
          return;
        } else {
          throw error;
        }
      }
    }
  }

  async #deleteChildren(path: string, signal: AbortSignal | undefined): Promise<void> {
    const request = { op: "getChildren", path: this.#asker.chroot.outer(path), watch: false } as const;
    const { response } = await this.#asker.read("children", request, { path, signal });
    for (const name of response.children) {
      try {
        await this.delete(childOf(path, name), { recursive: true, signal });
      } catch (error) {
        // Somebody else was quicker.
        if (!(error instanceof NoNodeError)) throw error;
      }
    }
  }
}

function sameBytes(a: Uint8Array | null, b: Uint8Array | null): boolean {
  if (a === null || b === null) return a === b;
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
