import { describe, expect, test } from "vitest";
import { FrameDecoder } from "../../src/jute/framing.ts";
import { decodeRequest } from "../../src/jute/requests.ts";
import { Requests, type WorkName } from "./work.ts";

/** The requests of one client, read as a server reads them. */
function decoded(name: WorkName, count: number): readonly ReturnType<typeof decodeRequest>[] {
  const requests = new Requests({ name, znodes: 50, bytes: 10 }, 1);
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
    expect([...paths].every((path) => /^\/bench\/n00000[0-4]\d$/.test(path))).toBe(true);
    expect(paths.size).toBeGreaterThan(40);
  });

  test("counts as many changes as it makes", () => {
    const changes = (name: WorkName): readonly number[] => {
      const requests = new Requests({ name, znodes: 5, bytes: 1 }, 1);
      return Array.from({ length: 10 }, (_, index) => requests.changesOf(index + 1));
    };
    expect(changes("set")).toEqual(Array.from({ length: 10 }, () => 1));
    expect(changes("get")).toEqual(Array.from({ length: 10 }, () => 0));
    expect(changes("multi")).toEqual(Array.from({ length: 10 }, () => 10));
    expect(changes("mixed").reduce((sum, one) => sum + one, 0)).toBe(1);
  });
});
