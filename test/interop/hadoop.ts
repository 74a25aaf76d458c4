/** Hadoop: HDFS with ZKFC, then YARN with its state in znodes; each with a driver of its own. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import type { ProcessSet } from "../compat/processes.ts";
import type { Toolbox } from "../compat/tools.ts";
import { compilePrograms, type Coordinates, jarVersion, needJars } from "./artifacts.ts";
import type { Coordinator } from "./coordinator.ts";
import { Driver } from "./driver.ts";
import { HadoopDaemons } from "./hadoop-daemons.ts";
import { Hdfs } from "./hdfs.ts";
import type { Scenario } from "./scenario.ts";
import { Yarn } from "./yarn.ts";

const VERSION = "3.4.1";
const ARTIFACTS: readonly Coordinates[] = [
  "hadoop-common",
  "hadoop-hdfs",
  "hadoop-hdfs-client",
  "hadoop-yarn-client",
  "hadoop-yarn-server-nodemanager",
  "hadoop-yarn-server-resourcemanager",
  // Its web pages name a class of this one.
  "hadoop-yarn-server-timelineservice",
].map((name): Coordinates => `org.apache.hadoop:${name}:${VERSION}`);
const PROGRAMS = ["Driver", "Znodes", "YarnMaster", "HadoopProgram"];

/** Hadoop's jars and our programs for it. */
export interface HadoopKit {
  readonly version: string;
  readonly classpath: string;
}

/** One run of a scenario. */
export interface HadoopRun {
  readonly processes: ProcessSet;
  readonly kit: HadoopKit;
  readonly coordinator: Coordinator;
  readonly folder: string;
}

/** Fetches Hadoop and compiles what drives it. */
export async function prepareHadoop(tools: Toolbox): Promise<HadoopKit> {
  const jars = await needJars(tools, "hadoop", ARTIFACTS);
  const classpath = await compilePrograms(tools, jars, PROGRAMS);
  return { version: await jarVersion(jars, "hadoop-common"), classpath };
}

/** HDFS's scenario. Everything it started has ended when it resolves. */
export async function playHdfs(run: HadoopRun, scenario: Scenario): Promise<void> {
  await withHdfs(run, async (hdfs, driver) => {
    await hdfs.start(scenario);
    await hdfs.znodes(scenario, driver);
    await hdfs.write(scenario, driver, "/first");
    await hdfs.deaths(scenario, driver);
  });
}

/** YARN's scenario. Everything it started has ended when it resolves. */
export async function playYarn(run: HadoopRun, scenario: Scenario): Promise<void> {
  await withYarn(run, async (yarn, driver) => {
    await yarn.start(scenario, driver);
    await yarn.application(scenario, driver);
    await yarn.deaths(scenario, driver);
  });
}

/** The first minutes of both: nobody dies, and the active NameNode gives way when asked to. */
export async function beginHadoop(run: HadoopRun, scenario: Scenario): Promise<void> {
  await withHdfs(run, async (hdfs, driver) => {
    await hdfs.start(scenario);
    await hdfs.znodes(scenario, driver);
    await hdfs.handOver(scenario);
    await hdfs.write(scenario, driver, "/first");
  });
  await withYarn(run, async (yarn, driver) => {
    await yarn.start(scenario, driver);
    await yarn.application(scenario, driver);
  });
}

async function withHdfs(
  run: HadoopRun,
  action: (hdfs: Hdfs, driver: Driver) => Promise<void>,
): Promise<void> {
  await withDaemons(run, "hdfs", async (daemons, folder) => {
    const hdfs = await Hdfs.open(daemons, run.coordinator, folder);
    await withDriver(run, daemons, { settings: "client", action: (driver) => action(hdfs, driver) });
  });
}

async function withYarn(
  run: HadoopRun,
  action: (yarn: Yarn, driver: Driver) => Promise<void>,
): Promise<void> {
  await withDaemons(run, "yarn", async (daemons, folder) => {
    const yarn = await Yarn.open(daemons, run.coordinator, folder);
    await withDriver(run, daemons, { settings: "node", action: (driver) => action(yarn, driver) });
  });
}

async function withDaemons(
  run: HadoopRun,
  name: string,
  action: (daemons: HadoopDaemons, folder: string) => Promise<void>,
): Promise<void> {
  const { processes, kit } = run;
  const folder = join(run.folder, name);
  await mkdir(folder, { recursive: true });
  const daemons = await HadoopDaemons.open({ processes, folder, classpath: kit.classpath });
  try {
    await action(daemons, folder);
  } catch (error) {
    process.stderr.write(`${daemons.output()}\n`);
    throw error;
  } finally {
    await daemons.stop();
  }
}

async function withDriver(
  { processes, coordinator }: HadoopRun,
  daemons: HadoopDaemons,
  use: { readonly settings: string; readonly action: (driver: Driver) => Promise<void> },
): Promise<void> {
  const command = daemons.command(use.settings, ["HadoopProgram", coordinator.aside]);
  const driver = new Driver(processes, command);
  try {
    await use.action(driver);
  } finally {
    await driver.stop();
  }
}
