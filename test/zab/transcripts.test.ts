/**
 * Long stories, each written down as it happens and compared with its text in transcripts/. Where the protocol
 * changes on purpose, `npx vitest run --project pure test/zab/transcripts.test.ts -u` writes them anew; read the
 * difference. Heartbeats are left out, and so is what a peer says again.
 */
import { describe, expect, it } from "vitest";
import { proposals } from "./bench.ts";
import type { DiskImage } from "./disk.ts";
import { Stage } from "./stage.ts";

/** The story's end: every property of Zab held, and the text is the one in the file. */
async function expectStory(stage: Stage, name: string): Promise<void> {
  stage.checker.judge();
  await expect(stage.transcript()).toMatchFileSnapshot(`transcripts/${name}.txt`);
}

/** In epoch 1 with the proposals 1:1 up to 1:last. */
function upTo(last: number): Partial<DiskImage> {
  return { log: proposals(1, 1, last), acceptedEpoch: 1, currentEpoch: 1 };
}

describe("the story of", () => {
  it("three fresh peers that elect, discover, synchronize and broadcast", async () => {
    const stage = new Stage({ voters: 3 });
    stage.say("Three replicas start with nothing. Votes are compared by epoch, history and sid: 3 wins.");
    stage.start(1, 2, 3).pass(40);
    stage.say("The leader proposes; one follower's acknowledgement and its own make a quorum.");
    stage.propose(3, "a", "b").run();

    for (const sid of [1, 2, 3]) expect(stage.delivered(sid)).toEqual(["1:1=a", "1:2=b"]);
    await expectStory(stage, "discovery-synchronization-broadcast");
  });

  it("a leader that is lost while its last proposal is on one follower only", async () => {
    const stage = new Stage({ voters: 3 }).start(1, 2, 3).pass(40).propose(3, "a").run();
    stage.lines.splice(0);
    stage.say(
      "3 leads 1 and 2, and 1:1 is delivered everywhere. 1:2 reaches 2, not 1, and no acknowledgement comes back.",
    );
    stage.holdBack = (from, to) => to === 1 || (from === 2 && to === 3);
    stage.propose(3, "b").run();
    stage.say("The leader is lost for good.").crash(3);
    stage.holdBack = () => false;
    stage.run();
    stage.say(
      "2 has the later history, leads, and what nobody had committed is committed as part of its history.",
    );
    stage.passUntilLeads(2).propose(2, "c").run();

    for (const sid of [1, 2]) expect(stage.delivered(sid)).toEqual(["1:1=a", "1:2=b", "2:1=c"]);
    await expectStory(stage, "leader-lost-mid-broadcast");
  });

  it("a leader that is cut off with a tail that nobody accepted, and truncates it when it is back", async () => {
    const stage = new Stage({ voters: 3 }).start(1, 2, 3).pass(40).propose(3, "a").run();
    stage.lines.splice(0);
    stage.say("3 leads 1 and 2. It is cut off from them, does not know it yet, and proposes.");
    stage.cut([3], [1, 2]).propose(3, "lost b", "lost c").run();
    stage.say("Silence: the others elect 2, in epoch 2. 3 hears no quorum any more and stops leading.");
    stage.passUntilLeads(2).pass(200).propose(2, "d").run();
    stage.say("The way is open: 3 follows 2, forgets its tail, and is sent what it missed.");
    stage.heal().pass(1500);

    for (const sid of [1, 2, 3]) expect(stage.delivered(sid)).toEqual(["1:1=a", "2:1=d"]);
    await expectStory(stage, "truncate-after-partition");
  });

  it("a follower that history does not reach", async () => {
    const stage = new Stage({ voters: 3, timing: { learnerWindowBytes: 1 } }).start(1, 2, 3).pass(40);
    stage.propose(3, "a").run().crash(1);
    for (const content of ["b", "c", "d", "e", "f"]) stage.propose(3, content).run();
    stage.propose(3, "g").run().trim(3);
    stage.lines.splice(0);
    stage.say(
      "1 has 1:1 only, and what follows is no longer in the log of 3. Part by part 1 is sent the state.",
    );
    stage.holdBack = (from, _, { kind }) => from === 1 && kind === "snapshotAck";
    stage.start(1).pass(300);
    stage.say("Writes go on. What is staged at 1 is beside what it has, and counts for nothing.");
    stage.propose(3, "h").run();
    stage.say("The end says at which zxid the state is whole. 1 takes it over, and begins anew with it.");
    stage.holdBack = (_, __, { kind }) => kind === "learnerInfo";
    stage.run().pass(200);
    stage.say("What was committed meanwhile comes as history.").propose(3, "i").run();
    stage.holdBack = () => false;
    stage.run();

    expect(stage.delivered(1)).toEqual(stage.delivered(3));
    await expectStory(stage, "snapshot");
  });

  it("ZOOKEEPER-3911: power fails everywhere while a follower's disk has not what DIFF brought", async () => {
    const stage = new Stage({ voters: 3, disks: { 1: upTo(1), 2: upTo(1), 3: upTo(3) } });
    stage.say(
      "Only 3 has 1:2 and 1:3. It leads, with 1; 2 is down. The disk of 1 gets stuck when history comes.",
    );
    stage.holdBack = (_, to, { kind }) => to === 1 && kind === "diff";
    stage.start(3, 1).pass(300).stickDisk(1);
    stage.holdBack = () => false;
    stage.run();
    stage
      .say("1 has everything in memory, and says nothing: 3 does not serve, and nobody has seen 1:3.")
      .pass(100);
    expect(stage.delivered(3)).toEqual([]);
    stage
      .say("The disk is done: now the words leave, in their order. 3 commits, and shows it.")
      .finishWrites(1)
      .run();
    stage.say("Power fails everywhere, and 3 never comes back. What was shown is on 1, and is brought to 2.");
    stage.crash(3).crash(1).start(1, 2).passUntilLeads(1);

    expect(stage.delivered(2)).toHaveLength(3);
    await expectStory(stage, "zookeeper-3911");
  });

  it("ZOOKEEPER-4646: a follower is lost in the moment its ACK of NEWLEADER has arrived", async () => {
    const stage = new Stage({ voters: 3, disks: { 1: upTo(1), 2: upTo(1), 3: upTo(3) } });
    stage.say("Only 3 has 1:2 and 1:3. With the word of 1 it commits them.");
    stage.holdBack = (_, __, { kind }) => kind === "upToDate";
    stage.start(3, 1).passUntilLeads(3);
    stage.say("In this moment both lose power, whatever 1 had not written with it; 3 never comes back.");
    stage.crash(3).crash(1, 0);
    stage.holdBack = () => false;
    stage.run();
    stage.say("But the word was that of a disk: 1 has all of it, and is elected for that.");
    stage.start(1, 2).passUntilLeads(1);

    expect(stage.delivered(2)).toHaveLength(3);
    await expectStory(stage, "zookeeper-4646");
  });

  it("ZOOKEEPER-5094: a TRUNC synchronization that breaks off half-way", async () => {
    const log = [...proposals(1, 1, 3), ...proposals(2, 1, 2)];
    const disk = { log, acceptedEpoch: 2, currentEpoch: 2 };
    const stage = new Stage({ voters: 3, disks: { 1: upTo(5), 2: disk, 3: disk } })
      .start(2, 3)
      .passUntilLeads(3);
    stage.lines.splice(0);
    stage.say(
      "3 leads 2. 1 comes with a tail of epoch 1 that nobody accepted; its link breaks before NEWLEADER.",
    );
    stage.holdBack = (_, to, { kind }) => to === 1 && kind === "newLeader";
    stage.start(1).pass(200).breakLink(1, 3);
    stage.holdBack = () => false;
    stage.say("It tells what its disk holds, and in which epoch it was: nothing is asked or sent twice.");
    stage.run().pass(200);

    expect(stage.delivered(1)).toHaveLength(5);
    await expectStory(stage, "zookeeper-5094");
  });
});
