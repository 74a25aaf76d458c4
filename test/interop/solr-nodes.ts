/** Nodes of SolrCloud on loopback, each a JVM of its own. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { Child, Command, ProcessSet } from "../compat/processes.ts";
import { freePorts } from "../harness/ports.ts";
import { SMALL_JAVA } from "./artifacts.ts";

/** The names of the nodes. */
export const NODES: readonly string[] = ["one", "two"];

/** The name of the set of configuration files. */
export const CONFIG = "interop";

/** How long a node that was killed counts as alive, in ms; Solr's own default is 30 s. */
const SESSION_TIMEOUT_MS = 10_000;

const TOOL_DEADLINE_MS = 120_000;

/** Making a collection takes its time; an update waits while a new leader is looked for. */
const ANSWER_DEADLINE_MS = 120_000;

/** Where the nodes are to live, and what they are told. */
export interface NodeSetup {
  readonly processes: ProcessSet;
  /** A folder of their own; it goes when the run ends. */
  readonly folder: string;
  readonly classpath: string;
  /** Connect string, and chroot. */
  readonly zookeeper: string;
}

/** See the file's comment. */
export class SolrNodes {
  readonly #setup: NodeSetup;
  readonly #ports: readonly number[];
  readonly #running = new Map<string, Child>();

  private constructor(setup: NodeSetup, ports: readonly number[]) {
    this.#setup = setup;
    this.#ports = ports;
  }

  /** Nothing runs yet. */
  static async open(setup: NodeSetup): Promise<SolrNodes> {
    const nodes = new SolrNodes(setup, await freePorts(NODES.length));
    for (const name of NODES) {
      await mkdir(join(setup.folder, name), { recursive: true });
      await writeFile(join(setup.folder, name, "solr.xml"), nodes.#settings());
    }
    await mkdir(join(setup.folder, "conf"));
    await writeFile(join(setup.folder, "conf", "solrconfig.xml"), SOLRCONFIG);
    await writeFile(join(setup.folder, "conf", "schema.xml"), SCHEMA);
    return nodes;
  }

  /** Makes the chroot, and puts the configuration files into znodes, as an operator does with Solr's own tool. */
  async upload(): Promise<void> {
    const { processes, folder, zookeeper } = this.#setup;
    const tool = (...words: readonly string[]): Command =>
      this.#java(["org.apache.solr.cli.SolrCLI", "zk", ...words]);
    const [connect = ""] = zookeeper.split("/", 1);
    const chroot = zookeeper.slice(connect.length);
    await processes.run(tool("mkroot", chroot, "--zk-host", connect), TOOL_DEADLINE_MS);
    const conf = ["--conf-name", CONFIG, "--conf-dir", join(folder, "conf"), "--zk-host", zookeeper];
    await processes.run(tool("upconfig", ...conf), TOOL_DEADLINE_MS);
  }

  /** Starts one, on what it left behind. */
  start(name: string): void {
    const { processes, folder } = this.#setup;
    const args = ["SolrNode", join(folder, name), String(this.#port(name))];
    this.#running.set(name, processes.start(this.#java(args)));
  }

  /** Kills it: no goodbye to anybody. */
  async kill(name: string): Promise<void> {
    const child = this.#running.get(name);
    if (child === undefined) throw new Error(`${name} does not run`);
    this.#running.delete(name);
    child.signal("SIGKILL");
    await child.ended;
  }

  /** Ends one in good order. */
  async stopOne(name: string): Promise<void> {
    const child = this.#running.get(name);
    if (child === undefined) throw new Error(`${name} does not run`);
    this.#running.delete(name);
    child.signal("SIGTERM");
    await child.ended;
  }

  /** Ends all. */
  async stop(): Promise<void> {
    const children = [...this.#running.values()];
    this.#running.clear();
    await Promise.all(children.map(async (child) => await this.#setup.processes.stop(child)));
  }

  /** The node that Solr calls so. */
  nameOf(solrName: string): string {
    const name = NODES.find((one) => solrName === `127.0.0.1:${this.#port(one)}_solr`);
    if (name === undefined) throw new Error(`Solr knows a node ${solrName}`);
    return name;
  }

  /** What a node answers. Throws what it refuses, and where it is not there. */
  async ask(name: string, path: string, body?: unknown): Promise<unknown> {
    const url = `http://127.0.0.1:${this.#port(name)}/solr/${path}`;
    const response = await fetch(url, {
      signal: AbortSignal.timeout(ANSWER_DEADLINE_MS),
      ...(body === undefined
        ? {}
        : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${name} answers ${response.status}: ${text.slice(0, 500)}`);
    return JSON.parse(text) as unknown;
  }

  /** The last that each printed, for the report of a failure. */
  output(): string {
    return [...this.#running].map(([name, child]) => `${name}:\n${child.tail}`).join("\n");
  }

  #port(name: string): number {
    return this.#ports[NODES.indexOf(name)] ?? 0;
  }

  #java(words: readonly string[]): Command {
    const { folder, classpath } = this.#setup;
    const flags = [
      `-Dsolr.install.dir=${folder}`,
      `-Dsolr.log.dir=${folder}`,
      "-Djava.awt.headless=true",
      "-cp",
      classpath,
    ];
    return { command: "java", args: ["-Xmx320m", ...SMALL_JAVA, ...flags, ...words], cwd: folder };
  }

  #settings(): string {
    const { zookeeper } = this.#setup;
    return `<solr>
  <solrcloud>
    <str name="zkHost">${zookeeper}</str>
    <int name="zkClientTimeout">${SESSION_TIMEOUT_MS}</int>
    <str name="host">127.0.0.1</str>
    <str name="hostContext">solr</str>
    <int name="hostPort">\${hostPort:0}</int>
  </solrcloud>
</solr>
`;
  }
}

const SOLRCONFIG = `<config>
  <luceneMatchVersion>9.12</luceneMatchVersion>
  <schemaFactory class="ClassicIndexSchemaFactory"/>
  <updateHandler class="solr.DirectUpdateHandler2"><updateLog/></updateHandler>
  <requestHandler name="/select" class="solr.SearchHandler"/>
</config>
`;

const SCHEMA = `<schema name="${CONFIG}" version="1.6">
  <fieldType name="string" class="solr.StrField"/>
  <fieldType name="long" class="solr.LongPointField" docValues="true"/>
  <field name="id" type="string" indexed="true" stored="true" required="true"/>
  <field name="_version_" type="long" indexed="false" stored="false"/>
  <uniqueKey>id</uniqueKey>
</schema>
`;
