/**
 * The status document of an ensemble, read as far as the program needs it. Whoever answers may be of another version,
 * or no deployment at all: nothing is believed but its names.
 */
import type { ReplicaFigures, ReplicaReport, StatusDocument } from "../base/status-document.ts";
import { HttpProblemError } from "../client/http/http-errors.ts";
import type { Reach } from "./reach.ts";

/** A replica; what it does not tell is undefined, all of it where it does not answer. */
export interface ReplicaStatus {
  readonly sid: number;
  readonly role: string;
  /** Why it tells nothing. */
  readonly error: string | undefined;
  readonly mode: string | undefined;
  readonly isServing: boolean;
  readonly epoch: number | undefined;
  readonly version: string | undefined;
  /** Why it does not replicate with some of the others. */
  readonly refusal: string | undefined;
  /** `EPOCH:COUNTER`. */
  readonly delivered: string | undefined;
  readonly digest: string | undefined;
  readonly voice: string | undefined;
  readonly databaseBytes: number | undefined;
  /** How often its tree was found to differ from a quorum's since it came to life. */
  readonly digestMismatches: number | undefined;
}

/** An ensemble. */
export interface EnsembleStatus {
  readonly ensemble: string;
  readonly leader: number | undefined;
  readonly replicas: readonly ReplicaStatus[];
}

/** Asks for it. Throws the SDK's errors. */
export async function ensembleStatus(reach: Reach): Promise<EnsembleStatus> {
  const document = membersOf<StatusDocument>(await reach.ask("GET", "/v1/status"));
  const { leader, replicas } = document;
  if (!Array.isArray(replicas)) throw noStatus();
  return {
    ensemble: reach.ensemble,
    leader: typeof leader === "number" ? leader : undefined,
    replicas: replicas.map((replica) => replicaIn(membersOf<ReplicaReport>(replica))),
  };
}

function replicaIn({ sid, role, error, ...replica }: Unproven<ReplicaReport>): ReplicaStatus {
  if (typeof sid !== "number") throw noStatus();
  const status = membersOf<ReplicaFigures>(replica.status ?? {});
  const zab = membersOf<ReplicaFigures["zab"]>(status.zab ?? {});
  const counters = membersOf<ReplicaFigures["counters"]>(status.counters ?? {});
  return {
    sid,
    role: text(role) ?? "participant",
    error: text(error),
    mode: text(status.mode),
    isServing: status.serving === true,
    epoch: number(status.currentEpoch),
    version: text(status.version),
    refusal: text(status.refusal),
    delivered: text(status.lastDelivered),
    digest: text(status.digest),
    voice: text(zab.voice),
    databaseBytes: number(status.databaseBytes),
    digestMismatches: number(counters.digestMismatches),
  };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function number(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

/** Members of these names, of which nobody knows what they hold, or whether they are there. */
type Unproven<Document> = { readonly [Name in keyof Document]?: unknown };

function membersOf<Document>(value: unknown): Unproven<Document> {
  if (typeof value !== "object" || value === null) throw noStatus();
  return value;
}

function noStatus(): HttpProblemError {
  const detail = "it is no status document: is that the address of a deployment?";
  return new HttpProblemError({ code: "bad-answer", status: 200 }, { detail });
}
