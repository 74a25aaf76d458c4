/** What a binding's `props` allow: they stand in the wrangler.toml of the bound Worker; its code can't change them. */
import { EdgekeeperError } from "../../binding/problem.ts";
import type { HandedOver } from "../../durable/handed-over.ts";

/** The `props` of a binding; none bound it. */
export interface BindingProps {
  /** The ensemble, `main` unless set. */
  readonly ensemble?: string;
}

/** What they come to. */
export interface Bounds {
  readonly ensemble: string;
  readonly caller: HandedOver;
}

/** No client has this address: a binding is nobody's by access control lists of the scheme ip. */
const NO_ADDRESS = "0.0.0.0:0";

const KNOWN: ReadonlySet<string> = new Set<keyof BindingProps>(["ensemble"]);

/** Reads props. Throws EdgekeeperError bad-props where something is misspelt: it was meant to be a bound. */
export function boundsOf(props: BindingProps | undefined): Bounds {
  const stranger = Object.keys(props ?? {}).find((name) => !KNOWN.has(name));
  if (stranger !== undefined) {
    throw badProps(`"${stranger}" is none of ${[...KNOWN].join(", ")}`);
  }
  const ensemble = props?.ensemble ?? "main";
  if (typeof ensemble !== "string" || ensemble === "") throw badProps("ensemble must be a name");
  return { ensemble, caller: { remoteAddress: NO_ADDRESS, identities: [] } };
}

function badProps(reason: string): EdgekeeperError {
  const detail = `the props of this binding: ${reason}; they stand in the wrangler.toml of the calling Worker`;
  return new EdgekeeperError({ code: "bad-props", detail, status: 400 });
}
