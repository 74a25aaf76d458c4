/**
 * Patroni with three PostgreSQL servers in synchronous mode: while rows are written our leader dies, then the primary
 * and our leader at once; what PostgreSQL has acknowledged must be on all servers in the end.
 */
import { chmod, readdir, stat } from "node:fs/promises";
import { join } from "node:path";

import type { ProcessSet } from "../compat/processes.ts";
import { until } from "../compat/servers.ts";
import type { Toolbox } from "../compat/tools.ts";
import type { Coordinator } from "./coordinator.ts";
import { Driver } from "./driver.ts";
import { LOGIN, type Member, NODES, packagesOf, PatroniNodes } from "./patroni-nodes.ts";
import type { Scenario } from "./scenario.ts";

const VERSION = "4.1.5";
const PACKAGES = [`patroni[zookeeper]==${VERSION}`, "kazoo==2.11.0", "psycopg2-binary==2.9.13"];

const POSTGRESQL = "/usr/lib/postgresql";
const PROGRAM = join(import.meta.dirname, "python", "postgres_program.py");

const ROWS_PER_SECOND = 100;

const SETTLE_MS = 180_000;

/** Patroni, and what it stands on. */
export interface PatroniKit {
  readonly name: string;
  /** A virtual environment of Python. */
  readonly environment: string;
  /** Where PostgreSQL's programs are. */
  readonly programs: string;
  readonly account: { readonly uid: number; readonly gid: number } | undefined;
}

/** One run of the scenario. */
export interface PatroniRun {
  readonly processes: ProcessSet;
  readonly kit: PatroniKit;
  readonly coordinator: Coordinator;
  readonly folder: string;
}

/** Fetches Patroni as PyPI has it, and PostgreSQL as Debian has it. */
export async function preparePatroni(tools: Toolbox): Promise<PatroniKit> {
  await tools.needDebian([
    ["/usr/bin/python3", "python3"],
    ["/usr/share/doc/python3-venv", "python3-venv"],
    [POSTGRESQL, "postgresql"],
  ]);
  const environment = await tools.filled(`patroni-${VERSION}`, async (folder) => {
    await tools.run({ command: "/usr/bin/python3", args: ["-m", "venv", folder] });
    const args = ["-m", "pip", "install", "--quiet", ...PACKAGES];
    await tools.run({ command: join(folder, "bin", "python"), args });
  });
  const versions = (await readdir(POSTGRESQL)).map(Number).filter(Number.isInteger);
  if (versions.length === 0) throw new Error(`no version of PostgreSQL in ${POSTGRESQL}`);
  const version = Math.max(...versions);
  const programs = join(POSTGRESQL, String(version), "bin");
  const name = `Patroni ${VERSION}, 3 servers of PostgreSQL ${version}`;
  return { name, environment, programs, account: await accountOf(tools) };
}

/** The account that Debian's package makes, where we are root; undefined where we are not. */
async function accountOf(tools: Toolbox): Promise<PatroniKit["account"]> {
  if (process.getuid?.() !== 0) return undefined;
  const [uid, gid] = await Promise.all(
    ["-u", "-g"].map(async (flag) => Number(await tools.run({ command: "id", args: [flag, "postgres"] }))),
  );
  if (uid === undefined || gid === undefined) throw new Error("there is no account postgres");
  return { uid, gid };
}

/** The scenario. Everything it started has ended when it resolves. */
export async function playPatroni(run: PatroniRun, scenario: Scenario): Promise<void> {
  await withPatroni(run, async (patroni) => {
    await patroni.start(scenario);
    await patroni.deaths(scenario);
    await patroni.orders(scenario);
    await patroni.stop(scenario);
  });
}

/** The first minutes: nobody dies, and the primary gives way when asked to. */
export async function beginPatroni(run: PatroniRun, scenario: Scenario): Promise<void> {
  await withPatroni(run, async (patroni) => {
    await patroni.start(scenario);
    await patroni.orders(scenario);
    await patroni.stop(scenario);
  });
}

async function withPatroni(run: PatroniRun, action: (patroni: Patroni) => Promise<void>): Promise<void> {
  const { processes, kit, coordinator } = run;
  // Another account must get through it.
  await chmod(run.folder, (await stat(run.folder)).mode | 0o011);
  const nodes = await PatroniNodes.open({
    processes,
    folder: join(run.folder, "patroni"),
    packages: await packagesOf(kit.environment),
    programs: kit.programs,
    account: kit.account,
    zookeeper: coordinator.connect,
  });
  const words = [PROGRAM, LOGIN.user, LOGIN.password, ...nodes.ports.map(String)];
  const python = join(kit.environment, "bin", "python");
  const driver = new Driver(processes, { command: python, args: ["-B", "-u", ...words] });
  try {
    await action(new Patroni(nodes, driver, coordinator));
  } catch (error) {
    process.stderr.write(`${nodes.output()}\n`);
    throw error;
  } finally {
    await driver.stop();
    await nodes.stop();
  }
}

class Patroni {
  readonly #nodes: PatroniNodes;
  readonly #driver: Driver;
  readonly #coordinator: Coordinator;

  constructor(nodes: PatroniNodes, driver: Driver, coordinator: Coordinator) {
    this.#nodes = nodes;
    this.#driver = driver;
    this.#coordinator = coordinator;
  }

  async start(scenario: Scenario): Promise<void> {
    await scenario.step(
      "of three servers one is primary, one its synchronous standby, one a replica",
      async () => {
        for (const name of NODES) this.#nodes.start(name);
        return await this.#settled(NODES);
      },
    );
    await scenario.step("rows are written", async () => {
      await this.#driver.ask("create");
      await this.#driver.ask("load", ROWS_PER_SECOND);
      await this.#more();
      return `at most ${ROWS_PER_SECOND} a second, each acknowledged by two servers`;
    });
  }

  async deaths(scenario: Scenario): Promise<void> {
    let victim = "";
    await scenario.step("under load: our leader is killed; the primary stays what it is", async () => {
      const before = await this.#primary();
      const told = await this.#coordinator.killLeader();
      await this.#more();
      const after = await this.#primary();
      if (after.name !== before.name || after.timeline !== before.timeline) {
        throw new Error(`${describe(before)} was primary, and ${describe(after)} is`);
      }
      return `${describe(after)}; ${told}`;
    });
    await scenario.step("under load: the primary and our leader are killed at once", async () => {
      victim = (await this.#primary()).name;
      const [told] = await Promise.all([this.#coordinator.killLeader(), this.#nodes.kill(victim)]);
      const next = await this.#primary(victim);
      await this.#more();
      return `${victim} killed, ${describe(next)} is primary; ${told}`;
    });
    await scenario.step("it comes back, and is a standby of the new primary", async () => {
      this.#nodes.start(victim);
      return await this.#settled(NODES);
    });
    await scenario.step("under load: the synchronous standby and our leader are killed at once", async () => {
      victim = (await this.#of("sync_standby")).name;
      const [told] = await Promise.all([this.#coordinator.killLeader(), this.#nodes.kill(victim)]);
      const others = NODES.filter((name) => name !== victim);
      await until(SETTLE_MS, "another one is synchronous", async () => {
        return others.includes((await this.#of("sync_standby")).name);
      });
      await this.#more();
      return `${victim} killed; ${told}`;
    });
    await scenario.step("it comes back, and is a standby", async () => {
      this.#nodes.start(victim);
      return await this.#settled(NODES);
    });
  }

  /** What an operator asks for. */
  async orders(scenario: Scenario): Promise<void> {
    await scenario.step("a setting changes on all servers", async () => {
      await this.#nodes.configure({ postgresql: { parameters: { work_mem: "7MB" } } });
      for (const port of this.#nodes.ports) {
        await until(SETTLE_MS, "it is in force", async () => {
          return (await this.#driver.ask("show", port, "work_mem")) === "7MB";
        });
      }
      return "";
    });
    await scenario.step("under load: the primary hands over to its synchronous standby", async () => {
      const before = (await this.#primary()).name;
      const candidate = (await this.#of("sync_standby")).name;
      await this.#nodes.switchover(before, candidate);
      await until(SETTLE_MS, "it is primary", async () => (await this.#primary()).name === candidate);
      await this.#more();
      return `${before}, then ${await this.#settled(NODES)}`;
    });
  }

  async stop(scenario: Scenario): Promise<void> {
    await scenario.step("every acknowledged row is on each server", async () => {
      const last = await this.#driver.ask("finish");
      for (const port of this.#nodes.ports) {
        await until(SETTLE_MS, `all rows are on the server at ${port}`, async () => {
          return (await this.#driver.ask("rows", port)) === `rows=${last} last=${last}`;
        });
      }
      return `${last} rows; refused or not answered, and written again: ${await this.#driver.ask("failures")}`;
    });
    await scenario.step("all stop in good order", async () => {
      await this.#nodes.stop();
      return "";
    });
  }

  /** Waits until these are all, and each is what it should be. */
  async #settled(names: readonly string[]): Promise<string> {
    let seen = "";
    await until(SETTLE_MS, "each is primary, synchronous standby or replica", async () => {
      const members = (await this.#nodes.members()) ?? [];
      seen = members.map(describe).join(", ");
      const roles = members.map(({ role }) => role).toSorted();
      const fits = members.every(
        ({ role, state }) => state === (role === "leader" ? "running" : "streaming"),
      );
      if (members.length !== names.length || !fits || roles.join() !== "leader,replica,sync_standby")
        return false;
      // What is dead is a member until its session is over.
      const running = await Promise.all(names.map(async (name) => await this.#nodes.isRunning(name)));
      return running.every((isRunning) => isRunning);
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}: ${seen}`);
    });
    return seen;
  }

  async #primary(besides = ""): Promise<Member> {
    return await this.#of("leader", besides);
  }

  async #of(role: string, besides = ""): Promise<Member> {
    let found: Member | undefined;
    await until(SETTLE_MS, `somebody is ${role}`, async () => {
      const members = (await this.#nodes.members()) ?? [];
      found = members.find((one) => one.role === role && one.name !== besides);
      return found !== undefined && (role !== "leader" || found.state === "running");
    });
    if (found === undefined) throw new Error(`nobody is ${role}`);
    return found;
  }

  /** Waits until rows are acknowledged that were not. */
  async #more(): Promise<void> {
    const before = Number(await this.#driver.ask("acknowledged"));
    await until(SETTLE_MS, "more rows are acknowledged", async () => {
      return Number(await this.#driver.ask("acknowledged")) > before + 1;
    });
  }
}

function describe({ name, role, state, timeline }: Member): string {
  return `${name} ${role}, ${state}, timeline ${timeline ?? "?"}`;
}
