/** What an ensemble holds, as it is kept beside a release's data and looked for after an upgrade. */
import type { Client } from "../../src/client/client.ts";
import type { SessionTicket } from "../../src/client/options.ts";
import { jsonText } from "../../src/program/output.ts";
import { digestOf, SUPER_LOGIN } from "../differential/values.ts";

/** With what variables the data are made, and started on again. */
export const DATA_VARIABLES: Readonly<Record<string, string>> = {
  SUPER_DIGEST: digestOf(SUPER_LOGIN),
  WEBHOOKS_ENABLED: "1",
  SESSION_TIMEOUT_MAX_MS: "600000",
};

/** How a lease of a caller is told. */
export interface HeldLease {
  readonly path: string;
  readonly token: string;
  readonly lease: string;
}

/** What has been planted besides znodes. */
export interface Planted {
  readonly lock: HeldLease;
  readonly permit: HeldLease;
  /** A token that may read below /app. */
  readonly reader: string;
  /** The revision of the document that /config/app was before. */
  readonly revision: string;
  /** Where a stream of events can be begun: behind it three have come below /events. */
  readonly position: string;
}

/** The file beside the data. */
export interface ReleaseRecord extends Planted {
  readonly version: string;
  readonly ticket?: SessionTicket;
  /** Each znode's data in base64, its list and its Stat, but for those that go by themselves. */
  readonly znodes: Readonly<Record<string, string>>;
  /** Who the members are, by the znode that says so. */
  readonly members: string;
}

/** Reads all of it as the super user, /zookeeper too. */
export async function recordOf(client: Client): Promise<Pick<ReleaseRecord, "znodes" | "members">> {
  await client.addAuth("digest", SUPER_LOGIN);
  await client.sync("/");
  const znodes: Record<string, string> = {};
  const pending = ["/"];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const [{ data, stat }, { acl }, children] = await Promise.all([
      client.get(path),
      client.getAcl(path),
      client.children(path),
    ]);
    for (const child of children) pending.push(path === "/" ? `/${child}` : `${path}/${child}`);
    if (goesByItself(path)) continue;
    const text = data === null ? null : Buffer.from(data).toString("base64");
    znodes[path] = jsonText([text, acl, stat]);
  }
  return { znodes, members: (await client.get("/zookeeper/config")).text() };
}

/**
 * What the leader writes there by itself: where webhooks are, what was done under a key, and which doors there are;
 * with what stands above.
 */
function goesByItself(path: string): boolean {
  return /^\/(?:zookeeper(?:\/(?:webhooks|call-keys|config)(?:\/|$)|$)|$)/.test(path);
}
