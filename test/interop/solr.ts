/**
 * SolrCloud: a collection of two shards, each on two nodes. While documents are indexed each of the nodes and our
 * leader die at once; in the end each replica must have every document that was acknowledged.
 */
import { join } from "node:path";

import type { ProcessSet } from "../compat/processes.ts";
import { until } from "../compat/servers.ts";
import type { Toolbox } from "../compat/tools.ts";
import { compilePrograms, jarVersion, needJars } from "./artifacts.ts";
import type { Coordinator } from "./coordinator.ts";
import { Load } from "./load.ts";
import type { Scenario } from "./scenario.ts";
import { CONFIG, NODES, SolrNodes } from "./solr-nodes.ts";

const ARTIFACTS = ["org.apache.solr:solr-test-framework:9.10.1"] as const;

const CHROOT = "/solr";
const COLLECTION = "numbers";
const SHARDS = 2;

const BATCH_DOCUMENTS = 20;
const BATCH_PAUSE_MS = 100;

const SETTLE_MS = 180_000;

/** Solr's jars and our program for it. */
export interface SolrKit {
  readonly version: string;
  readonly classpath: string;
}

/** One run of the scenario. */
export interface SolrRun {
  readonly processes: ProcessSet;
  readonly kit: SolrKit;
  readonly coordinator: Coordinator;
  readonly folder: string;
}

/** Fetches Solr, and compiles what starts it. */
export async function prepareSolr(tools: Toolbox): Promise<SolrKit> {
  const jars = await needJars(tools, "solr", ARTIFACTS);
  const classpath = await compilePrograms(tools, jars, ["SolrNode"]);
  return { version: await jarVersion(jars, "solr-core"), classpath };
}

/** The scenario. Everything it started has ended when it resolves. */
export async function playSolr(run: SolrRun, scenario: Scenario): Promise<void> {
  await withSolr(run, async (solr) => {
    await solr.start(scenario);
    await solr.deaths(scenario);
    await solr.documents(scenario);
    await solr.orders(scenario);
  });
}

/** The first minutes: nobody dies, and the node that leads stops in good order. */
export async function beginSolr(run: SolrRun, scenario: Scenario): Promise<void> {
  await withSolr(run, async (solr) => {
    await solr.start(scenario);
    await solr.handOver(scenario);
    await solr.documents(scenario);
    await solr.orders(scenario);
  });
}

async function withSolr(run: SolrRun, action: (solr: Solr) => Promise<void>): Promise<void> {
  const { processes, kit, coordinator } = run;
  const folder = join(run.folder, "solr");
  const zookeeper = `${coordinator.connect}${CHROOT}`;
  const nodes = await SolrNodes.open({ processes, folder, classpath: kit.classpath, zookeeper });
  const load = new Load(BATCH_PAUSE_MS, async (batch, server) => {
    const documents = Array.from({ length: BATCH_DOCUMENTS }, (_, index) => {
      return { id: String(batch * BATCH_DOCUMENTS + index) };
    });
    await nodes.ask(NODES[server % NODES.length] ?? "", `${COLLECTION}/update`, documents);
  });
  try {
    await action(new Solr(nodes, load, coordinator));
  } catch (error) {
    process.stderr.write(`${nodes.output()}\n`);
    throw error;
  } finally {
    load.abandon();
    await nodes.stop();
  }
}

/** A replica of a shard as Solr tells of it; the fields that are looked at. */
interface Replica {
  readonly shard: string;
  readonly core: string;
  readonly node_name: string;
  readonly state: string;
  readonly leader?: string;
}

/** What Solr tells of its cluster; the fields that are looked at. */
interface ClusterStatus {
  readonly cluster: {
    readonly live_nodes: readonly string[];
    readonly collections: Readonly<
      Record<
        string,
        {
          readonly shards: Readonly<Record<string, { readonly replicas: Readonly<Record<string, Replica>> }>>;
        }
      >
    >;
  };
}

class Solr {
  readonly #nodes: SolrNodes;
  readonly #load: Load;
  readonly #coordinator: Coordinator;

  constructor(nodes: SolrNodes, load: Load, coordinator: Coordinator) {
    this.#nodes = nodes;
    this.#load = load;
    this.#coordinator = coordinator;
  }

  async start(scenario: Scenario): Promise<void> {
    await scenario.step(
      "Solr's own tool makes the chroot, and uploads a set of configuration files",
      async () => {
        await this.#nodes.upload();
        return CHROOT;
      },
    );
    await scenario.step("two nodes start, and are live", async () => {
      for (const name of NODES) this.#nodes.start(name);
      await this.#live(NODES.length);
      return "";
    });
    await scenario.step("a collection of two shards is made, each on both nodes", async () => {
      const size = `numShards=${SHARDS}&replicationFactor=${NODES.length}`;
      await this.#admin(`CREATE&name=${COLLECTION}&collection.configName=${CONFIG}&${size}`);
      return await this.#allActive();
    });
    await scenario.step("documents are indexed", async () => {
      this.#load.start();
      await this.#more();
      return `${BATCH_DOCUMENTS} at a time, each acknowledged when all active replicas have it`;
    });
  }

  async deaths(scenario: Scenario): Promise<void> {
    await scenario.step("under load: our leader is killed", async () => {
      const told = await this.#coordinator.killLeader();
      await this.#more();
      return told;
    });
    for (const which of ["the node that leads shard1", "the node that leads it now"]) {
      let victim = "";
      await scenario.step(`under load: ${which}, and our leader are killed at once`, async () => {
        victim = await this.#leader();
        const [told] = await Promise.all([this.#coordinator.killLeader(), this.#nodes.kill(victim)]);
        await this.#ledBySurvivors();
        await this.#more();
        return `${victim} killed, the other one leads all shards; ${told}`;
      });
      await scenario.step("it comes back: all replicas are active", async () => {
        this.#nodes.start(victim);
        return await this.#allActive();
      });
    }
  }

  async handOver(scenario: Scenario): Promise<void> {
    await scenario.step("the node that leads stops in good order, and comes back", async () => {
      const name = await this.#leader();
      await this.#nodes.stopOne(name);
      await this.#ledBySurvivors();
      await this.#more();
      this.#nodes.start(name);
      return await this.#allActive();
    });
  }

  async documents(scenario: Scenario): Promise<void> {
    await scenario.step("every acknowledged document is on each replica of its shard, once", async () => {
      await this.#load.finish();
      const count = this.#load.acknowledged * BATCH_DOCUMENTS;
      await this.#nodes.ask("one", `${COLLECTION}/update?commit=true`, []);
      const counts = await this.#counts();
      for (const name of NODES) {
        const found = counts.filter(({ node }) => node === name).reduce((sum, { rows }) => sum + rows, 0);
        if (found !== count) throw new Error(`${name} has ${found} documents of ${count}`);
      }
      return `${count} documents; ${this.#load.failures} updates were refused or not answered, and sent again`;
    });
  }

  /** What an operator asks for. */
  async orders(scenario: Scenario): Promise<void> {
    await scenario.step("an alias is made, and leads to the collection", async () => {
      await this.#admin(`CREATEALIAS&name=alias&collections=${COLLECTION}`);
      const count = this.#load.acknowledged * BATCH_DOCUMENTS;
      for (const name of NODES) {
        await holds(
          "it is known",
          async () => (await this.#find(name, "alias/select?q=*:*").catch(never)) === count,
        );
      }
      return "";
    });
    await scenario.step("a document is deleted", async () => {
      await this.#nodes.ask("two", "alias/update?commit=true", { delete: { query: "id:1" } });
      const count = this.#load.acknowledged * BATCH_DOCUMENTS - 1;
      if ((await this.#find("one", "alias/select?q=*:*")) !== count) throw new Error("it is still there");
      return "";
    });
    await scenario.step("the collection is deleted, and its znodes are gone", async () => {
      await this.#admin("DELETEALIAS&name=alias");
      await this.#admin(`DELETE&name=${COLLECTION}`);
      const left = (await this.#nodes.ask(
        "one",
        "admin/zookeeper?wt=json&path=/collections&detail=false",
      )) as {
        readonly tree: readonly { readonly children?: readonly unknown[] }[];
      };
      if ((left.tree[0]?.children ?? []).length > 0) throw new Error(JSON.stringify(left));
      return "";
    });
    await scenario.step("one node stops in good order; the other sees it go", async () => {
      await this.#nodes.stopOne("two");
      await this.#live(1);
      await this.#nodes.stopOne("one");
      return "";
    });
  }

  async #admin(words: string): Promise<void> {
    await this.#nodes.ask("one", `admin/collections?action=${words}`);
  }

  /** Of whichever node answers; undefined where none does. */
  async #status(): Promise<ClusterStatus["cluster"] | undefined> {
    for (const name of NODES) {
      const answer = await this.#nodes.ask(name, "admin/collections?action=CLUSTERSTATUS").catch(nobody);
      if (answer !== undefined) return (answer as ClusterStatus).cluster;
    }
    return undefined;
  }

  async #replicas(): Promise<readonly Replica[]> {
    const shards = (await this.#status())?.collections[COLLECTION]?.shards ?? {};
    return Object.entries(shards).flatMap(([shard, { replicas }]) =>
      Object.values(replicas).map((replica) => ({ ...replica, shard })),
    );
  }

  async #live(count: number): Promise<void> {
    await holds(`${count} nodes are live`, async () => (await this.#status())?.live_nodes.length === count);
  }

  /** Waits until all replicas are; gives who leads each shard. */
  async #allActive(): Promise<string> {
    let replicas: readonly Replica[] = [];
    await holds("all replicas are active, and each shard has a leader", async () => {
      replicas = await this.#replicas();
      const leaders = replicas.filter(({ leader }) => leader === "true");
      const live = (await this.#status())?.live_nodes.length;
      const isActive = replicas.every(({ state }) => state === "active");
      const isWhole = replicas.length === SHARDS * NODES.length && leaders.length === SHARDS;
      return live === NODES.length && isActive && isWhole;
    });
    const leaders = replicas.filter(({ leader }) => leader === "true");
    return leaders.map((one) => `${one.shard} led by ${this.#nodes.nameOf(one.node_name)}`).join(", ");
  }

  /** Waits until no shard is led by somebody who is not live. */
  async #ledBySurvivors(): Promise<void> {
    await holds("each shard is led by a node that is live", async () => {
      const live = (await this.#status())?.live_nodes ?? [];
      const replicas = await this.#replicas();
      const leaders = replicas.filter(({ leader }) => leader === "true");
      return (
        live.length === 1 && leaders.length === SHARDS && leaders.every((one) => live.includes(one.node_name))
      );
    });
  }

  /** The node that leads the first shard. */
  async #leader(): Promise<string> {
    const replicas = await this.#replicas();
    const found = replicas.find(({ shard, leader }) => shard === "shard1" && leader === "true");
    if (found === undefined) throw new Error("nobody leads shard1");
    return this.#nodes.nameOf(found.node_name);
  }

  /** How many documents each replica has. */
  async #counts(): Promise<readonly { readonly node: string; readonly rows: number }[]> {
    return await Promise.all(
      (await this.#replicas()).map(async ({ core, node_name }) => {
        const node = this.#nodes.nameOf(node_name);
        return { node, rows: await this.#find(node, `${core}/select?q=*:*&distrib=false`) };
      }),
    );
  }

  async #find(node: string, path: string): Promise<number> {
    const answer = (await this.#nodes.ask(node, `${path}&rows=0`)) as {
      readonly response: { readonly numFound: number };
    };
    return answer.response.numFound;
  }

  /** Waits until batches are acknowledged that were not. */
  async #more(): Promise<void> {
    const before = this.#load.acknowledged;
    await holds("more documents are acknowledged", () =>
      Promise.resolve(this.#load.acknowledged > before + 1),
    );
  }
}

function nobody(): undefined {
  return undefined;
}

function never(): number {
  return -1;
}

async function holds(what: string, condition: () => Promise<boolean>): Promise<void> {
  await until(SETTLE_MS, what, condition);
}
