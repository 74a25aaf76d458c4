import { expect, test } from "vitest";

import { VARIABLES } from "../../src/base/variables.ts";
import { checkedWorker, type CheckedWorker, variableLines } from "../../src/cli/variables.ts";
import type { WorkerConfig } from "../../src/cli/worker-config.ts";

const PRODUCT: WorkerConfig = {
  name: "edgekeeper",
  main: "/src/worker.ts",
  compatibilityDate: "2026-10-01",
  compatibilityFlags: [],
  durableObjects: [{ name: "REPLICA", className: "Replica" }],
  sqliteClasses: ["Replica"],
  services: [],
  tcpPorts: [2181, 2182, 2183],
  keepsNames: true,
  vars: new Map([
    ["VOTERS", "1,2,3"],
    ["CLIENT_ADDRESSES", "zk1.test:2181,zk2.test:2181,zk3.test:2181"],
    ["TCP_PORTS", "2181,2182,2183"],
  ]),
};

function check(
  vars: Readonly<Record<string, string>>,
  { worker = PRODUCT, ports }: { worker?: WorkerConfig; ports?: readonly number[] } = {},
): CheckedWorker {
  const overrides = { httpPort: 8787, tcpPorts: ports, vars: new Map(Object.entries(vars)) };
  return checkedWorker(worker, overrides);
}

test("a Worker as configured runs as configured", () => {
  expect(check({})).toEqual({
    worker: PRODUCT,
    warnings: [],
    ensembles: ["main"],
    observers: 0,
    sids: [1, 2, 3],
  });
});

test("one voter has the first port alone, and tells its clients of no other", () => {
  const { worker } = check({ VOTERS: "1" });

  expect(worker.tcpPorts).toEqual([2181]);
  expect(worker.vars.get("TCP_PORTS")).toBe("2181");
  expect(worker.vars.get("CLIENT_ADDRESSES")).toBe("127.0.0.1:2181");
});

test("ports that are asked for are told to the Worker and to its clients, unless the user tells them other addresses", () => {
  const ports = [1, 2, 3];

  expect(check({}, { ports }).worker.vars.get("CLIENT_ADDRESSES")).toBe(
    "127.0.0.1:1,127.0.0.1:2,127.0.0.1:3",
  );
  expect(check({ CLIENT_ADDRESSES: "a:1" }, { ports }).worker.vars.get("CLIENT_ADDRESSES")).toBe("a:1");
  expect(check({ CLIENT_ADDRESSES: "" }, { ports }).worker.vars.get("CLIENT_ADDRESSES")).toBe("");
});

test("five voters need five ports, and have them", () => {
  const VOTERS = "1,2,3,4,5";

  expect(() => check({ VOTERS })).toThrow("5 voters need 5 TCP ports");
  expect(check({ VOTERS }, { ports: [1, 2, 3, 4, 5] }).worker.vars.get("TCP_PORTS")).toBe("1,2,3,4,5");
});

test("observers have the last ports, and clients are told of them", () => {
  const checked = check({ OBSERVERS: "6,7" }, { ports: [1, 2, 3, 4, 5] });

  expect(checked.observers).toBe(2);
  expect(checked.worker.vars.get("TCP_PORTS")).toBe("1,2,3,4,5");
  expect(checked.worker.vars.get("CLIENT_ADDRESSES")).toBe(
    "127.0.0.1:1,127.0.0.1:2,127.0.0.1:3,127.0.0.1:4,127.0.0.1:5",
  );
  expect(() => check({ OBSERVERS: "3" })).toThrow(`OBSERVERS is "3": 3 is in VOTERS too`);
});

test("a variable that makes no sense is told as the settings tell it", () => {
  expect(() => check({ TICK_TIME_MS: "abc" })).toThrow(`TICK_TIME_MS is "abc"`);
  expect(() => check({ TCP_PORTS: "1,2,3" })).toThrow("TCP_PORTS follows --ports");
});

test("a slip of the pen is refused, on the command line and in the configuration, and another name is warned of", () => {
  const slipped = { ...PRODUCT, vars: new Map([["VOTER", "1"]]) };

  expect(() => check({ VOTER: "1" })).toThrow("unknown variable VOTER, did you mean VOTERS?");
  expect(() => check({}, { worker: slipped })).toThrow("unknown variable VOTER, did you mean VOTERS?");
  expect(check({ FOO: "1" }).warnings).toEqual([
    "unknown variable FOO: nothing reads it; --help lists those that count",
  ]);
});

test("a Worker without replicas has variables and ports of its own", () => {
  const worker = { ...PRODUCT, durableObjects: [{ name: "PROBE", className: "Probe" }], vars: new Map() };

  const checked = check({ VOTER: "1" }, { worker, ports: [7] });

  expect(checked.warnings).toEqual([]);
  expect(checked.ensembles).toEqual([]);
  expect(checked.worker.tcpPorts).toEqual([7]);
  expect([...checked.worker.vars]).toEqual([["VOTER", "1"]]);
});

test("the usage text tells each variable below its name, in lines of 80 columns", () => {
  const lines = variableLines().split("\n");
  expect(lines.slice(0, 2).join("\n")).toMatch(/^ {2}VOTERS\n {6}sids of the voters/);
  for (const line of lines) {
    expect(line.length).toBeLessThanOrEqual(80);
    expect(line).toMatch(/^(?: {2}[A-Z0-9_]+| {6}\S.*)$/);
  }
  const names = lines.flatMap((line) => /^ {2}(\w+)/.exec(line)?.[1] ?? []);
  expect(names).toEqual(Object.keys(VARIABLES));
});
