import { expect, test } from "vitest";

import { portPlan, type PortWishes } from "../../src/cli/port-plan.ts";

const THREE = { voters: [1, 2, 3], observers: [] };
const ONE = { voters: [1], observers: [] };
const FIVE = { voters: [1, 2, 3, 4, 5], observers: [] };
const WISHES: PortWishes = {
  members: THREE,
  httpPort: 8787,
  asked: undefined,
  configured: [2181, 2182, 2183],
};

test("the configured ports serve, the first of them where there are fewer voters", () => {
  expect(portPlan(WISHES)).toEqual([2181, 2182, 2183]);
  expect(portPlan({ ...WISHES, members: ONE })).toEqual([2181]);
});

test("ports that are asked for serve instead, and must be as many as the voters", () => {
  expect(portPlan({ ...WISHES, asked: [1, 2, 3] })).toEqual([1, 2, 3]);
  expect(() => portPlan({ ...WISHES, asked: [1, 2] })).toThrow("3 voters need 3 --ports, got 2");
  expect(() => portPlan({ ...WISHES, members: ONE, asked: [1, 2] })).toThrow(
    "1 voter needs 1 --ports, got 2",
  );
});

test("more voters than configured ports are told what to add", () => {
  expect(() => portPlan({ ...WISHES, members: FIVE })).toThrow("add --ports 2181,2182,2183,2184,2185");
});

test("observers have ports behind the voters', and are counted with them", () => {
  const members = { voters: [1, 2, 3], observers: [7, 4] };

  expect(portPlan({ ...WISHES, members, asked: [1, 2, 3, 4, 5] })).toEqual([1, 2, 3, 4, 5]);
  expect(() => portPlan({ ...WISHES, members, asked: [1, 2, 3] })).toThrow(
    "3 voters and 2 observers need 5 --ports, got 3",
  );
  expect(() => portPlan({ ...WISHES, members })).toThrow("add --ports 2181,2182,2183,2184,2185");
  expect(() => portPlan({ ...WISHES, members: { ...THREE, observers: [4] } })).toThrow(
    "3 voters and 1 observer need 4 TCP ports",
  );
});

test("a Worker without TCP doors needs none, and one without voters takes any number", () => {
  expect(portPlan({ ...WISHES, configured: [] })).toEqual([]);
  expect(portPlan({ ...WISHES, members: undefined, asked: [1] })).toEqual([1]);
});

test("one number for two doors is refused, of TCP and of HTTP", () => {
  expect(() => portPlan({ ...WISHES, asked: [12_181, 12_181, 5] })).toThrow("port 12181 is named twice");
  expect(() => portPlan({ ...WISHES, asked: [1, 8787, 5] })).toThrow("port 8787 is named twice");
  expect(() => portPlan({ ...WISHES, httpPort: 2182 })).toThrow("port 2182 is named twice");
});
