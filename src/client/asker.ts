/** Asks on the program's behalf: its paths, its retries, and answers of the kind that was asked for. */
import type { Response } from "../base/request.ts";
import type { ClientRequest } from "../jute/requests.ts";
import type { Chroot } from "./chroot.ts";
import { ConnectionLossError, UnexpectedError } from "./errors.ts";
import type { Reply, Session } from "./session.ts";
import type { WatchEvent } from "./znode.ts";

/** What a request is asked with. */
export interface AskOptions {
  /** The program's form of the path, which errors name. */
  readonly path?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly watch?: ((event: WatchEvent) => void) | undefined;
  /** Whether it is asked again where the connection was lost before the answer. */
  readonly isRepeatable?: boolean;
}

/** An answer of one kind. */
export type ReplyOf<Op extends Response["op"]> = Omit<Reply, "response"> & {
  readonly response: Response & { readonly op: Op };
};

/** The session, seen through a chroot. */
export class Asker {
  readonly session: Session;
  readonly chroot: Chroot;
  readonly #retriesReads: boolean;

  constructor(
    session: Session,
    { chroot, retriesReads }: { readonly chroot: Chroot; readonly retriesReads: boolean },
  ) {
    this.session = session;
    this.chroot = chroot;
    this.#retriesReads = retriesReads;
  }

  /** Asks; throws typed errors, and the signal's reason. */
  async ask<Op extends Response["op"]>(
    op: Op,
    request: ClientRequest,
    options: AskOptions = {},
  ): Promise<ReplyOf<Op>> {
    const { path, signal, watch, isRepeatable = false } = options;
    const inner = watch === undefined ? undefined : (event: WatchEvent) => watch(this.#seen(event));
    for (;;) {
      try {
        const { response, ...rest } = await this.session.call(request, { path, signal, watch: inner });
        if (!isOf(response, op))
          throw new UnexpectedError("APIERROR", { path, detail: `a reply of ${response.op}` });
        return { ...rest, response };
      } catch (error) {
        // The next one waits for a connection, or learns that there will be none: this is no busy loop.
        if (isRepeatable && error instanceof ConnectionLossError) continue;
        throw error;
      }
    }
  }

  /** The same for what only reads. */
  read<Op extends Response["op"]>(op: Op, request: ClientRequest, options: AskOptions): Promise<ReplyOf<Op>> {
    return this.ask(op, request, { ...options, isRepeatable: this.#retriesReads });
  }

  #seen(event: WatchEvent): WatchEvent {
    return event.path === "" ? event : { ...event, path: this.chroot.inner(event.path) };
  }
}

function isOf<Op extends Response["op"]>(
  response: Response,
  op: Op,
): response is Response & { readonly op: Op } {
  return response.op === op;
}
