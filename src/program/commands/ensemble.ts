/** `edgekeeper ensemble`: who is in an ensemble and how they are, and changes of that. */
import { type Command, InvalidArgumentError } from "commander";

import { ProgramError, usageError } from "../exit-code.ts";
import { durationOption, wholeNumber } from "../option-values.ts";
import { columns, Output } from "../output.ts";
import { Reach, type ReachOptions, withReach } from "../reach.ts";
import { type EnsembleStatus, ensembleStatus } from "../status-document.ts";

const SID_MAX = 254;

const MOVE_WAIT = "30s";

/** Between two looks at who leads. */
const LOOK_MS = 200;

interface MoveOptions extends ReachOptions {
  readonly wait: number;
}

interface ReconfigOptions extends ReachOptions {
  readonly add?: readonly string[] | undefined;
  readonly remove?: readonly string[] | undefined;
  readonly members?: readonly string[] | undefined;
  readonly fromVersion?: bigint | undefined;
}

const RECONFIG_ABOUT =
  "Change who is in the ensemble, as ZooKeeper's reconfig does. It takes RECONFIG_ENABLED=1 there, and a login that " +
  "may: EDGEKEEPER_AUTH=digest:super:PASSWORD, say. Where new voters have to catch up first it says so: ask again.";

/** Adds the command to the program. */
export function addEnsembleCommand(program: Command): void {
  const ensemble = program
    .command("ensemble")
    .summary("show who is in the ensemble, and change it")
    .description("Show who is in the ensemble and how they are, and change who leads and who is in it.");
  withReach(
    ensemble.command("status").description("show its replicas, who leads, and how far each is"),
  ).action(status);
  withReach(
    ensemble
      .command("move-leader")
      .description("make another voter the leader, and wait until it is")
      .argument("<sid>", "the number of the replica that is to lead", wholeNumber(1, SID_MAX))
      .addOption(durationOption("--wait <time>", "give up after so long", MOVE_WAIT)),
  ).action(moveLeader);
  withReach(
    ensemble
      .command("reconfig")
      .summary("change who is in it")
      .description(RECONFIG_ABOUT)
      .option(
        "--add <server>",
        "one that joins, or changes its role: server.4=HOST:2888:3888:observer;2181",
        collect,
      )
      .option("--remove <sid>", "one that leaves", collectSid)
      .option("--members <server>", "one of a whole list that takes the place of the present one", collect)
      .option("--from-version <hex>", "only if the present members have this version", version),
  ).action(reconfig);
}

async function status(options: ReachOptions): Promise<void> {
  const found = await ensembleStatus(await Reach.of(options));
  new Output(options).print(found, statusLines(found));
}

function statusLines({ ensemble, leader, replicas }: EnsembleStatus): readonly string[] {
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  return [
    `${ensemble}: ${leader === undefined ? "nobody leads" : `replica ${leader} leads`}`,
    ...columns(
      replicas.map(({ sid, role, mode, isServing, delivered, databaseBytes, error }) => [
        `replica ${sid}`,
        role === "observer" ? "observer" : "voter",
        error === undefined ? (mode ?? "-") : "NO ANSWER",
        error === undefined ? (isServing ? "serves" : "DOES NOT SERVE") : error,
        delivered ?? "",
        databaseBytes === undefined ? "" : megabytes(databaseBytes),
      ]),
    ),
  ];
}

async function moveLeader(sid: number, options: MoveOptions): Promise<void> {
  const reach = await Reach.of(options);
  const output = new Output(options);
  const { leader } = await ensembleStatus(reach);
  if (leader !== sid) await reach.ask("POST", `/commands/move_leader?to=${sid}`);
  const deadlineMs = performance.now() + options.wait;
  for (;;) {
    const now = await ensembleStatus(reach);
    if (now.leader === sid) break;
    if (performance.now() > deadlineMs) {
      throw new ProgramError(
        `replica ${sid} does not lead after ${options.wait} ms: edgekeeper ensemble status`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  output.print({ leader: sid, before: leader ?? null }, `replica ${sid} leads`);
}

async function reconfig({ add, remove, members, fromVersion, ...options }: ReconfigOptions): Promise<void> {
  if (add === undefined && remove === undefined && members === undefined) {
    throw usageError("say --add, --remove or --members");
  }
  if (members !== undefined && (add !== undefined || remove !== undefined)) {
    throw usageError("--members is the whole list: without --add and --remove");
  }
  const client = await (await Reach.of(options)).session();
  try {
    const config = await client.reconfig({ joining: add, leaving: remove, members, fromVersion });
    new Output(options).print(config, config.text.split("\n"));
  } finally {
    await client.close();
  }
}

function collect(text: string, before: readonly string[] | undefined): readonly string[] {
  if (!/^server\.\d+=/.test(text))
    throw new InvalidArgumentError("it takes server.SID=HOST:2888:3888:ROLE;PORT.");
  return [...(before ?? []), text];
}

function collectSid(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), String(wholeNumber(1, SID_MAX)(text))];
}

function version(text: string): bigint {
  if (!/^[0-9a-f]{1,16}$/.test(text))
    throw new InvalidArgumentError("it takes hex digits, as config shows them.");
  return BigInt(`0x${text}`);
}
