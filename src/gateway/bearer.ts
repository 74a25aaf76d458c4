/** Who a request comes from, by what it shows: the deployment's secret, a token, or one that an issuer signed. */
import type { Identity } from "../base/acl.ts";

/** A request's bearer, as the gatekeeper let it in. */
export interface Bearer {
  /** What it is by its credential in an ensemble, and what that bounds it to: nothing where it speaks for all. */
  identitiesFor(ensemble: string): readonly Identity[];
  /**
   * `deployment`: it has the secret, or comes from this machine in development. `token`: it shows what has the form of
   * one: what it is worth the replicas know. `signed`: an issuer says who it is.
   */
  readonly kind: "deployment" | "token" | "signed";
  /** Its credential turned out to be none. */
  refused(): void;
}

/** A browser's WebSocket can send no Authorization: it offers the credential as a subprotocol, in base64url. */
const PROTOCOL_PREFIX = "edgekeeper.bearer.";

/** What is chosen of the subprotocols that such a client offers: never the credential. */
export const WEBSOCKET_PROTOCOL = "edgekeeper";

/** The subprotocols that a client offers. */
export function offeredProtocols(header: string | null): readonly string[] {
  return (header ?? "").split(",").map((name) => name.trim());
}

/** What a request shows as `Authorization`, wherever it stands. */
export function authorizationOf(headers: Pick<Headers, "get">): string | undefined {
  const plain = headers.get("authorization");
  if (plain !== null) return plain;
  if (headers.get("upgrade")?.toLowerCase() !== "websocket") return undefined;
  const offered = offeredProtocols(headers.get("sec-websocket-protocol"));
  const encoded = offered.find((name) => name.startsWith(PROTOCOL_PREFIX))?.slice(PROTOCOL_PREFIX.length);
  const credential = encoded === undefined ? undefined : textOf(encoded);
  return credential === undefined ? undefined : `Bearer ${credential}`;
}

function textOf(base64url: string): string | undefined {
  try {
    const binary = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
    return new TextDecoder().decode(Uint8Array.from(binary, (character) => character.charCodeAt(0)));
  } catch (error) {
    // It is no base64: then nothing is shown, and the caller is told what it should show.
    if (!(error instanceof DOMException)) throw error;
    return undefined;
  }
}
