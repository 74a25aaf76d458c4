import { expect, test } from "vitest";

import { KeeperError } from "../../src/base/error-code.ts";
import {
  configProblem,
  dynamicConfigText,
  membershipOf,
  readDynamicConfig,
} from "../../src/keeper/dynamic-config.ts";
import { quorumOf } from "../../src/zab/membership.ts";

const MAJORITY = [
  "server.1=127.0.0.1:2888:3888:participant;127.0.0.1:2181",
  "server.2=zk.test:2888:3888:participant;0.0.0.0:2181",
  "server.3=[0:0:0:0:0:0:0:1]:2888:3888:participant;[fe80:0:0:0:0:0:a:1]:2181",
  "server.10=zk.test:2890:3890:observer",
  "version=1c9c380000000a1",
].join("\n");

const GROUPS = [
  "server.1=a:2888:3888:participant;0.0.0.0:2181",
  "server.2=b:2888:3888:participant;0.0.0.0:2181",
  "server.3=c:2888:3888:participant;0.0.0.0:2181",
  "group.1=1:3",
  "group.2=2",
  "weight.1=2",
  "weight.2=0",
  "weight.3=1",
  "version=0",
].join("\n");

test.each([
  ["a majority", MAJORITY],
  ["groups", GROUPS],
])("what a server writes of %s is read and written as it was", (_, text) => {
  expect(dynamicConfigText(readDynamicConfig(text))).toBe(text);
});

test("members, version and quorums are what the text says", () => {
  const majority = readDynamicConfig(MAJORITY);
  expect(majority.version).toEqual({ epoch: 0x1c9c380, counter: 0xa1 });
  expect(membershipOf(majority)).toMatchObject({ voters: [1, 2, 3], observers: [10] });
  expect(configProblem(majority)).toBeUndefined();

  const groups = readDynamicConfig(GROUPS);
  const quorum = quorumOf(membershipOf(groups));
  expect(quorum.contains(new Set([1]))).toBe(true);
  expect(quorum.contains(new Set([2, 3]))).toBe(false);
  expect(configProblem(groups)).toBeUndefined();
});

test("shorter forms are filled in, and the order of lines is nobody's business", () => {
  const text = "version=0\nserver.12=h:1:2;[::2]:9\nserver.2=h:3:4:Observer;5";
  expect(dynamicConfigText(readDynamicConfig(text))).toBe(
    "server.2=h:3:4:observer;0.0.0.0:5\nserver.12=h:1:2:participant;[0:0:0:0:0:0:0:2]:9\nversion=0",
  );
});

test.each([
  ["server.1=a:1:2:participant;3", undefined],
  ["server.1=a:1:2:observer;3", "it must include at least 1 participant"],
  ["server.0=a:1:2;3", "server 0: it must be from 1 to 254"],
  ["server.255=a:1:2;3", "server 255: it must be from 1 to 254"],
  [lines(1, 8, "participant"), "it has 8 participants, and 7 is the limit"],
  [`${lines(1, 7, "participant")}\n${lines(8, 23, "observer")}`, undefined],
  [`${lines(1, 7, "participant")}\n${lines(8, 24, "observer")}`, "it has 17 observers, and 16 is the limit"],
  [`${GROUPS}\ngroup.3=4`, "each voter must be in exactly one group, and nobody else in any"],
  [`${GROUPS}\nweight.4=1`, "server 4 has a weight and is no voter"],
  [`${GROUPS}\nweight.1=-1`, "server 1 has the weight -1"],
  [`${GROUPS}\nweight.1=0\nweight.3=0`, "no voter has a weight"],
])("the ensemble of %j: %s", (text, problem) => {
  expect(configProblem(readDynamicConfig(text))).toBe(problem);
});

function lines(from: number, to: number, role: string): string {
  const sids = Array.from({ length: to - from + 1 }, (_, index) => from + index);
  return sids.map((sid) => `server.${sid}=h:1:2:${role};3`).join("\n");
}

test.each([
  ["server.1=a\\u000ax:1:2;3", "badArguments"],
  ["server.1=a b:1:2;3", "badArguments"],
  [`server.1=${"a".repeat(256)}:1:2;3`, "badArguments"],
  ["server.1=a:1:2;3\\u12", "marshallingError"],
  ["version=123456789abcdef01", "marshallingError"],
])("what cannot be a line of text is none: %s", (text, reason) => {
  expect(() => readDynamicConfig(text)).toThrow(KeeperError);
  expect(() => readDynamicConfig(text)).toThrow(reason);
});
