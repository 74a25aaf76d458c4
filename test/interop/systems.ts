/** The systems that can be asked for, and what is done with each. */
import type { ProcessSet } from "../compat/processes.ts";
import type { Toolbox } from "../compat/tools.ts";
import { beginClickHouse, playClickHouse, prepareClickHouse } from "./clickhouse.ts";
import { type Coordinator, startCoordinator } from "./coordinator.ts";
import { beginHadoop, playHdfs, playYarn, prepareHadoop } from "./hadoop.ts";
import { beginHbase, playHbase, prepareHbase } from "./hbase.ts";
import { beginKafka, type KafkaRun, playKafka, prepareKafka } from "./kafka.ts";
import { count, type Report, Scenario } from "./scenario.ts";
import { beginPatroni, playPatroni, preparePatroni } from "./patroni.ts";
import { beginSolr, playSolr, prepareSolr } from "./solr.ts";
import { beginSpark, playSpark, prepareSpark } from "./spark.ts";
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

/** One run of a scenario. */
interface Run<Kit> {
  readonly processes: ProcessSet;
  readonly kit: Kit;
  readonly coordinator: Coordinator;
  readonly folder: string;
}

/** A system. */
export interface System {
  /** Plays its scenarios. */
  play(stage: Stage): Promise<readonly Report[]>;
  /** Records its first minutes at a real ZooKeeper. */
  record(stage: Stage): Promise<readonly Report[]>;
}

/** One of those that `npm run interop` knows. */
export type SystemName = "kafka" | "hadoop" | "spark" | "hbase" | "solr" | "patroni" | "clickhouse";

/** Sessions are asked for up to a minute: a shorter limit is how long a death goes unnoticed. */
const SHORT_SESSIONS = { SESSION_TIMEOUT_MAX_MS: "15000" } as const;

/** All of them. */
export const SYSTEMS: Readonly<Record<SystemName, System>> = {
  kafka: { play: kafka, record: recordKafka },
  hadoop: { play: hadoop, record: recordHadoop },
  spark: single({
    name: "spark",
    prepare: prepareSpark,
    about: ({ version }) => `Spark ${version} standalone, 2 masters and a worker`,
    play: playSpark,
    begin: beginSpark,
    vars: SHORT_SESSIONS,
  }),
  hbase: single({
    name: "hbase",
    prepare: prepareHbase,
    about: ({ version }) => `HBase ${version}, 2 masters and 2 region servers`,
    play: playHbase,
    begin: beginHbase,
  }),
  solr: single({
    name: "solr",
    prepare: prepareSolr,
    about: ({ version }) => `SolrCloud ${version}, 2 nodes, chroot`,
    play: playSolr,
    begin: beginSolr,
  }),
  patroni: single({
    name: "patroni",
    prepare: preparePatroni,
    about: ({ name }) => name,
    play: playPatroni,
    begin: beginPatroni,
  }),
  clickhouse: single({
    name: "clickhouse",
    prepare: prepareClickHouse,
    about: ({ version }) => `ClickHouse ${version}, ReplicatedMergeTree on 2 servers`,
    play: playClickHouse,
    begin: beginClickHouse,
  }),
};

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

/** A system of one scenario. */
function single<Kit>(parts: {
  readonly name: SystemName;
  readonly prepare: (tools: Toolbox) => Promise<Kit>;
  /** What it is, and how much of it. */
  readonly about: (kit: Kit) => string;
  readonly play: (run: Run<Kit>, scenario: Scenario) => Promise<void>;
  readonly begin: (run: Run<Kit>, scenario: Scenario) => Promise<void>;
  readonly vars?: Readonly<Record<string, string>>;
}): System {
  const { name, prepare, about, vars = {} } = parts;
  return {
    async play(stage) {
      const kit = await prepare(stage.tools);
      return await withCoordinator(stage, vars, async (coordinator) => {
        const run = { ...shared(stage), kit, coordinator };
        return await play(stage, about(kit), async (scenario) => await parts.play(run, scenario));
      });
    },
    async record(stage) {
      const kit = await prepare(stage.tools);
      return await recorded(stage, { name, about: about(kit) }, async (coordinator, scenario) => {
        await parts.begin({ ...shared(stage), kit, coordinator }, scenario);
      });
    },
  };
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
