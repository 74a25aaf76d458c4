/** How a client is handed over from the gateway to its replica: by headers that the gateway alone writes. */
import type { Identity } from "../base/acl.ts";
import type { ConnectionOpening } from "../keeper/connection.ts";

/** Tells a replica which client a WebSocket comes from. */
const CLIENT_ADDRESS_HEADER = "edgekeeper-client";

/** Tells a replica what the platform says of that client. */
const CLIENT_IDENTITIES_HEADER = "edgekeeper-client-identities";

/** Tells a replica that the client knows what dozing is. */
const CLIENT_PARKS_HEADER = "edgekeeper-client-parks";

/** Tells a replica what a caller of commands says it is, in the words of its own header. */
export const AUTHORIZATION_HEADER = "edgekeeper-authorization";

/** A client as the gateway hands it over. */
export type HandedOver = Pick<ConnectionOpening, "remoteAddress" | "identities" | "parks">;

/** The headers that tell a replica of a client; no client's own header is ever among them. */
export function callerHeaders({
  remoteAddress,
  identities = [],
  parks = false,
}: HandedOver): Readonly<Record<string, string>> {
  return {
    [CLIENT_ADDRESS_HEADER]: remoteAddress,
    [CLIENT_PARKS_HEADER]: parks ? "1" : "0",
    // A subject may hold any character, and a header few.
    [CLIENT_IDENTITIES_HEADER]: encodeURIComponent(JSON.stringify(identities)),
  };
}

/** Reads what callerHeaders wrote. */
export function readCaller(headers: Headers): HandedOver {
  const identities = JSON.parse(
    decodeURIComponent(headers.get(CLIENT_IDENTITIES_HEADER) ?? "[]"),
  ) as Identity[];
  const parks = headers.get(CLIENT_PARKS_HEADER) === "1";
  return { remoteAddress: headers.get(CLIENT_ADDRESS_HEADER) ?? "unknown:0", identities, parks };
}
