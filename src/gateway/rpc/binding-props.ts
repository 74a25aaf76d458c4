/**
 * What a binding's `props` allow: they stand in the wrangler.toml of the bound Worker, and its code can't change them.
 * No props, no bounds: who may deploy into the account may do everything to its Workers anyway.
 */
import { EdgekeeperError } from "../../binding/problem.ts";
import { type Grant, readGrant } from "../../base/grant.ts";
import { scopeIdentity } from "../../base/scope-identity.ts";
import type { HandedOver } from "../../durable/handed-over.ts";

/** The `props` of a binding; none bound it. */
export interface BindingProps {
  /** The ensemble, `main` unless set. */
  readonly ensemble?: string;
  /** What it may do at most, as tokens have it: `["read,write:/app", "read:/shared"]`. */
  readonly grants?: readonly string[];
  /** Or as much as this token may, as long as it is there: its SHA-256 in 64 hex digits, which is no secret. */
  readonly tokenHash?: string;
}

/** What they come to. */
export interface Bounds {
  readonly ensemble: string;
  readonly caller: HandedOver;
}

/** No client has this address: a binding is nobody's by access control lists of the scheme ip. */
const NO_ADDRESS = "0.0.0.0:0";

const KNOWN: ReadonlySet<string> = new Set<keyof BindingProps>(["ensemble", "grants", "tokenHash"]);

/** Reads props. Throws EdgekeeperError bad-props where something is misspelt: it was meant to be a bound. */
export function boundsOf(props: BindingProps | undefined): Bounds {
  const stranger = Object.keys(props ?? {}).find((name) => !KNOWN.has(name));
  if (stranger !== undefined) throw badProps(`"${stranger}" is none of ${[...KNOWN].join(", ")}`);
  const { ensemble = "main", grants, tokenHash } = props ?? {};
  if (typeof ensemble !== "string" || ensemble === "") throw badProps("ensemble must be a name");
  if (grants !== undefined && tokenHash !== undefined)
    throw badProps("grants and tokenHash don't go together");
  if (tokenHash !== undefined && !/^[0-9a-f]{64}$/.test(tokenHash)) {
    throw badProps("tokenHash must be 64 hex digits");
  }
  const identities = [];
  if (tokenHash !== undefined) identities.push(scopeIdentity({ kind: "token", hash: tokenHash }));
  if (grants !== undefined) {
    const claim = { kind: "signed", grants: grantsOf(grants), expiresMs: Number.MAX_SAFE_INTEGER } as const;
    identities.push(scopeIdentity(claim));
  }
  return { ensemble, caller: { remoteAddress: NO_ADDRESS, identities } };
}

function grantsOf(texts: readonly string[]): readonly Grant[] {
  if (!Array.isArray(texts)) throw badProps("grants must be a list of texts");
  return texts.map((text) => {
    const grant = readGrant(String(text));
    if (typeof grant === "string") throw badProps(grant);
    return grant;
  });
}

function badProps(reason: string): EdgekeeperError {
  const detail = `the props of this binding: ${reason}; they stand in the wrangler.toml of the calling Worker`;
  return new EdgekeeperError({ code: "bad-props", detail, status: 400 });
}
