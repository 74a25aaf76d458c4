/** What replicas tell of themselves in the words of the protocol, in words for people. */

/** Why the last election began. */
export function electionText(reason: string): string {
  return reason === "" || reason === "start" ? "at the start" : reason;
}

/** How a replica came to have the same writes as its leader when it joined; empty where it has not joined any. */
export function caughtUpText(sync: string): string {
  const [, how, after] = /^(diff|truncate) after (\d+:\d+)$/.exec(sync) ?? [];
  if (after === "0:0" && how === "diff") return "all writes, from the first";
  if (how === "diff") return `the writes after ${after}`;
  if (how === "truncate") return `its own writes after ${after} dropped`;
  const [, why] = /^snapshot: (.*)$/.exec(sync) ?? [];
  return why === undefined ? sync : `a copy of the whole tree (${why})`;
}
