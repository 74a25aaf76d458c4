/** The systems that can be asked for, and what is done with each. */
import type { ProcessSet } from "../compat/processes.ts";
import type { Toolbox } from "../compat/tools.ts";
import { type Coordinator, startCoordinator } from "./coordinator.ts";
import { beginHadoop, playHdfs, playYarn, prepareHadoop } from "./hadoop.ts";
import { beginKafka, type KafkaRun, playKafka, prepareKafka } from "./kafka.ts";
import { count, type Report, Scenario } from "./scenario.ts";
import { beginSpark, playSpark, prepareSpark, type SparkRun } from "./spark.ts";
import { record } from "./traffic/record.ts";

/** What every system's scenario is given. */
export interface Stage {
  readonly processes: ProcessSet;
  readonly tools: Toolbox;
  /** It goes when the process ends. */
  readonly temporary: string;
  /** Only scenarios whose name has this in it. */
  readonly only: string;
  /** Whether systems reach the ensemble through `edgekeeper bridge`. */
  readonly isBridged: boolean;
  readonly progress: (line: string) => void;
}

/** A system. */
export interface System {
  /** Plays its scenarios. */
  play(stage: Stage): Promise<readonly Report[]>;
  /** Records its first minutes at a real ZooKeeper. */
  record(stage: Stage): Promise<readonly Report[]>;
}

/** One of those that `npm run interop` knows. */
export type SystemName = "kafka" | "hadoop" | "spark";

/** All of them. */
export const SYSTEMS: Readonly<Record<SystemName, System>> = {
  kafka: { play: kafka, record: recordKafka },
  hadoop: { play: hadoop, record: recordHadoop },
  spark: { play: spark, record: recordSpark },
};

/** Sessions are asked for up to a minute: a shorter limit is how long a death goes unnoticed. */
const SHORT_SESSIONS = { SESSION_TIMEOUT_MAX_MS: "15000" } as const;

async function kafka(stage: Stage): Promise<readonly Report[]> {
  const kit = await prepareKafka(stage.tools);
  return await withCoordinator(stage, {}, async (coordinator) => {
    const reports: Report[] = [];
    for (const [chroot, isLoggedIn] of [
      ["", false],
      ["/streams/kafka", true],
    ] as const) {
      const where = chroot === "" ? "" : `, chroot ${chroot}, logged in by SASL`;
      const run: KafkaRun = { ...shared(stage), kit, coordinator, chroot, isLoggedIn };
      const name = `Kafka ${kit.version}, 3 brokers${where}`;
      reports.push(...(await play(stage, name, async (scenario) => await playKafka(run, scenario))));
    }
    return reports;
  });
}

async function recordKafka(stage: Stage): Promise<readonly Report[]> {
  const kit = await prepareKafka(stage.tools);
  const name = `Kafka ${kit.version}, 3 brokers`;
  return await recorded(stage, { name: "kafka", about: name }, async (coordinator, scenario) => {
    const run = { ...shared(stage), kit, coordinator, chroot: "", isLoggedIn: false };
    await beginKafka(run, scenario);
  });
}

async function hadoop(stage: Stage): Promise<readonly Report[]> {
  const kit = await prepareHadoop(stage.tools);
  return await withCoordinator(stage, {}, async (coordinator) => {
    const run = { ...shared(stage), kit, coordinator };
    const hdfs = `HDFS ${kit.version}, 2 NameNodes with ZKFC`;
    const yarn = `YARN ${kit.version}, 2 ResourceManagers with ZKRMStateStore`;
    return [
      ...(await play(stage, hdfs, async (scenario) => await playHdfs(run, scenario))),
      ...(await play(stage, yarn, async (scenario) => await playYarn(run, scenario))),
    ];
  });
}

async function recordHadoop(stage: Stage): Promise<readonly Report[]> {
  const kit = await prepareHadoop(stage.tools);
  const about = `HDFS ${kit.version} with ZKFC, then YARN with ZKRMStateStore`;
  return await recorded(stage, { name: "hadoop", about }, async (coordinator, scenario) => {
    await beginHadoop({ ...shared(stage), kit, coordinator }, scenario);
  });
}

async function spark(stage: Stage): Promise<readonly Report[]> {
  const kit = await prepareSpark(stage.tools);
  return await withCoordinator(stage, SHORT_SESSIONS, async (coordinator) => {
    const run: SparkRun = { ...shared(stage), kit, coordinator };
    const name = `Spark ${kit.version} standalone, 2 masters and a worker`;
    return await play(stage, name, async (scenario) => await playSpark(run, scenario));
  });
}

async function recordSpark(stage: Stage): Promise<readonly Report[]> {
  const kit = await prepareSpark(stage.tools);
  const about = `Spark ${kit.version} standalone, 2 masters and a worker`;
  return await recorded(stage, { name: "spark", about }, async (coordinator, scenario) => {
    await beginSpark({ ...shared(stage), kit, coordinator }, scenario);
  });
}

function shared({ processes, temporary }: Stage): {
  readonly processes: ProcessSet;
  readonly folder: string;
} {
  return { processes, folder: temporary };
}

/** None where it was not asked for. */
async function play(
  { progress, only, isBridged }: Stage,
  what: string,
  steps: (scenario: Scenario) => Promise<void>,
): Promise<readonly Report[]> {
  const name = isBridged ? `${what}, through the bridge` : what;
  return name.toLowerCase().includes(only) ? [await new Scenario(name, progress).run(steps)] : [];
}

async function withCoordinator<Result>(
  { processes, isBridged }: Stage,
  vars: Readonly<Record<string, string>>,
  action: (coordinator: Coordinator) => Promise<Result>,
): Promise<Result> {
  const coordinator = await startCoordinator({ processes, isBridged, vars });
  try {
    return await action(coordinator);
  } finally {
    await coordinator.stop();
  }
}

async function recorded(
  stage: Stage,
  what: { readonly name: string; readonly about: string },
  steps: (coordinator: Coordinator, scenario: Scenario) => Promise<void>,
): Promise<readonly Report[]> {
  const { processes, temporary, progress } = stage;
  const reports: Report[] = [];
  const written = await record(processes, temporary, {
    ...what,
    play: async (coordinator) => {
      const name = `${what.about}, recorded`;
      reports.push(...(await play(stage, name, async (scenario) => await steps(coordinator, scenario))));
      if (count(reports).failed > 0) throw new Error("nothing is kept of what failed");
    },
  });
  progress(written);
  return reports;
}
