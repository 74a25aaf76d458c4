import { describe, expect, test } from "vitest";
import { FrameDecoder } from "../../src/jute/framing.ts";
import { decodeRequest } from "../../src/jute/requests.ts";
import { Creates, parentPaths, Requests, type WorkName, znodePath } from "./work.ts";
import type { RequestSource } from "./session.ts";

/** The requests of one client, read as a server reads them. */
function decoded(name: WorkName, count: number): readonly ReturnType<typeof decodeRequest>[] {
  return read(new Requests({ name, root: "/bench", znodes: 50, bytes: 10 }, 1), count);
}

function read(requests: RequestSource, count: number): readonly ReturnType<typeof decodeRequest>[] {
  const into = Buffer.alloc(requests.bytesMax * count);
  let end = 0;
  for (let xid = 1; xid <= count; xid++) end = requests.write(into, end, xid);
  const decoder = new FrameDecoder(1_000_000);
  decoder.push(into.subarray(0, end));
  const all: ReturnType<typeof decodeRequest>[] = [];
  for (let body = decoder.next(); body !== undefined; body = decoder.next()) all.push(decodeRequest(body));
  return all;
}

function opsOf(name: WorkName, count: number): readonly unknown[] {
  return decoded(name, count).map((one) => ("request" in one ? one.request.op : one));
}

describe("what clients of a benchmark ask for", () => {
  test.each([
    ["set", "setData"],
    ["get", "getData"],
    ["create", "create"],
    ["multi", "multi"],
  ] as const)("of %s is %s", (name, op) => {
    expect(opsOf(name, 20)).toEqual(Array.from({ length: 20 }, () => op));
  });

  test("of mixed is nine reads to a set", () => {
    expect(opsOf("mixed", 100).filter((op) => op === "setData")).toHaveLength(10);
    expect(opsOf("mixed", 100).filter((op) => op === "getData")).toHaveLength(90);
  });

  test("names znodes that are there, many of them, under xids that follow each other", () => {
    const all = decoded("set", 500);
    expect(all.map((one) => ("xid" in one ? one.xid : undefined))).toEqual(all.map((_, index) => index + 1));
    const paths = new Set(
      all.map((one) => ("request" in one && "path" in one.request ? one.request.path : "")),
    );
    expect([...paths].every((path) => /^\/bench\/0\/n000[0-4]\d$/.test(path))).toBe(true);
    expect(paths.size).toBeGreaterThan(40);
  });

  test("counts as many changes as it makes", () => {
    const changes = (name: WorkName): readonly number[] => {
      const requests = new Requests({ name, root: "/bench", znodes: 5, bytes: 1 }, 1);
      return Array.from({ length: 10 }, (_, index) => requests.changesOf(index + 1));
    };
    expect(changes("set")).toEqual(Array.from({ length: 10 }, () => 1));
    expect(changes("get")).toEqual(Array.from({ length: 10 }, () => 0));
    expect(changes("multi")).toEqual(Array.from({ length: 10 }, () => 10));
    expect(changes("mixed").reduce((sum, one) => sum + one, 0)).toBe(1);
  });
});

describe("the znodes that are set and read", () => {
  test("are made a hundred in a request, each once", () => {
    const creates = new Creates({ root: "/bench", bytes: 3 }, 99_900, 100_200);
    expect(creates.left()).toBe(3);
    const made = read(creates, 3).flatMap((one) =>
      "request" in one && one.request.op === "multi" ? one.request.operations : [],
    );
    expect(creates.left()).toBe(0);
    const expected = Array.from({ length: 300 }, (_, index) => znodePath("/bench", 99_900 + index));
    expect(made.map((one) => ("path" in one ? one.path : one))).toEqual(expected);
    expect(expected[0]).toBe("/bench/0/n99900");
    expect(expected.at(-1)).toBe("/bench/1/n00199");
  });

  test("have as many parents as they need", () => {
    expect(parentPaths({ root: "/bench", znodes: 100_000 })).toEqual(["/bench/0"]);
    expect(parentPaths({ root: "/bench", znodes: 100_001 })).toEqual(["/bench/0", "/bench/1"]);
  });
});
