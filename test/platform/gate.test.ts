/**
 * The output gate: what leaves an object after a write is held until that write is durable. All of Zab's
 * order of acknowledgements stands on this, so it is pinned for each way out, and both with a disk that is
 * slow and with one that fails: what is never seen when the sync fails was not merely late.
 */

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { type Arrival, ProbeClient } from "./probe-client.ts";

/** By how much each sync is delayed. Far above what any of this takes without it. */
const SYNC_DELAY_MS = 400;

const directory = await mkdtemp(join(tmpdir(), "edgekeeper-gate-"));
const preload = await buildPreload();

describe.skipIf(preload === undefined)(
  "with syncs that a preloaded library delays (needs Linux and gcc)",
  () => {
    let probe: ProbeClient;

    beforeAll(async () => {
      await setDisk("fast");
      const environment = { LD_PRELOAD: preload ?? "", SYNC_DELAY_FILE: join(directory, "disk") };
      probe = await ProbeClient.start({ environment });
    });

    afterEach(async () => {
      await setDisk("fast");
    });

    afterAll(async () => {
      await probe.ensemble.stop();
      await rm(directory, { recursive: true, force: true });
    });

    for (const kind of ["accepted", "hibernatable"]) {
      test(`a message on a WebSocket (${kind}) leaves before the write that follows it is durable, and one after the write does not`, async () => {
        const socket = await probe.webSocket(`slow-${kind}/${kind}`);
        await setDisk("slow");

        socket.send("go");
        await socket.until((words) => words.includes("after"));

        const [before, after] = socket.arrivals;
        report(kind, socket.arrivals);
        expect(socket.words).toEqual(["before", "after"]);
        expect(after?.afterMs).toBeGreaterThanOrEqual(SYNC_DELAY_MS);
        expect(before?.afterMs).toBeLessThan(SYNC_DELAY_MS);
        socket.close();
      });

      test(`a message on a WebSocket (${kind}) after a write that failed is never seen, and the socket closes`, async () => {
        const socket = await probe.webSocket(`failing-${kind}/${kind}`);
        await setDisk("failing");

        socket.send("go");
        await socket.until((words) => words.some((word) => word.startsWith("closed")));

        expect(socket.words.at(-1)).toBe("closed 1006");
        expect(socket.words).not.toContain("after");
      });
    }

    test("bytes to a TCP stream are held from a write of the same turn on, those written before it included", async () => {
      await probe.state("slow-tcp");
      await setDisk("slow");

      const stream = probe.tcp("slow-tcp around");
      await stream.until((words) => words.includes("after"));

      report("TCP", stream.arrivals);
      expect(stream.words).toEqual(["before", "after"]);
      expect(stream.arrivals[0]?.afterMs).toBeGreaterThanOrEqual(SYNC_DELAY_MS);
      stream.socket.destroy();
    });

    test("bytes to a TCP stream in the turn of a write that failed are never seen, and the stream ends", async () => {
      await probe.state("failing-tcp");
      await setDisk("failing");

      const stream = probe.tcp("failing-tcp around");
      await stream.until((words) => words.includes("end") || words.includes("closed"));

      expect(stream.words.filter((word) => word === "before" || word === "after")).toEqual([]);
      stream.socket.destroy();
    });

    test("on a link between two objects the message before a failed write arrives, the one after it never does", async () => {
      await probe.state("link-receiver");
      await probe.state("failing-link");
      await setDisk("failing");

      const answer = await probe.get("failing-link/link-around");
      await setDisk("fast");

      expect(answer.status).toBe(500);
      const { seen } = await probe.state("link-receiver");
      expect(seen).toEqual(["before"]);
    });

    test("on a link between two objects the message after a write is held until the write is durable", async () => {
      await probe.state("link-receiver");
      await probe.state("slow-link");
      await setDisk("slow");

      const times = await probe.ask<{ beforeMs: number; afterMs: number }>("slow-link/link-around");

      console.log(
        `link: before ${times.beforeMs} ms, after ${times.afterMs} ms; ` +
          "the sync blocks the thread of both objects",
      );
      expect(times.afterMs).toBeGreaterThanOrEqual(SYNC_DELAY_MS);
    });

    test("a fetch to another object after a failed write is never sent", async () => {
      await probe.state("sink");
      await probe.state("failing-fetch");
      await setDisk("failing");

      const answer = await probe.get("failing-fetch/fetch-around");
      await setDisk("fast");

      expect(answer.status).toBe(500);
      const { seen } = await probe.state("sink");
      expect(seen).not.toContain("?after");
      console.log(`fetches that arrived around a failed write: ${JSON.stringify(seen)}`);
    });

    test("a fetch to another object after a write is held until the write is durable", async () => {
      await probe.state("sink");
      await probe.state("slow-fetch");
      await setDisk("slow");

      const times = await probe.ask<{ beforeMs: number; afterMs: number }>("slow-fetch/fetch-around");

      console.log(`fetch: before ${times.beforeMs} ms, after ${times.afterMs} ms`);
      expect(times.afterMs).toBeGreaterThanOrEqual(SYNC_DELAY_MS);
    });

    test("a response after a write is held until the write is durable, one without a write is not", async () => {
      await probe.state("slow-response");
      await setDisk("slow");

      const free = await probe.get("slow-response/response-without-write");
      const held = await probe.get("slow-response/response-after-write");

      console.log(
        `response: without a write ${Math.round(free.elapsedMs)} ms, ` +
          `after one ${Math.round(held.elapsedMs)} ms`,
      );
      expect(free.text).toBe("free");
      expect(held.text).toBe("held");
      expect(held.elapsedMs).toBeGreaterThanOrEqual(SYNC_DELAY_MS);
      expect(free.elapsedMs).toBeLessThan(SYNC_DELAY_MS);
    });

    test("a response after a write that failed is an error, and so is the answer of an RPC method", async () => {
      await probe.state("failing-response");
      await probe.state("failing-call");
      await setDisk("failing");

      const response = await probe.get("failing-response/response-after-write");
      const call = await probe.get("failing-call/gated-call");

      expect([response.status, response.text]).toEqual([500, "Internal Server Error"]);
      expect([call.status, call.text]).toEqual([500, "Internal Server Error"]);
    });

    test("the answer of an RPC method after a write is held until the write is durable", async () => {
      await probe.state("slow-call");
      await setDisk("slow");

      const call = await probe.get("slow-call/gated-call");

      expect(call.elapsedMs).toBeGreaterThanOrEqual(SYNC_DELAY_MS);
    });

    test("a chunk of a response's body after a write that failed is never seen, though the headers were", async () => {
      await probe.state("failing-stream");
      await setDisk("failing");

      const response = await fetch(`${probe.ensemble.httpUrl}/failing-stream/stream-around`);
      const body = response.text();

      expect(response.status).toBe(200);
      await expect(body).rejects.toThrow("terminated");
    });

    test("a chunk of a response's body after a write is held until the write is durable", async () => {
      await probe.state("slow-stream");
      await setDisk("slow");

      const body = await probe.get("slow-stream/stream-around");

      expect(body.text).toBe("before\nafter\n");
      expect(body.elapsedMs).toBeGreaterThanOrEqual(SYNC_DELAY_MS);
    });

    test("messages on one WebSocket keep their order, held ones and free ones", async () => {
      const socket = await probe.webSocket("fifo/accepted");
      await setDisk("20");

      socket.send("fifo");
      await socket.until((words) => words.length === 20);

      expect(socket.words).toEqual(Array.from({ length: 20 }, (_, index) => String(index)));
      socket.close();
    });

    test("an object whose write failed starts again from its disk, and its neighbours go on", async () => {
      const failing = await probe.state("restarted");
      const neighbour = await probe.state("neighbour");
      await setDisk("failing");
      await probe.get("restarted/response-after-write");
      await setDisk("fast");

      const restarted = await probe.state("restarted");

      expect(restarted.instance).not.toBe(failing.instance);
      expect((await probe.state("neighbour")).instance).toBe(neighbour.instance);
    });
  },
);

async function setDisk(how: string): Promise<void> {
  const words: Readonly<Record<string, string>> = { fast: "0", slow: String(SYNC_DELAY_MS), failing: "fail" };
  await writeFile(join(directory, "disk"), words[how] ?? how);
}

/**
 * The library that delays syncs, or undefined where it cannot be built: another system than Linux, or no
 * gcc.
 */
async function buildPreload(): Promise<string | undefined> {
  if (process.platform !== "linux") return undefined;
  const source = fileURLToPath(new URL("sync-delay.c", import.meta.url));
  const library = join(directory, "sync-delay.so");
  try {
    await promisify(execFile)("gcc", ["-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"]);
    return library;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function report(what: string, arrivals: readonly Arrival[]): void {
  console.log(`${what}: ${arrivals.map((arrival) => `${arrival.what} ${arrival.afterMs} ms`).join(", ")}`);
}
