/** `edgekeeper doctor`: looks a deployment over, and says what to mend and how. */
import type { Command } from "commander";

import { UnauthorizedError } from "../../client/http/http-errors.ts";
import { EXIT } from "../exit-code.ts";
import { Output } from "../output.ts";
import { Reach, type ReachOptions, withReach } from "../reach.ts";
import { type EnsembleStatus, ensembleStatus, type ReplicaStatus } from "../status-document.ts";
import { programVersion } from "../version.ts";

/** One thing that was looked at. `mend`: something is wrong. `note`: something to know. */
export interface Finding {
  readonly verdict: "ok" | "note" | "mend";
  readonly what: string;
  /** What to do. */
  readonly advice?: string;
}

/** A database that is larger should be looked after: an object of the platform has 10 GB, and 9 are used at most. */
const DATABASE_BYTES_MANY = 7e9;

/** A linearizable read that takes longer is slow even across the world, in ms. */
const READ_SLOW_MS = 2000;

const ABOUT =
  "Look a deployment over, and say what to mend and how: whether it answers, whom it lets in, its replicas, their " +
  "trees and their storage. It changes nothing. It ends with code 1 where something is to be mended.";

/** Adds the command to the program. */
export function addDoctorCommand(program: Command): void {
  const command = program.command("doctor").summary("look a deployment over").description(ABOUT);
  withReach(command).action(async (options: ReachOptions) => {
    const reach = await Reach.of(options);
    const findings = await examine(reach);
    new Output(options).print({ findings }, findings.map(findingLine));
    if (findings.some(({ verdict }) => verdict === "mend")) process.exitCode = EXIT.failed;
  });
}

function findingLine({ verdict, what, advice }: Finding): string {
  return `${verdict.padEnd(4)}  ${what}${advice === undefined ? "" : `: ${advice}`}`;
}

async function examine(reach: Reach): Promise<readonly Finding[]> {
  const status = await ensembleStatus(reach);
  return [
    { verdict: "ok", what: `${reach.address} answers` },
    ...(await examineDoors(reach)),
    ...examineEnsemble(status),
    ...status.replicas.flatMap(examineReplica),
    await examineRead(reach),
  ];
}

/** Whom it lets in. */
async function examineDoors(reach: Reach): Promise<readonly Finding[]> {
  const { hostname, protocol } = new URL(reach.url);
  const isHere = ["127.0.0.1", "localhost", "[::1]"].includes(hostname);
  const findings: Finding[] = [];
  if (protocol === "http:" && !isHere && reach.token !== undefined) {
    findings.push({ verdict: "mend", what: "the token goes over http: in the clear", advice: "use https:" });
  }
  const isOpen = await letsAnybodyIn(reach);
  if (isOpen && isHere)
    findings.push({ verdict: "note", what: "it asks this machine for no secret, as npm start does" });
  else if (isOpen) {
    const advice = "set EDGEKEEPER_SECRET, and never EDGEKEEPER_DEV, in the deployment";
    findings.push({ verdict: "mend", what: "it lets anybody in", advice });
  } else findings.push({ verdict: "ok", what: "it asks for a secret or a token" });
  return findings;
}

async function letsAnybodyIn(reach: Reach): Promise<boolean> {
  try {
    await reach.withoutToken().ask("GET", "/v1/status");
    return true;
  } catch (error) {
    // As it should be.
    if (error instanceof UnauthorizedError) return false;
    throw error;
  }
}

function examineEnsemble({ leader, replicas }: EnsembleStatus): readonly Finding[] {
  const voters = replicas.filter(({ role }) => role !== "observer");
  const findings: Finding[] = [];
  if (leader === undefined) {
    const advice = `${Math.floor(voters.length / 2) + 1} of ${voters.length} voters must be up and hear each other`;
    findings.push({ verdict: "mend", what: "nobody leads, so nothing is written", advice });
  } else findings.push({ verdict: "ok", what: `replica ${leader} leads` });
  if (voters.length === 1) {
    const advice = "three voters survive the loss of one: edgekeeper ensemble reconfig";
    findings.push({ verdict: "note", what: "there is one voter", advice });
  } else if (voters.length % 2 === 0) {
    const advice = "one voter less survives as much, and is quicker";
    findings.push({ verdict: "note", what: `there are ${voters.length} voters`, advice });
  }
  const told = replicas.flatMap(({ delivered, digest }) => {
    return delivered === undefined || digest === undefined ? [] : [{ delivered, digest }];
  });
  const differs = told.some((a) => told.some((b) => a.delivered === b.delivered && a.digest !== b.digest));
  if (differs) {
    const advice =
      "the ensemble replaces the one that differs by a snapshot; should it stay so, keep its storage and report it";
    findings.push({ verdict: "mend", what: "two replicas have different trees at the same zxid", advice });
  } else findings.push({ verdict: "ok", what: "replicas that are equally far have the same tree" });
  const versions = [...new Set(replicas.flatMap(({ version }) => version ?? []))];
  const known = programVersion();
  if (versions.some((version) => version !== known)) {
    const what = `the replicas run ${versions.join(" and ")}, this program is ${known}`;
    findings.push({ verdict: "note", what, advice: "use them in the same version" });
  }
  return findings;
}

function examineReplica(replica: ReplicaStatus): readonly Finding[] {
  const { sid, error, isServing, refusal, voice, databaseBytes, digestMismatches } = replica;
  const findings: Finding[] = [];
  if (error !== undefined) {
    return [{ verdict: "mend", what: `replica ${sid} does not answer`, advice: error }];
  }
  if (refusal !== undefined) {
    findings.push({ verdict: "mend", what: `replica ${sid} is apart from others`, advice: refusal });
  }
  if (!isServing) {
    const advice = "the log of the Worker says what it waits for";
    findings.push({ verdict: "mend", what: `replica ${sid} does not serve`, advice });
  }
  if (voice === "fresh" && !isServing) {
    const advice = "where a majority has lost its disks, ARCHITECTURE.md says how to go on from what is left";
    findings.push({ verdict: "mend", what: `replica ${sid} has no data and was in no epoch yet`, advice });
  }
  if ((digestMismatches ?? 0) > 0) {
    const what = `replica ${sid} has had a tree that differs from the others'`;
    findings.push({
      verdict: "note",
      what,
      advice: "it was replaced by a snapshot; the log of the Worker tells more",
    });
  }
  if ((databaseBytes ?? 0) > DATABASE_BYTES_MANY) {
    const what = `replica ${sid} stores ${((databaseBytes ?? 0) / 1e9).toFixed(1)} GB of 9`;
    findings.push({ verdict: "mend", what, advice: "delete what is not needed, before writes are refused" });
  }
  if (findings.length === 0) findings.push({ verdict: "ok", what: `replica ${sid} serves` });
  return findings;
}

/** A read behind a barrier goes through the log, so a quorum has written when it is answered. */
async function examineRead(reach: Reach): Promise<Finding> {
  const beganMs = performance.now();
  await reach.http().exists("/", { linearizable: true });
  const ms = Math.round(performance.now() - beganMs);
  const what = `a linearizable read, for which a quorum writes, takes ${ms} ms`;
  if (ms <= READ_SLOW_MS) return { verdict: "ok", what };
  return {
    verdict: "mend",
    what,
    advice: "are the voters far apart, or the machine overloaded? See PLACEMENT",
  };
}
