/**
 * What whole systems, Kafka among them, sent to a real ZooKeeper in their first minutes, played to an ensemble of
 * three, each connection at the next door: their clients must be told what they were told there.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { SESSION_TIMEOUT_MAX_MS } from "../compat/single-zookeeper.ts";
import { startEnsemble } from "../harness/ensemble.ts";
import { RECORDINGS } from "../interop/traffic/record.ts";
import { type KeptLine, readRecording } from "../interop/traffic/recording.ts";
import { replay } from "../interop/traffic/replay.ts";

const RECORDING_BYTES_MAX = 1_000_000;

const files = readdirSync(RECORDINGS);

test("there are recordings", () => {
  expect(files).toEqual([
    "clickhouse.txt",
    "hadoop.txt",
    "hbase.txt",
    "kafka.txt",
    "patroni.txt",
    "solr.txt",
    "spark.txt",
  ]);
});

/** Thousands of requests, one after the other, each behind a sync of disks that others use too. */
const DEADLINE_MS = 300_000;

test.each(files)(
  "%s: every reply and every watch event is as recorded",
  { timeout: DEADLINE_MS },
  async (name) => {
    const file = join(RECORDINGS, name);
    expect(statSync(file).size).toBeLessThan(RECORDING_BYTES_MAX);
    const recording = readRecording(file);
    // As the server was that recorded: it granted every session what it asked for.
    const ensemble = await startEnsemble({
      vars: { SESSION_TIMEOUT_MAX_MS: String(SESSION_TIMEOUT_MAX_MS), HEARTBEAT_LIMIT_MS: "15000" },
      readyDeadlineMs: 60_000,
    });
    try {
      const doors = ensemble.tcpPorts.map((port) => ({ host: "127.0.0.1", port }));
      const played = await replay(recording, doors);
      expect(played.map(shown)).toEqual(recording.lines.map(shown));
    } finally {
      await ensemble.stop();
    }
  },
);

/** What is compared, behind what was asked, for whoever reads a difference. */
function shown(line: KeptLine): string {
  if ("told" in line) return `${line.c} is told ${line.told}`;
  if ("ask" in line)
    return `${line.c} asks ${Buffer.from(line.ask)
      .toString("latin1")
      .replaceAll(/[^ -~]+/g, ".")}`;
  return `${line.c} ${Object.keys(line)[1] ?? ""}`;
}
