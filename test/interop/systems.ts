/** The systems that can be asked for, and what is done with each. */
import type { ProcessSet } from "../compat/processes.ts";
import type { Toolbox } from "../compat/tools.ts";
import { startCoordinator } from "./coordinator.ts";
import { playKafka, prepareKafka } from "./kafka.ts";
import { type Report, Scenario } from "./scenario.ts";
import { playSpark, prepareSpark } from "./spark.ts";

/** What every system's scenario is given. */
export interface Stage {
  readonly processes: ProcessSet;
  readonly tools: Toolbox;
  /** It goes when the process ends. */
  readonly temporary: string;
  readonly progress: (line: string) => void;
}

/** Plays a system's scenarios, each against an ensemble of its own. */
type Play = (stage: Stage) => Promise<readonly Report[]>;

/** What `npm run interop` knows. */
export const SYSTEMS: Readonly<Record<SystemName, Play>> = { kafka, spark };

/** One of them. */
export type SystemName = "kafka" | "spark";

async function kafka(stage: Stage): Promise<readonly Report[]> {
  const { processes, tools, temporary, progress } = stage;
  const kit = await prepareKafka(tools);
  progress(`Kafka ${kit.version} is there`);
  const coordinator = await startCoordinator();
  try {
    const reports: Report[] = [];
    for (const [chroot, isLoggedIn] of [
      ["", false],
      ["/streams/kafka", true],
    ] as const) {
      const where = chroot === "" ? "" : `, chroot ${chroot}, logged in by SASL`;
      const scenario = new Scenario(`Kafka ${kit.version}, 3 brokers${where}`, progress);
      const run = { processes, kit, coordinator, folder: temporary, chroot, isLoggedIn };
      reports.push(await scenario.run(async () => await playKafka(run, scenario)));
    }
    return reports;
  } finally {
    await coordinator.stop();
  }
}

/** Spark asks for sessions of a minute: a shorter limit is how long a dead master goes unnoticed. */
const SPARK_VARIABLES = { SESSION_TIMEOUT_MAX_MS: "15000" } as const;

async function spark(stage: Stage): Promise<readonly Report[]> {
  const { processes, tools, temporary, progress } = stage;
  const kit = await prepareSpark(tools);
  progress(`Spark ${kit.version} is there`);
  const coordinator = await startCoordinator({ vars: SPARK_VARIABLES });
  try {
    const scenario = new Scenario(`Spark ${kit.version} standalone, 2 masters and a worker`, progress);
    const run = { processes, kit, coordinator, folder: temporary };
    return [await scenario.run(async () => await playSpark(run, scenario))];
  } finally {
    await coordinator.stop();
  }
}
