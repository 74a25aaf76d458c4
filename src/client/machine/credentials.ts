/** What a session has shown of who it is: each new connection is shown it again, as rights belong to connections. */
import type { Request } from "../../base/request.ts";

/** A credential as it is sent. */
export type AuthRequest = Request & { readonly op: "auth" };

interface Credential {
  readonly request: AuthRequest;
  /** Who waits to hear whether it is good; undefined once that is known. */
  call: number | undefined;
}

/** The credentials of one session, in the order in which they were added. */
export class Credentials {
  #all: Credential[] = [];
  /** Of these, so many were sent on this connection. */
  #sent = 0;
  /** Sent on this connection, and not answered. */
  #unanswered: Credential[] = [];

  /** One more. */
  add(request: AuthRequest, call: number): void {
    this.#all.push({ request, call });
  }

  /** There is a new connection, which has seen none. */
  renew(): void {
    this.#sent = 0;
    this.#unanswered = [];
  }

  /** What this connection has not seen yet, and is shown now. */
  unsent(): readonly AuthRequest[] {
    const fresh = this.#all.slice(this.#sent);
    this.#sent = this.#all.length;
    this.#unanswered.push(...fresh);
    return fresh.map(({ request }) => request);
  }

  /** The replica judged the next one in order; who waits for that, where it is new. A bad one is forgotten. */
  answered(code: number): number | undefined {
    const credential = this.#unanswered.shift();
    if (credential === undefined) return undefined;
    if (code !== 0) {
      this.#all = this.#all.filter((other) => other !== credential);
      this.#sent--;
    }
    const { call } = credential;
    credential.call = undefined;
    return call;
  }

  /** The session is over; those who still wait. */
  drain(): readonly number[] {
    const calls = this.#all.flatMap(({ call }) => (call === undefined ? [] : [call]));
    this.#all = [];
    this.renew();
    return calls;
  }
}
