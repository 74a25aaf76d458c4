/**
 * The same frames and requests against the product as it runs: `npm start`'s own program, over TCP, WebSockets and
 * HTTP, with bystanders of its own. Slower by far than the targets in this process, and the only one that shows what
 * the runtime does with it.
 */
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { OPEN_ACL } from "../../src/base/acl.ts";
import { WireClient } from "../client/wire-client.ts";
import type { TestEnsemble } from "../harness/ensemble.ts";
import { openTcp, openWebSocket, type RawSocket } from "../harness/raw-socket.ts";
import { frameOf, helloOf, wordOf } from "./client-frames.ts";
import type { Dice } from "./dice.ts";
import { expectThat, Finding } from "./episode.ts";
import { requestText, requestParts } from "./http-requests.ts";

/** A request that is answered by nobody for this long is answered never. */
const DEADLINE_MS = 20_000;

/** What was done. */
export interface RuntimeCounts {
  frames: number;
  requests: number;
}

/** Attackers of one running ensemble. */
export class RuntimeAttack {
  readonly counts: RuntimeCounts = { frames: 0, requests: 0 };
  readonly #ensemble: TestEnsemble;
  readonly #dice: Dice;
  readonly #bystanders: readonly WireClient[];
  #round = 0;

  constructor(ensemble: TestEnsemble, dice: Dice) {
    this.#ensemble = ensemble;
    this.#dice = dice;
    this.#bystanders = ensemble.tcpPorts.map((port) => {
      return new WireClient({ servers: [{ host: "127.0.0.1", port }], timeoutMs: 20_000 });
    });
  }

  /** Connects the bystanders and makes what is theirs. */
  async begin(): Promise<void> {
    for (const [index, client] of this.#bystanders.entries()) {
      expectThat(await client.connected(DEADLINE_MS), () => `bystander ${index} gets no session`);
      const path = `/bystander-${index}`;
      await this.#ok(client, {
        op: "create",
        path,
        data: Uint8Array.of(0),
        acl: OPEN_ACL,
        flags: 1,
        ttlMs: 0,
      });
    }
  }

  async end(): Promise<void> {
    for (const client of this.#bystanders) await client.close();
  }

  /** One connection by each door, so many frames on each, and so many requests; then the bystanders are asked. */
  async round(frames: number, requests: number): Promise<void> {
    const dice = this.#dice;
    const port = dice.pick(this.#ensemble.tcpPorts);
    const sid = dice.between(1, this.#ensemble.tcpPorts.length);
    await Promise.all([
      this.#attack(await openTcp(port), frames),
      this.#attack(await openWebSocket(this.#ensemble.httpPort, `/main/zk?sid=${sid}`), frames),
      this.#http(requests),
    ]);
    await this.check();
  }

  /** Whether everybody is still served. */
  async check(): Promise<void> {
    this.#round++;
    for (const [index, client] of this.#bystanders.entries()) {
      const path = `/bystander-${index}`;
      const data = Uint8Array.of(this.#round & 0xff);
      await this.#ok(client, { op: "setData", path, data, version: this.#round - 1 });
      await this.#ok(client, { op: "exists", path, watch: false });
    }
    const health = await fetch(`${this.#ensemble.httpUrl}/healthz`, {
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    expectThat(health.status === 200, () => `/healthz is answered ${health.status}`);
    expectThat(this.#ensemble.process.exitCode === null, () => "the program has ended");
    expectThat(!/restarts from disk/.test(this.#ensemble.output()), () =>
      this.#ensemble.output().slice(-2000),
    );
  }

  async #ok(client: WireClient, request: Parameters<WireClient["request"]>[0]): Promise<void> {
    const outcome = await client.request(request);
    expectThat(
      outcome.kind === "ok",
      () => `a bystander's ${request.op} ends with ${JSON.stringify(outcome)}`,
    );
  }

  async #attack(raw: RawSocket, frames: number): Promise<void> {
    const dice = this.#dice;
    const { socket } = raw;
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    // Half of them read nothing of what they are answered.
    if (dice.once(2)) socket.resume();
    raw.send(
      dice.once(10) ? wordOf(dice) : helloOf(dice, dice.between(10, 60_000), [dice.between(10, 60_000)]),
    );
    for (let left = frames; left > 0 && !socket.destroyed && socket.writable; left--) {
      raw.send(frameOf(dice, false));
      this.counts.frames++;
      // What was sent may have ended the connection: a turn of the event loop shows it.
      if (dice.once(8)) await new Promise((resolve) => setImmediate(resolve));
    }
    if (dice.once(2)) socket.destroy();
    else socket.end();
    socket.destroySoon();
    await closed;
  }

  /** Requests as text, so that what no HTTP client would send is sent too. */
  async #http(requests: number): Promise<void> {
    for (let left = requests; left > 0; left--) {
      const text = this.#dice.once(8)
        ? Buffer.from(this.#dice.bytes(60))
        : rawRequest(requestText(this.#dice));
      await this.#send(text);
      this.counts.requests++;
    }
  }

  async #send(text: Buffer): Promise<void> {
    const socket = connect(this.#ensemble.httpPort, "127.0.0.1");
    socket.on("error", () => undefined);
    const answer: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => answer.push(chunk));
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    socket.end(text);
    const late = setTimeout(() => socket.destroy(new Error("late")), DEADLINE_MS);
    await closed;
    clearTimeout(late);
    const status = /^HTTP\/1\.1 (\d{3})/.exec(Buffer.concat(answer).toString("latin1"))?.[1];
    if (status?.startsWith("5") === true && status !== "501" && status !== "505") {
      throw new Finding(`${text.toString("latin1").slice(0, 200)} is answered ${status}`);
    }
  }
}

/** The text of a request as HTTP/1.1 has it, for a server that hangs up afterwards. */
function rawRequest(text: Uint8Array): Buffer {
  const { method, url, headers, body } = requestParts(text);
  const target = url.replace(/^http:\/\/[^/]*/, "");
  const host = /^http:\/\/([^/]*)/.exec(url)?.[1] ?? "127.0.0.1";
  const lines = [`${method} ${target} HTTP/1.1`, `Host: ${host}`, "Connection: close"];
  // With an upgrade it would be a WebSocket, which stays: those are opened by the other doors.
  for (const [name, value] of headers) if (!/^upgrade$/i.test(name)) lines.push(`${name}: ${value}`);
  if (body !== "") lines.push(`Content-Length: ${body.length}`);
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n${body}`, "latin1");
}

/** Kilobytes that the program and the runtime that it started hold: its process group's. */
export async function residentKb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const own = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  const sizes = await Promise.all(
    children
      .trim()
      .split(" ")
      .filter(Boolean)
      .map((child) => residentKb(Number(child))),
  );
  return own + sizes.reduce((sum, size) => sum + size, 0);
}
