/** The four-letter words, asked over a plain socket as `nc` or a monitoring agent does. */
import type { ClientReport, Outcome } from "./checks.ts";
import { askWord } from "./servers.ts";
import type { Address, Ensemble } from "./servers.ts";

/** A word's check: throws with what was expected and seen. */
type WordCheck = (addresses: readonly Address[]) => Promise<void>;

/**
 * Title of the row and what is asked. Texts are compared by what monitors parse, not byte for byte: counters
 * differ.
 */
const WORD_CHECKS: readonly { readonly id: string; readonly title: string; readonly ask: WordCheck }[] = [
  { id: "ruok", title: "ruok: exactly imok, then closed", ask: each("ruok", exactly("imok")) },
  { id: "split", title: "a word split over packets", ask: askSplit },
  { id: "unknown", title: "an unknown word: closed without an answer", ask: each("zzzz", exactly("")) },
  { id: "isro", title: "isro: exactly rw", ask: each("isro", exactly("rw")) },
  { id: "srvr", title: "srvr: version, zxid, counts; one leader, two followers", ask: askSrvr },
  { id: "stat", title: "stat: as srvr, with its clients", ask: each("stat", matches(STAT_LINES())) },
  { id: "mntr", title: "mntr: tab-separated, the keys that monitors read", ask: each("mntr", checkMntr) },
  { id: "conf", title: "conf: ports, ticks, limits, server id", ask: askConf },
  {
    id: "cons",
    title: "cons: the asking connection itself",
    ask: each("cons", matches([/^ \/127\.0\.0\.1:\d+\[\d+\]\(.*\)$/m])),
  },
  { id: "envi", title: "envi: a version within the first segment", ask: each("envi", matches(ENVI_LINES())) },
];

/** The rows of the words. */
export const WORD_TITLES: readonly { readonly id: string; readonly title: string }[] = WORD_CHECKS;

/** Asks every word of every replica. */
export async function runWords(ensemble: Ensemble): Promise<ClientReport> {
  const outcomes: Outcome[] = [];
  for (const check of WORD_CHECKS) {
    const startedAt = performance.now();
    let detail = "";
    try {
      await check.ask(ensemble.addresses);
    } catch (error) {
      detail = error instanceof Error ? error.message : String(error);
    }
    const verdict = detail === "" ? "ok" : "fail";
    outcomes.push({ check: check.id, verdict, detail, elapsedMs: performance.now() - startedAt });
  }
  return { client: "plain socket", outcomes };
}

/** The rows a version line, latencies, counters and mode take in srvr and stat. */
function SRVR_LINES(): readonly RegExp[] {
  return [
    /^Zookeeper version: \d+\.\d+\.\d+/m,
    /^Latency min\/avg\/max: \d+\/[\d.]+\/\d+$/m,
    /^Received: \d+$/m,
    /^Sent: \d+$/m,
    /^Connections: \d+$/m,
    /^Outstanding: \d+$/m,
    /^Zxid: 0x[0-9a-f]+$/m,
    /^Mode: (leader|follower)$/m,
    /^Node count: \d+$/m,
  ];
}

function STAT_LINES(): readonly RegExp[] {
  return [...SRVR_LINES(), /^Clients:$/m, /^ \/127\.0\.0\.1:\d+\[\d+\]\(queued=\d+,recved=\d+,sent=\d+\)$/m];
}

function ENVI_LINES(): readonly RegExp[] {
  // Clients look for it in what the first read brings, and choose features by it.
  return [/^Environment:\n(?:.{0,1000}\n)?zookeeper\.version=\d+\.\d+\.\d+/, /^host\.name=/m];
}

/** The same question to every replica; the message says which one failed. */
function each(word: string, check: (answer: string) => void): WordCheck {
  return async (addresses) => {
    for (const address of addresses) {
      const answer = await askWord(address, [word]);
      try {
        check(answer);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        throw new Error(`port ${address.port}: ${message}`, { cause: error });
      }
    }
  };
}

function exactly(expected: string): (answer: string) => void {
  return (answer) => {
    if (answer !== expected) throw new Error(`expected "${expected}", saw "${answer}"`);
  };
}

function matches(patterns: readonly RegExp[]): (answer: string) => void {
  return (answer) => {
    const missing = patterns.filter((pattern) => !pattern.test(answer));
    if (missing.length > 0) throw new Error(`expected ${missing.map(String).join(" and ")}, saw:\n${answer}`);
  };
}

async function askSplit(addresses: readonly Address[]): Promise<void> {
  for (const address of addresses) exactly("imok")(await askWord(address, ["ru", "ok"]));
}

async function askSrvr(addresses: readonly Address[]): Promise<void> {
  const answers = await Promise.all(addresses.map((address) => askWord(address, ["srvr"])));
  for (const answer of answers) matches(SRVR_LINES())(answer);
  const modes = answers.map((answer) => /^Mode: (\w+)$/m.exec(answer)?.[1] ?? "none").sort();
  const [first, ...others] = modes.reverse();
  const expected = first === "leader" && others.every((mode) => mode === "follower");
  if (!expected) throw new Error(`expected one leader and followers, saw ${modes.join(", ")}`);
}

function checkMntr(answer: string): void {
  const values = new Map<string, string>();
  for (const line of answer.split("\n")) {
    if (line === "") continue;
    const [key = "", value, ...rest] = line.split("\t");
    if (value === undefined || rest.length > 0 || !key.startsWith("zk_")) {
      throw new Error(`expected zk_key<TAB>value, saw "${line}"`);
    }
    values.set(key, value);
  }
  const numbers = [
    "zk_avg_latency",
    "zk_max_latency",
    "zk_min_latency",
    "zk_packets_received",
    "zk_packets_sent",
    "zk_num_alive_connections",
    "zk_outstanding_requests",
    "zk_znode_count",
    "zk_watch_count",
    "zk_ephemerals_count",
    "zk_approximate_data_size",
    "zk_global_sessions",
    "zk_uptime",
  ];
  const wrong = numbers.filter((key) => !/^-?[\d.]+$/.test(values.get(key) ?? ""));
  if (wrong.length > 0) throw new Error(`expected numbers for ${wrong.join(", ")}, saw:\n${answer}`);
  const state = values.get("zk_server_state") ?? "";
  if (state !== "leader" && state !== "follower") throw new Error(`zk_server_state is "${state}"`);
  if (!/^\d+\.\d+\.\d+/.test(values.get("zk_version") ?? "")) throw new Error("no zk_version");
  if (state !== "leader") return;
  const followers = values.get("zk_synced_followers");
  if (followers !== "2")
    throw new Error(`the leader's zk_synced_followers: expected 2, saw ${String(followers)}`);
}

async function askConf(addresses: readonly Address[]): Promise<void> {
  const ids = new Set<string>();
  for (const address of addresses) {
    const answer = await askWord(address, ["conf"]);
    matches([
      new RegExp(`^clientPort=${address.port}$`, "m"),
      /^tickTime=\d+$/m,
      /^maxClientCnxns=\d+$/m,
      /^minSessionTimeout=\d+$/m,
      /^maxSessionTimeout=\d+$/m,
    ])(answer);
    ids.add(/^serverId=(\d+)$/m.exec(answer)?.[1] ?? "none");
  }
  if (ids.size !== addresses.length || ids.has("none")) {
    throw new Error(`expected a serverId of its own for each, saw ${[...ids].join(", ")}`);
  }
}
