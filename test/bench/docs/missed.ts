/**
 * What was found and tried where a goal is missed, by the goal's text: written by who looked into it, with the profile
 * that shows where the time goes. A test asks that every goal that the committed figures miss stands here.
 */
export const MISSED: Readonly<Record<string, string>> = {
  "p50 of a get at 1x1, to ZooKeeper's":
    "the price of trunks: what a lone client asks passes through the starter, another process that is woken for " +
    "it, and its answer once more. With `npm start -- --direct`, which is the better way for a few clients that " +
    "wait for each answer, it was 0.08 to 0.10 ms on the same machine with other work on it, where ZooKeeper took " +
    "0.08 to 0.19 ms. Tried: a reader that takes no buffer of its own (a fifth less processor time in the replica " +
    "once, within the noise otherwise).",
  "p50 of a set at 1x1, to ZooKeeper's":
    "by the kernel's scheduler (perf, tracepoints), of a set of 1.25 ms through a follower 0.12 ms are the " +
    "starter's, on the way there and back; 0.08 ms the follower's turn that forwards it; 0.17 ms the " +
    "leader's turn until PROPOSE leaves; 0.19 ms the follower's turn until its fsync begins; 0.2 to 0.3 ms " +
    "that fsync, with the leader's beside it; 0.1 ms the turn that answers; 0.25 ms five wakes of another " +
    "process; and up to 0.13 ms the other follower has its core. The same turns take a tenth of that where " +
    "code is warm. SQLite's sync is an fsync, which commits the file system's journal, where ZooKeeper's " +
    "is an fdatasync. Won: a follower that is a quorum with its leader commits what both have without " +
    "waiting for COMMIT, a hop and a turn less, 0.2 ms of 1.5. In one process the hops are cheaper and the " +
    "three syncs one behind the other, which comes to about the same. With --direct it is two hops less, a " +
    "tenth of it. No gain: V8's baseline compiler for all code, no lazy feedback, no flushing of bytecode.",
  "Lock cycles a second at 64 at once, to those of the quicker lock of etcd":
    "it was 0.35x before calls of several requests went to their replica in one, which halved the processor time " +
    "of a cycle (1.35 ms for 2.73 ms, side by side on a busy machine), and 0.48x two hours before, when what is " +
    "asked of a lock did not yet go a road of its own past router and validators, and replicas looked in their " +
    "databases for znodes in an empty queue: a quarter less (4.3, 3.3 and 3.5 ms for 6.0, 4.8 and 4.4 ms in three " +
    "rounds at some 50 cycles a second, all code cold). At 400 cycles a second, on a busy machine and without the " +
    "last " +
    "of these, a cycle took 2.2 ms where etcd took 1.6 ms and an empty Worker, asked twice, 0.35 ms: twice " +
    "etcd's cycles would take 0.8 ms, of which the empty Worker is nearly half. Two thirds of what is left " +
    "are the process with the door: a quarter of that is its replica, an eighth garbage collection and " +
    "compiling, the rest the runtime's own work for requests and many small things of JavaScript, none above " +
    "a twentieth. A fifth is the leader, a seventh the other follower. Sixteen transactions went in a batch. " +
    "Tried besides: RPC in place of fetch, no names for closures, timers as numbers, no AbortController for " +
    "each call, records without a replacer, settings and members read once. A door for each process, with " +
    "the callers spread over them, takes a third to a half more processor time, as batches get smaller. The " +
    "leader in the process with the door is no gain, one process for all takes half as much again. Then, on a " +
    "quicker machine, where etcd-lock takes 776 us a cycle and an empty Worker 124 us: a batch waits for the one " +
    "before it, and for callers that were just answered, so that forty transactions go in one, and the straight " +
    "road makes no context of Hono's, reads headers once and bodies by hand: 688 us for 896 us and 1,222 cycles a " +
    "second for 789, etcd-lock 1,235, in the one quiet round there was; with a load of ten, where all of them take " +
    "twice as long, mostly a tenth to a third less, and no less in three rounds of ten. By batches of 19 and 39 a " +
    "commit costs the leader 1.1 ms and 45 us for each transaction, the other follower 0.7 ms and 27 us: batches of " +
    "all 64 would save some 30 us of a cycle. By perf, of the process with the door two fifths are " +
    "JavaScript, a good quarter of it the turns of its replica, the rest flat; a sixth is garbage collection and " +
    "compiling; the others are the runtime's, for three entries into the isolate for a request (it comes, its body " +
    "is there, its answer is there). An empty Worker that does just that, with one call of an object for many, takes " +
    "125 us for a request, where one that only reads the body takes 86. With what two more replicas take, that makes " +
    "some 450 us a cycle before a line of ours runs in the door: twice etcd's cycles would take less than 390. " +
    "No clear gain: to wait 30 ms for a batch, two batches of half the callers in turn, a larger young " +
    "generation. Not tried: one timer for many calls (a thirtieth of the process with the door), hanging " +
    "up looked for only where it takes long (a fiftieth), bodies that need not be sent.",
  "Memory at 100,000 znodes of a process for each replica (RSS of all), to the three JVMs'":
    "a process for each replica has a runtime of its own; the heaps themselves are small. With `--processes 1` " +
    "it is one runtime for all, at the cost of one core. The figure holds what the inspector takes, by which " +
    "the heap is read.",
  "Sets a second among 1,000,000 znodes, to those among 1,000":
    "the tree is in SQLite, so that it may be larger than memory: an isolate has 128 MB, and a million " +
    "znodes of 200 bytes are twice that in any form. A replica keeps some 28,000 of them. By itself a " +
    "znode that is not among them is read for 16 to 20 us of processor time at each replica, and written " +
    "for 14 us where 2,048 are flushed together, as each is on a page of its own, which is written twice, " +
    "to the log of SQLite and to its file: 8 KB for a set of 200 bytes, at three replicas on one disk. " +
    "While a flush is synced the replica stands still, so that processors wait for the disk for nearly " +
    "half of the time. Flushes of 32,768 take a third less and pause for 0.2 to 0.3 s. Packed znodes would " +
    "let 80,000 stay, which is nothing to a million; only a store that appends, and merges what it has " +
    "appended later, would write less. Where 1,000 of a million are in use, as the table below has it, a " +
    "set takes the processor time that it takes among 1,000, and waits for a disk that still writes what " +
    "came before, as ZooKeeper's does.",
  "Gets a second among 1,000,000 znodes, to those among 1,000":
    "as above: what is not among the 28,000 znodes that a replica keeps in memory is read from SQLite, " +
    "those that were asked for together by one statement, for 14 to 20 us each, where one in memory takes " +
    "10 us, all of its way included. Where 1,000 of a million are in use, gets are about as quick as among " +
    "1,000.",
};
