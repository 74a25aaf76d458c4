/** What a starter tells of changes of the leader, and of replicas that are back. */
import { expect, test } from "vitest";

import { leaderLine, leaderOfStatus, ReplicaNews } from "../../src/cli/leader-lines.ts";

const TIME = "2026-11-29T10:00:00.000Z";

test.each([
  [`${TIME} main/2 phase leading broadcast, epoch 7`, "replica 2 leads main, epoch 7"],
  [
    `{"time":"${TIME}","replica":"eu-1/3","event":"phase","text":"leading broadcast, epoch 8"}`,
    "replica 3 leads eu-1, epoch 8",
  ],
  [`${TIME} main/2 phase leading synchronization`, undefined],
  [`${TIME} main/2 phase following 1 broadcast`, undefined],
])("%s says: %s", (line, told) => {
  expect(leaderLine(line)).toBe(told);
});

test("who leads at the start is told in the same words", () => {
  const replicas = [
    { sid: 1, status: null },
    { sid: 2, status: { currentEpoch: 7 } },
  ];
  expect(leaderOfStatus(JSON.stringify({ leader: 2, replicas }), "main")).toBe(
    "replica 2 leads main, epoch 7",
  );
  expect(leaderOfStatus(JSON.stringify({ leader: null, replicas }), "main")).toBeUndefined();
  expect(leaderOfStatus(JSON.stringify({ leader: 1, replicas }), "main")).toBeUndefined();
});

test.each(["held under token 7", "null", "[]", '{"leader":"ann"}', '{"leader":1,"replicas":{}}'])(
  "an application's answer at that path, %s, says nothing of a leader",
  (answer) => {
    expect(leaderOfStatus(answer, "main")).toBeUndefined();
  },
);

test("one whose process was lost is said to be back once, when it serves", () => {
  const told: string[] = [];
  const news = new ReplicaNews((text) => told.push(text));
  const following = `${TIME} main/3 phase following 2 broadcast`;
  news.hear(following);
  expect(told).toEqual([]);
  news.lost([3], "signal SIGKILL");
  expect(told.splice(0)).toEqual(["the process of replica 3 ended (signal SIGKILL): it starts again"]);
  news.hear(`${TIME} main/2 phase leading broadcast, epoch 8`);
  news.hear(`${TIME} main/3 phase following 2 synchronization`);
  expect(told).toEqual(["replica 2 leads main, epoch 8"]);
  news.hear(following);
  news.hear(following);
  expect(told).toEqual(["replica 2 leads main, epoch 8", "replica 3 is back"]);
});
