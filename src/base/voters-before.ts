/** VOTERS_BEFORE and VOTERS_LOST: an operator's word that the voters of the deployment take over data of others. */
import type { Sid } from "./ids.ts";
import { VOTERS_MAX } from "./limits.ts";
import { type Zxid, zxidFromBigInt } from "./zxid.ts";

/** The voters of the data. */
export interface VotersBefore {
  readonly voters: readonly Sid[];
  /** Of the configuration that clients made; undefined where none ever did. */
  readonly version: Zxid | undefined;
}

/** The texts that say so. */
export interface TakeoverVariables {
  readonly VOTERS?: string | undefined;
  readonly VOTERS_BEFORE?: string | undefined;
  readonly VOTERS_LOST?: string | undefined;
}

/** What the reader of the variables lends. */
export interface TakeoverReader {
  readonly refuse: (name: "VOTERS_BEFORE" | "VOTERS_LOST", value: string, must: string) => Error;
  /** The sids that a text lists; undefined where one is none, or stands there twice. */
  readonly sids: (text: string) => readonly Sid[] | undefined;
}

/**
 * Reads VOTERS_BEFORE. Where a majority of those voters does not vote any more, the others may never have heard of what
 * it acknowledged, and nobody would notice: so an operator must name in VOTERS_LOST whose word is given up.
 */
export function readVotersBefore(
  variables: TakeoverVariables,
  reader: TakeoverReader,
): VotersBefore | undefined {
  const before = readList(variables.VOTERS_BEFORE ?? "", reader);
  const text = variables.VOTERS_LOST ?? "";
  const voters = reader.sids(variables.VOTERS ?? "") ?? [];
  const stay = before?.voters.filter((sid) => voters.includes(sid)) ?? [];
  const gone = before?.voters.filter((sid) => !voters.includes(sid)) ?? [];
  const named = reader.sids(text);
  if (text !== "" && (named?.length !== gone.length || !gone.every((sid) => named.includes(sid)))) {
    const whose = gone.length === 0 ? "there are none" : `they are ${gone.join(",")}`;
    throw reader.refuse(
      "VOTERS_LOST",
      text,
      `it must list those of VOTERS_BEFORE that VOTERS does not, and ${whose}`,
    );
  }
  if (before === undefined || text !== "" || stay.length * 2 > before.voters.length) return before;
  const whoStays =
    stay.length === 0 ? "none stays" : `only ${stay.join(",")} ${stay.length === 1 ? "stays" : "stay"}`;
  throw reader.refuse(
    "VOTERS_BEFORE",
    before.voters.join(","),
    `of these voters ${whoStays}, which is no majority: what only ${gone.join(",")} acknowledged would be lost. ` +
      `If all of them showed the same lastDelivered, or ${gone.join(",")} cannot be had back, say so: ` +
      `VOTERS_LOST=${gone.join(",")}`,
  );
}

function readList(text: string, { refuse, sids }: TakeoverReader): VotersBefore | undefined {
  if (text === "") return undefined;
  const at = text.indexOf("@");
  const voters = sids(at === -1 ? text : text.slice(0, at));
  if (at === -1) {
    if (voters !== undefined && [1, 3, 5].includes(voters.length)) return { voters, version: undefined };
    throw refuse("VOTERS_BEFORE", text, `it must list 1, 3 or 5 different sids, such as "1,2,3"`);
  }
  const version = text.slice(at + 1).trim();
  const isSound = voters !== undefined && voters.length > 0 && voters.length <= VOTERS_MAX;
  if (isSound && /^[0-9a-f]{1,16}$/i.test(version) && !/^0+$/.test(version)) {
    return { voters, version: zxidFromBigInt(BigInt(`0x${version}`)) };
  }
  const example = `"1,2,3@100000005"`;
  throw refuse(
    "VOTERS_BEFORE",
    text,
    `behind @ it must tell the version that the data are of, as in ${example}`,
  );
}
