/**
 * The whole tree of a running ensemble, of one moment: what the AdminServer's command snapshot tells of it, as it
 * comes. src/durable/snapshot-command.ts says why it is exact.
 */
import { zxidDigits, zxidFromBigInt } from "../../base/zxid.ts";
import { EXIT, ProgramError } from "../exit-code.ts";
import type { Reach } from "../reach.ts";
import type { CopiedZnode } from "./copied-znode.ts";
import { znodesOfSnapshot } from "./snapshot-file.ts";

/** A tree on its way. */
export interface TreeOfMoment {
  /** All that was done up to there is in it, and nothing else; twenty digits. */
  readonly zxid: string;
  /** Parents before their children; ephemerals and /zookeeper left out. */
  readonly znodes: AsyncIterable<CopiedZnode>;
}

/** Asks the leader for it, or the replica `sid`. Throws ProgramError where it is refused. */
export async function treeOfMoment(reach: Reach, sid: number | undefined): Promise<TreeOfMoment> {
  const at = `${reach.address}/commands/snapshot?streaming=true${sid === undefined ? "" : `&sid=${sid}`}`;
  let response: Response;
  try {
    response = await fetch(at, { headers: headersOf(reach) });
  } catch (cause) {
    const message = `${at} does not answer: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new ProgramError(message, { exitCode: EXIT.unreachable, code: "unavailable", cause });
  }
  const last = response.headers.get("last_zxid");
  if (!response.ok || last === null || response.body === null) throw await refusal(at, response);
  return {
    zxid: zxidDigits(zxidFromBigInt(BigInt(last))),
    znodes: whole(znodesOfSnapshot(response.body as AsyncIterable<Uint8Array>, at, { isExact: true }), at),
  };
}

/** Where the root is open anybody's word will do, so the caller's address is all that is said without a login. */
function headersOf({ token }: Reach): Readonly<Record<string, string>> {
  const [scheme = "", ...auth] = (process.env["EDGEKEEPER_AUTH"] ?? "").split(":");
  return {
    "zookeeper-authorization": scheme === "" ? "ip" : `${scheme} ${auth.join(":")}`,
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
}

/** A stream that breaks off is no tree. */
async function* whole(znodes: AsyncIterable<CopiedZnode>, at: string): AsyncGenerator<CopiedZnode, void> {
  try {
    yield* znodes;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ProgramError(
      `${at} broke off (${reason}): the replica started anew, or more was written meanwhile than it can remember ` +
        "beside. Try again when less is written, or at another replica with --sid",
      { code: "broken-off", exitCode: EXIT.unreachable, cause },
    );
  }
}

const REMEDIES: Readonly<Record<number, string>> = {
  401: "show a credential that is good for this ensemble",
  403:
    "a snapshot is for those who may do everything to the root: give the deployment's secret or a token of the right " +
    "admin:/, and EDGEKEEPER_AUTH=digest:super:PASSWORD where the root's list is not open. What you may read, " +
    "edgekeeper export writes, znode by znode",
  429: "another snapshot is under way, or was a moment ago: try again, or at another replica with --sid",
  503: "no replica serves now, or ADMIN_SNAPSHOT_ENABLED is 0 there; edgekeeper export needs no snapshot",
};

async function refusal(at: string, response: Response): Promise<ProgramError> {
  const text = await response.text();
  const remedy = REMEDIES[response.status] ?? "is that the address of a deployment?";
  const message = `${at} answered ${response.status} (${detailOf(text)}): ${remedy}`;
  const isNotAllowed = response.status === 401 || response.status === 403;
  if (isNotAllowed) return new ProgramError(message, { exitCode: EXIT.notAllowed, code: "forbidden" });
  return new ProgramError(message, { code: "no-snapshot" });
}

function detailOf(text: string): string {
  try {
    const document = JSON.parse(text) as { readonly detail?: unknown; readonly error?: unknown };
    const told = document.detail ?? document.error;
    if (typeof told === "string") return told;
  } catch {
    // No JSON: its beginning says as much.
  }
  return text.slice(0, 200);
}
