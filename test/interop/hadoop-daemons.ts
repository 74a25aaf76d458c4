/** Hadoop's daemons on loopback, each a JVM of its own with a folder of settings. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { Child, Command, ProcessSet } from "../compat/processes.ts";
import { SMALL_JAVA } from "./artifacts.ts";

/** A first run of a NameNode formats; the machine may be busy. */
const TOOL_DEADLINE_MS = 120_000;

const PAGE_DEADLINE_MS = 3000;

/** What Hadoop's own scripts open for it; some of its libraries are older than the module system. */
const OPENED: readonly string[] = ["java.lang", "java.io", "java.util", "java.net", "java.nio"].map(
  (name) => `--add-opens=java.base/${name}=ALL-UNNAMED`,
);

/** Settings by name. */
export type Settings = Readonly<Record<string, string | number | boolean>>;

/** Where the daemons are to live. */
export interface HadoopSetup {
  readonly processes: ProcessSet;
  /** A folder of their own; it goes when the run ends. */
  readonly folder: string;
  readonly classpath: string;
}

/** See the file's comment. */
export class HadoopDaemons {
  readonly #setup: HadoopSetup;
  readonly #running = new Map<string, Child>();

  private constructor(setup: HadoopSetup) {
    this.#setup = setup;
  }

  /** Nothing runs yet. */
  static async open(setup: HadoopSetup): Promise<HadoopDaemons> {
    // The pages that people look at are in Hadoop's tarball alone; the servers want their folders to exist.
    for (const name of ["hdfs", "datanode", "static"]) {
      await mkdir(join(setup.folder, "pages", "webapps", name), { recursive: true });
    }
    return new HadoopDaemons(setup);
  }

  /** Writes the settings that daemons of that name read. */
  async configure(name: string, settings: Settings): Promise<void> {
    const folder = this.#settingsFolder(name);
    await mkdir(folder, { recursive: true });
    const properties = Object.entries(settings).map(
      ([key, value]) => `<property><name>${key}</name><value>${value}</value></property>`,
    );
    const text = `<configuration>\n${properties.join("\n")}\n</configuration>\n`;
    for (const file of ["core-site", "hdfs-site", "yarn-site", "capacity-scheduler", "hbase-site"]) {
      await writeFile(join(folder, `${file}.xml`), text);
    }
    const appender = [
      "log4j.appender.out=org.apache.log4j.ConsoleAppender",
      "log4j.appender.out.target=System.err",
    ];
    const layout = [
      "log4j.appender.out.layout=org.apache.log4j.PatternLayout",
      "log4j.appender.out.layout.ConversionPattern=%d %p %c{1}: %m%n",
    ];
    const lines = ["log4j.rootLogger=WARN,out", ...appender, ...layout, ""];
    await writeFile(join(folder, "log4j.properties"), lines.join("\n"));
  }

  /** Starts a daemon with the settings of that name. */
  start(id: string, settings: string, program: readonly string[]): void {
    this.#running.set(id, this.#setup.processes.start(this.command(settings, program)));
  }

  /** Runs a tool to its end. */
  async run(settings: string, program: readonly string[]): Promise<void> {
    await this.#setup.processes.run(this.command(settings, program), TOOL_DEADLINE_MS);
  }

  /** A JVM with the settings of that name. */
  command(settings: string, program: readonly string[]): Command {
    const { folder, classpath } = this.#setup;
    const paths = [this.#settingsFolder(settings), join(folder, "pages"), classpath].join(":");
    const args = ["-Xmx256m", ...SMALL_JAVA, ...OPENED, "-cp", paths, ...program];
    return { command: "java", args, cwd: folder, env: { HADOOP_USER_NAME: "interop" } };
  }

  /** Kills it: no goodbye to anybody. */
  async kill(id: string): Promise<void> {
    const child = this.#running.get(id);
    if (child === undefined) throw new Error(`${id} does not run`);
    this.#running.delete(id);
    child.signal("SIGKILL");
    await child.ended;
  }

  /** Ends one in good order. */
  async end(id: string): Promise<void> {
    const child = this.#running.get(id);
    if (child === undefined) throw new Error(`${id} does not run`);
    this.#running.delete(id);
    child.signal("SIGTERM");
    await child.ended;
  }

  /** Ends all. */
  async stop(): Promise<void> {
    await Promise.all([...this.#running.values()].map((child) => this.#setup.processes.stop(child)));
  }

  /** The last that each printed, for the report of a failure. */
  output(): string {
    return [...this.#running].map(([id, child]) => `${id}:\n${child.tail.slice(-1500)}`).join("\n");
  }

  #settingsFolder(name: string): string {
    return join(this.#setup.folder, `settings-${name}`);
  }
}

/** The fields of a page that is JSON; undefined where nobody answers it. */
export async function askPage(port: number, path: string): Promise<unknown> {
  try {
    const signal = AbortSignal.timeout(PAGE_DEADLINE_MS);
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal });
    return response.ok ? await response.json() : undefined;
  } catch {
    // Dead, or not there yet: whoever asks has a deadline of its own.
    return undefined;
  }
}
