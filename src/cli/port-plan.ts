/** Which TCP port is whose: every voter has one door, and no number serves two. */
import { StartError } from "./start-error.ts";

/** What is asked for, and what there is. */
export interface PortWishes {
  /** How many doors there must be; undefined for a Worker whose doors are not voters'. */
  readonly voters: number | undefined;
  readonly httpPort: number;
  /** `--ports`; undefined where not given. */
  readonly asked: readonly number[] | undefined;
  /** The ports of the wrangler.toml; none where the Worker has no TCP door. */
  readonly configured: readonly number[];
}

/** The TCP ports to open, in the order of the voters. Throws StartError where they do not match. */
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

function matched({ voters, asked, configured }: PortWishes): readonly number[] {
  if (voters === undefined) return asked ?? configured;
  if (asked !== undefined) {
    if (asked.length === voters) return asked;
    throw new StartError(
      `${count(voters, "voter")} ${needs(voters)} ${voters} --ports, got ${asked.length}.`,
    );
  }
  if (configured.length === 0 || configured.length >= voters) return configured.slice(0, voters);
  throw new StartError(
    `${count(voters, "voter")} ${needs(voters)} ${count(voters, "TCP port")}, and the wrangler.toml has ` +
      `${configured.length}: add --ports ${extended(configured, voters).join(",")}`,
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

function needs(number: number): string {
  return number === 1 ? "needs" : "need";
}
