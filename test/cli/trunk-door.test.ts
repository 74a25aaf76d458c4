import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

import { must } from "../../src/base/assert.ts";
import { TrunkDoor } from "../../src/cli/trunk-door.ts";
import { TRUNK_GREETING, TRUNK_WINDOW_BYTES, TrunkReader, TrunkWriter } from "../../src/trunk/frames.ts";
import { freePorts } from "../harness/ports.ts";

const DEADLINE_MS = 10_000;

/** A replica's end of one trunk, and all that came over it. */
class Trunk {
  readonly opened = new Map<number, string>();
  readonly received = new Map<number, Buffer>();
  readonly ended: number[] = [];
  readonly taken = new Map<number, number>();
  /** Pieces of the stream that came. */
  pieces = 0;
  isClosed = false;
  greeting: string | undefined;
  readonly #socket: Socket;
  readonly #out = new TrunkWriter();

  constructor(socket: Socket) {
    this.#socket = socket;
    const reader = new TrunkReader({
      opened: (number, address) => this.opened.set(number, address),
      received: (number, bytes) => {
        this.received.set(number, Buffer.concat([this.received.get(number) ?? Buffer.alloc(0), bytes]));
      },
      ended: (number) => this.ended.push(number),
      dropped: (number) => this.ended.push(number),
      taken: (number, count) => this.taken.set(number, (this.taken.get(number) ?? 0) + count),
    });
    socket.on("data", (bytes) => {
      this.pieces++;
      const end = this.greeting === undefined ? bytes.indexOf("\n") : -1;
      if (end !== -1) this.greeting = bytes.subarray(0, end).toString();
      reader.push(bytes.subarray(end + 1));
    });
    socket.on("close", () => (this.isClosed = true));
    socket.on("error", () => undefined);
  }

  say(words: (out: TrunkWriter) => void): void {
    words(this.#out);
    this.#socket.write(this.#out.take());
  }

  /** The number under which a client's bytes came. */
  numberOf(text: string): number | undefined {
    return [...this.received].find(([, bytes]) => bytes.toString() === text)?.[0];
  }

  break(): void {
    this.#socket.destroy();
  }
}

/** A client, and what it was sent. */
class Client {
  readonly socket: Socket;
  text = "";
  bytes = 0;
  isEnded = false;
  isClosed = false;

  constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    this.socket.on("data", (bytes) => {
      this.bytes += bytes.length;
      if (this.bytes < 10_000) this.text += bytes.toString();
    });
    this.socket.on("end", () => (this.isEnded = true));
    this.socket.on("close", () => (this.isClosed = true));
    this.socket.on("error", () => undefined);
  }
}

let directory: string;
let server: Server;
let trunks: Trunk[];
let door: TrunkDoor;
let port: number;
let clients: Client[];
let warnings: string[];

function client(): Client {
  const one = new Client(port);
  clients.push(one);
  return one;
}

async function until<T>(what: string, look: () => T | undefined | false): Promise<T> {
  const deadlineMs = performance.now() + DEADLINE_MS;
  for (;;) {
    const seen = look();
    if (seen !== undefined && seen !== false) {
      expect(seen).toBeTruthy();
      return seen;
    }
    if (performance.now() > deadlineMs) throw new Error(`not within ${DEADLINE_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const sent = (text: string): Promise<number> =>
  until(`"${text}" came to the replica`, () => trunks.at(-1)?.numberOf(text));

const trunk = (): Trunk => must(trunks.at(-1), "a trunk was opened");

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "trunk-"));
  trunks = [];
  clients = [];
  warnings = [];
  server = createServer((socket) => trunks.push(new Trunk(socket)));
  const socketFile = join(directory, "trunks.sock");
  server.listen(socketFile);
  await once(server, "listening");
  port = must((await freePorts(1))[0], "a free port");
  door = new TrunkDoor({ port, sid: 7, socketFile, warn: (line) => void warnings.push(line) });
  await door.open();
});

afterEach(async () => {
  for (const { socket } of clients) socket.destroy();
  await door.close();
  for (const one of trunks) one.break();
  server.close();
  await rm(directory, { recursive: true, force: true });
});

test("clients share one trunk, and each is told its own", async () => {
  const all = ["one", "two", "three"].map((name) => {
    const one = client();
    one.socket.write(name);
    return { name, one };
  });
  const numbers = [await sent("one"), await sent("two"), await sent("three")];
  expect(trunks).toHaveLength(1);
  expect(trunk().greeting).toBe(`${TRUNK_GREETING}7`);
  const address = `127.0.0.1:${String(all[0]?.one.socket.localPort)}`;
  expect(trunk().opened.get(must(numbers[0], "it has come"))).toBe(address);

  trunk().say((out) => {
    for (const [index, number] of numbers.entries()) out.bytes(number, Buffer.from(`to ${all[index]?.name}`));
  });

  for (const { name, one } of all) await until(`${name} is told`, () => one.text === `to ${name}`);
});

test("what many clients send at once comes in few pieces", async () => {
  const many = Array.from({ length: 100 }, () => client());
  await Promise.all(many.map(async ({ socket }): Promise<unknown> => await once(socket, "connect")));
  await until("all are open", () => trunks.at(-1)?.opened.size === many.length);
  const before = trunk().pieces;

  for (const [index, { socket }] of many.entries()) socket.write(`client ${index}`);
  await until("all has come", () => trunk().received.size === many.length);

  expect(trunk().pieces - before).toBeLessThan(many.length / 2);
});

test("a client that ends first is still sent what the replica says", async () => {
  const one = client();
  one.socket.end("ruok");
  const number = await sent("ruok");
  await until("its end came", () => trunk().ended.includes(number));

  trunk().say((out) => {
    out.bytes(number, Buffer.from("imok"));
    out.end(number);
  });

  await until("it is told, and hung up on", () => one.text === "imok" && one.isEnded);
});

test("a client is hung up on behind all that it was sent, or at once", async () => {
  const [first, second] = [client(), client()];
  first.socket.write("first");
  second.socket.write("second");
  const [one, two] = [await sent("first"), await sent("second")];
  const large = Buffer.alloc(500_000, 1);

  trunk().say((out) => {
    out.bytes(one, large);
    out.end(one);
    out.drop(two);
  });

  await until("the first has all, and its end", () => first.bytes === large.length && first.isEnded);
  await until("the second is gone", () => second.isEnded || second.isClosed);
  expect(trunk().isClosed).toBe(false);
});

test("a client that has gone is told of", async () => {
  const one = client();
  one.socket.write("going");
  const number = await sent("going");

  one.socket.resetAndDestroy();

  await until("its end came", () => trunk().ended.includes(number));
});

test("a client whose bytes are not taken is read no further, and others are", async () => {
  const [flooding, other] = [client(), client()];
  flooding.socket.write("f");
  const number = await sent("f");
  flooding.socket.write(Buffer.alloc(32 * 1024 * 1024));
  const came = (): number => trunk().received.get(number)?.length ?? 0;
  await until("its window is full", () => came() >= TRUNK_WINDOW_BYTES);

  other.socket.write("other");
  await sent("other");
  // A read of the door's takes 64 KiB at most.
  expect(came()).toBeLessThanOrEqual(TRUNK_WINDOW_BYTES + 64 * 1024);

  const before = came();
  trunk().say((out) => out.taken(number, before));
  await until("more comes", () => came() > before);
});

test("what a client does not read is not told as taken", async () => {
  const [slow, quick] = [client(), client()];
  slow.socket.write("slow");
  quick.socket.write("quick");
  const [one, two] = [await sent("slow"), await sent("quick")];
  slow.socket.pause();
  const large = Buffer.alloc(32 * 1024 * 1024);

  trunk().say((out) => {
    out.bytes(one, large);
    out.bytes(two, Buffer.from("hello"));
  });

  await until("the quick one has taken it", () => trunk().taken.get(two) === 5);
  expect(trunk().taken.get(one) ?? 0).toBeLessThan(large.length);
  slow.socket.resume();
  await until("the slow one has taken all", () => trunk().taken.get(one) === large.length);
});

test("where the trunk breaks all are hung up on, and the next client has a new one", async () => {
  const [first, second] = [client(), client()];
  first.socket.write("first");
  second.socket.write("second");
  await sent("first");
  await sent("second");

  trunk().break();

  await until("both are hung up on", () => first.isEnded && second.isEnded);
  client().socket.write("third");
  await sent("third");
  expect(trunks).toHaveLength(2);
});

test("where nobody takes trunks a client is hung up on", async () => {
  server.close();
  await rm(join(directory, "trunks.sock"), { force: true });

  const one = client();

  await until("it is hung up on", () => one.isEnded || one.isClosed);
});

test("to close the door waits for no client that lingers", async () => {
  const one = client();
  one.socket.write("one");
  const number = await sent("one");
  one.socket.pause();
  trunk().say((out) => {
    out.bytes(number, Buffer.alloc(32 * 1024 * 1024));
    out.end(number);
  });
  await until("it is told of no more", () => trunk().taken.has(number) || one.bytes > 0);

  await door.close();

  await until("its trunk is closed", () => trunk().isClosed);
  expect(warnings).toEqual([]);
});

test("what is no trunk's stream ends it", async () => {
  const one = client();
  one.socket.write("one");
  await sent("one");

  trunk().say((out) => out.bytes(1, Buffer.alloc(0), 99));

  await until("it is hung up on", () => one.isEnded);
});

test("with nobody left the trunk is closed, as an object that is connected does not sleep", async () => {
  const one = client();
  one.socket.write("one");
  const number = await sent("one");
  one.socket.destroy();
  await until("its end came", () => trunk().ended.includes(number));
  trunk().say((out) => out.end(number));

  await until("the trunk is closed", () => trunk().isClosed);
});
