/** Which TCP port is whose: every voter and every observer has one door, and no number serves two. */
import { type Members, sidsOf } from "../base/settings.ts";
import { StartError } from "./start-error.ts";

/** What is asked for, and what there is. */
export interface PortWishes {
  /** Whose doors there must be; undefined for a Worker whose doors are not replicas'. */
  readonly members: Members | undefined;
  readonly httpPort: number;
  /** `--ports`; undefined where not given. */
  readonly asked: readonly number[] | undefined;
  /** The ports of the wrangler.toml; none where the Worker has no TCP door. */
  readonly configured: readonly number[];
}

/** The TCP ports to open, voters' first, then observers', in their order. Throws StartError where they do not match. */
export function portPlan(wishes: PortWishes): readonly number[] {
  const ports = matched(wishes);
  const seen = new Set([wishes.httpPort]);
  for (const port of ports) {
    if (seen.has(port)) {
      throw new StartError(`port ${port} is named twice: --port and each of --ports need one of their own.`);
    }
    seen.add(port);
  }
  return ports;
}

function matched({ members, asked, configured }: PortWishes): readonly number[] {
  if (members === undefined) return asked ?? configured;
  const wanted = sidsOf(members).length;
  if (asked !== undefined) {
    if (asked.length === wanted) return asked;
    throw new StartError(`${need(members)} ${wanted} --ports, got ${asked.length}.`);
  }
  if (configured.length === 0 || configured.length >= wanted) return configured.slice(0, wanted);
  throw new StartError(
    `${need(members)} ${count(wanted, "TCP port")}, and the wrangler.toml has ` +
      `${configured.length}: add --ports ${extended(configured, wanted).join(",")}`,
  );
}

/** The configured ports and as many above them as are missing. */
function extended(configured: readonly number[], wanted: number): readonly number[] {
  const highest = Math.max(...configured);
  return Array.from({ length: wanted }, (_, index) => {
    return configured[index] ?? highest + 1 + index - configured.length;
  });
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** `3 voters need`, `1 voter needs`, `3 voters and 1 observer need`. */
function need({ voters, observers }: Members): string {
  const group = count(voters.length, "voter");
  if (observers.length > 0) return `${group} and ${count(observers.length, "observer")} need`;
  return `${group} ${voters.length === 1 ? "needs" : "need"}`;
}
