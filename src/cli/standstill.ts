/**
 * Why an ensemble will never serve as it stands, read from its status document: waiting for it is in vain, and somebody
 * has to decide. What may yet change (an election, a slow replica) is no such thing.
 */

/** What a replica says, as far as it matters here. */
interface Said {
  readonly sid: number;
  readonly votes: boolean;
  /** undefined where it tells no status. */
  readonly mode: string | undefined;
  readonly voice: string | undefined;
  /** Who founded the ensemble, as `1,2,3`; undefined where it does not know. */
  readonly founders: string | undefined;
  readonly lastZxid: string | undefined;
  readonly error: string | undefined;
}

/** How a replica refuses a change of the voters (keeper's votersRefusal): it tells its own remedy. */
const OTHER_MEMBERS = /VOTERS_BEFORE|the voters of the data/;

/** How a replica complains of rows that it cannot read (durable's Store). */
const FOREIGN_DATA = /the data belongs to replica/;

/** How it refuses those of a later version: it tells its own remedy. */
const LATER_DATA = /the data is of format/;

/** The errors that a status document of the gateway holds, each once. Throws SyntaxError where it is no JSON. */
export function errorsOf(document: string): readonly string[] {
  const errors = readSaid(document).map(({ error }) => error);
  return [...new Set(errors.filter((error) => error !== undefined))];
}

/** An ensemble that will never serve. */
export interface Standstill {
  /** For whoever started it: what is wrong, and what to do. */
  readonly why: string;
  /** Whether one look is enough. Replicas do not answer at the same moment: what they say together may be no state. */
  readonly isSure: boolean;
}

/**
 * Why the ensemble of this status document stands still for good; undefined where it does not, or nobody can tell.
 * `dataDirectory` is named where it is the wrong one. Throws SyntaxError where the document is no JSON.
 */
export function standstill(document: string, dataDirectory: string): Standstill | undefined {
  const refused = refusals(document, dataDirectory);
  if (refused !== undefined) return { why: refused, isSure: true };
  const said = readSaid(document);
  const emptied = emptiedVoters(said, dataDirectory) ?? emptiedMajority(said);
  return emptied === undefined ? undefined : { why: emptied, isSure: false };
}

/** What replicas say that do not start. All replicas must serve before the starter is content. */
function refusals(document: string, dataDirectory: string): string | undefined {
  const errors = errorsOf(document);
  const foreign = errors.filter((error) => FOREIGN_DATA.test(error));
  const later = errors.filter((error) => LATER_DATA.test(error));
  const lasting = [...foreign, ...later, ...errors.filter((error) => OTHER_MEMBERS.test(error))];
  if (lasting.length === 0) return undefined;
  const remedy =
    foreign.length === 0
      ? ""
      : ` The data in ${dataDirectory} are another ensemble's: choose another --data.`;
  return `its replicas say: ${lasting.join("; ")}.${remedy}`;
}

/** All voters are empty, and the register knows that the ensemble has served before (zab's Founding). */
function emptiedVoters(replicas: readonly Said[], dataDirectory: string): string | undefined {
  const voters = replicas.filter(({ votes }) => votes);
  const isEmpty = voters.every(({ mode, voice, founders }) => {
    return mode === "looking" && voice === "fresh" && founders !== undefined;
  });
  const [first] = voters;
  if (first === undefined || !isEmpty) return undefined;
  return (
    `the voters ${listed(voters)} have no data, and this ensemble was founded by ${first.founders} before: ` +
    `they do not begin anew. If VOTERS is wrong, set those who have the data; if the data are lost, bring them ` +
    `back. To begin with nothing remove all of ${dataDirectory}, or choose another --data.`
  );
}

function listed(some: readonly Said[]): string {
  return some.map(({ sid }) => sid).join(",");
}

/**
 * Fewer than a majority of the voters were ever in an epoch, and one of these has a history: the others lost their
 * disks, or are new. They cannot be elected (zab's VoiceTally), and nobody else is there.
 */
function emptiedMajority(replicas: readonly Said[]): string | undefined {
  const voters = replicas.filter(({ votes }) => votes);
  const isKnown = voters.every(({ mode, voice }) => mode === "looking" && voice !== undefined);
  const fresh = voters.filter(({ voice }) => voice === "fresh");
  const others = voters.filter(({ voice }) => voice !== "fresh");
  const hasHistory = others.some(({ lastZxid }) => lastZxid !== undefined && lastZxid !== "0:0");
  if (!isKnown || !hasHistory || others.length * 2 > voters.length) return undefined;
  return (
    `of the voters ${listed(voters)} only ${listed(others)} ${others.length === 1 ? "has" : "have"} a history; ` +
    `${listed(fresh)} lost theirs, or are new. What was acknowledged may have been theirs alone: nothing is elected, ` +
    `and what is there is not touched. Bring their data back, or see "When a majority has lost its disks" in ` +
    `ARCHITECTURE.md.`
  );
}

function readSaid(document: string): readonly Said[] {
  const status: unknown = JSON.parse(document);
  if (!isRecord(status) || !Array.isArray(status["replicas"])) return [];
  const replicas: readonly unknown[] = status["replicas"];
  return replicas.filter(isRecord).map(saidBy);
}

function saidBy(replica: Readonly<Record<string, unknown>>): Said {
  const { sid, role, error } = replica;
  const status = isRecord(replica["status"]) ? replica["status"] : {};
  const zab = isRecord(status["zab"]) ? status["zab"] : {};
  return {
    sid: Number(sid),
    votes: role === "participant",
    mode: textOf(status["mode"]),
    voice: textOf(zab["voice"]),
    founders: Array.isArray(zab["founders"]) ? zab["founders"].join(",") : undefined,
    lastZxid: textOf(status["lastZxid"]),
    error: textOf(error),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
