/**
 * Spark standalone with recoveryMode=ZOOKEEPER: of two masters the active one dies while an application runs, and so
 * does our leader; the other master takes over with what it finds in znodes, and the application needs it.
 */
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";

import type { ProcessSet } from "../compat/processes.ts";
import { until } from "../compat/servers.ts";
import type { Toolbox } from "../compat/tools.ts";
import { compileJar } from "./artifacts.ts";
import type { Coordinator } from "./coordinator.ts";
import { Driver } from "./driver.ts";
import type { Scenario } from "./scenario.ts";
import { MASTERS, SparkDaemons, type MasterState } from "./spark-daemons.ts";

const VERSION = "4.0.1";
const PROGRAMS = ["Driver", "SparkProgram"];
const ZNODE = "/spark";

/** A job that outlasts a change of master: as many tasks, one after the other, of so many ms. */
const TASKS = 60;
const TASK_MS = 500;

/** A job that takes no time. */
const SHORT_TASKS = 4;

/** A dead master's session must end first: Spark asks for one of a minute, and is given what the ensemble allows. */
const SETTLE_MS = 180_000;

/** Spark and our program for it. */
export interface SparkKit {
  readonly version: string;
  /** pyspark's folder, which Spark's scripts call home. */
  readonly home: string;
  readonly jar: string;
}

/** One run of the scenario. */
export interface SparkRun {
  readonly processes: ProcessSet;
  readonly kit: SparkKit;
  readonly coordinator: Coordinator;
  readonly folder: string;
}

/** Fetches Spark as PyPI has it and compiles what drives it. */
export async function prepareSpark(tools: Toolbox): Promise<SparkKit> {
  await tools.needDebian([
    ["/usr/bin/python3", "python3"],
    ["/usr/share/doc/python3-venv", "python3-venv"],
    ["/usr/bin/javac", "default-jdk-headless"],
  ]);
  const environment = await tools.filled(`pyspark-${VERSION}`, async (folder) => {
    await tools.run({ command: "/usr/bin/python3", args: ["-m", "venv", folder] });
    const args = ["-m", "pip", "install", "--quiet", `pyspark==${VERSION}`];
    await tools.run({ command: join(folder, "bin", "python"), args });
  });
  const [python = ""] = await readdir(join(environment, "lib"));
  const home = join(environment, "lib", python, "site-packages", "pyspark");
  return { version: VERSION, home, jar: await compileJar(tools, join(home, "jars"), PROGRAMS) };
}

/** The scenario. Everything it started has ended when it resolves. */
export async function playSpark(run: SparkRun, scenario: Scenario): Promise<void> {
  await withSpark(run, async (spark) => {
    await spark.masters(scenario);
    await spark.firstApplication(scenario);
    await spark.takeOver(scenario, "the active master and our leader are killed at once");
    await spark.application(scenario);
    await spark.comeBack(scenario);
  });
}

/** The first minutes: two masters, a worker, and an application that finishes. Nobody dies. */
export async function beginSpark(run: SparkRun, scenario: Scenario): Promise<void> {
  await withSpark(run, async (spark) => {
    await spark.masters(scenario);
    await spark.shortApplication(scenario);
  });
}

async function withSpark(run: SparkRun, action: (spark: Spark) => Promise<void>): Promise<void> {
  const { processes, kit, coordinator } = run;
  const folder = join(run.folder, "spark");
  await mkdir(folder, { recursive: true });
  const { home } = kit;
  const daemons = await SparkDaemons.open({
    processes,
    home,
    folder,
    zookeeper: coordinator.connect,
    znode: ZNODE,
  });
  const spark = new Spark(run, daemons);
  try {
    await action(spark);
  } catch (error) {
    process.stderr.write(`${daemons.output()}\n`);
    throw error;
  } finally {
    await spark.stop();
  }
}

class Spark {
  readonly #run: SparkRun;
  readonly #daemons: SparkDaemons;
  #driver: Driver | undefined;
  #application = "";
  #active = -1;

  constructor(run: SparkRun, daemons: SparkDaemons) {
    this.#run = run;
    this.#daemons = daemons;
  }

  async masters(scenario: Scenario): Promise<void> {
    const daemons = this.#daemons;
    await scenario.step("of two masters one is active, the other stands by", async () => {
      for (const master of MASTERS) daemons.startMaster(master);
      await this.#oneActive();
      return `master ${this.#active} is active`;
    });
    await scenario.step("a worker registers", async () => {
      daemons.startWorker();
      await this.#holds("a worker is alive", ({ workers }) => workers.some(({ state }) => state === "ALIVE"));
      return "";
    });
  }

  async shortApplication(scenario: Scenario): Promise<void> {
    await scenario.step("an application runs and finishes", async () => {
      await this.#submit();
      await this.#ask("start", SHORT_TASKS, 1);
      const sum = sumOfSquares(await this.#ask("finish"), SHORT_TASKS);
      await this.#finish();
      return sum;
    });
  }

  async firstApplication(scenario: Scenario): Promise<void> {
    await scenario.step("an application runs on it", async () => {
      await this.#submit();
      await this.#ask("start", TASKS, TASK_MS);
      await this.#works();
      return this.#application;
    });
  }

  /** The job that runs meanwhile goes on. */
  async takeOver(scenario: Scenario, title: string): Promise<void> {
    await scenario.step(`${title}; the other one takes over`, async () => {
      const victim = this.#active;
      const killed = this.#daemons.killMaster(victim);
      const [told] = await Promise.all([this.#run.coordinator.killLeader(), killed]);
      await this.#oneActive();
      return `master ${victim} killed, ${this.#active} is active; ${told}`;
    });
    await scenario.step("it knows the worker and the application", async () => {
      await this.#holds("worker and application are back", ({ workers, activeapps }) => {
        const isHere = activeapps.some(({ id, state }) => id === this.#application && state === "RUNNING");
        return isHere && workers.some(({ state }) => state === "ALIVE");
      });
      return "";
    });
  }

  async application(scenario: Scenario): Promise<void> {
    await scenario.step("the job that was running finishes with the right sum", async () => {
      return sumOfSquares(await this.#ask("finish"), TASKS);
    });
    await scenario.step(
      "the application loses its executor, and gets another one of the master",
      async () => {
        return sumOfSquares(await this.#ask("crash"), 2);
      },
    );
    await scenario.step("the application finishes; the master has it as finished", async () => {
      await this.#finish();
      return this.#application;
    });
  }

  /** The other way: what died first takes over from what took over. */
  async comeBack(scenario: Scenario): Promise<void> {
    await scenario.step("the killed master comes back and stands by", async () => {
      const back = MASTERS.find((master) => master !== this.#active) ?? 0;
      this.#daemons.startMaster(back);
      await until(SETTLE_MS, "it stands by", async () => {
        return (await this.#daemons.state(back))?.status === "STANDBY";
      });
      return `master ${back}`;
    });
    await scenario.step("another application runs", async () => {
      await this.#submit();
      await this.#ask("start", TASKS, TASK_MS);
      await this.#works();
      return this.#application;
    });
    await this.takeOver(scenario, "that master and our leader are killed at once");
    await scenario.step("the second application finishes too", async () => {
      const sum = sumOfSquares(await this.#ask("finish"), TASKS);
      await this.#finish();
      return sum;
    });
  }

  async stop(): Promise<void> {
    await this.#driver?.stop();
    await this.#daemons.stop();
  }

  async #submit(): Promise<void> {
    this.#driver = new Driver(this.#run.processes, this.#daemons.application(this.#run.kit.jar));
    this.#application = await this.#ask("id");
  }

  async #finish(): Promise<void> {
    await this.#driver?.end();
    this.#driver = undefined;
    await this.#holds("the application is over", ({ completedapps }) =>
      completedapps.some(({ id, state }) => id === this.#application && state === "FINISHED"),
    );
  }

  async #works(): Promise<void> {
    await until(SETTLE_MS, "a task is done", async () => Number(await this.#ask("done")) > 0);
  }

  async #ask(...words: readonly (string | number)[]): Promise<string> {
    if (this.#driver === undefined) throw new Error("no application runs");
    return await this.#driver.ask(...words);
  }

  /** Waits until one master is active and all others that answer stand by. */
  async #oneActive(): Promise<void> {
    await until(SETTLE_MS, "one master is active", async () => {
      const states = await Promise.all(MASTERS.map(async (master) => await this.#daemons.state(master)));
      this.#active = states.findIndex((state) => state?.status === "ALIVE");
      const others = states.filter((state, index) => state !== undefined && index !== this.#active);
      return this.#active !== -1 && others.every((state) => state?.status === "STANDBY");
    });
  }

  async #holds(what: string, condition: (state: MasterState) => boolean): Promise<void> {
    await until(SETTLE_MS, what, async () => {
      const state = await this.#daemons.state(this.#active);
      return state !== undefined && condition(state);
    });
  }
}

function sumOfSquares(sum: string, count: number): string {
  const right = (count * (count + 1) * (2 * count + 1)) / 6;
  if (sum !== String(right)) throw new Error(`the sum is ${sum}, and not ${right}`);
  return `sum ${sum}`;
}
