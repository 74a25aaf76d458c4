/**
 * What was found and tried where a goal is missed, by the goal's text: written by who looked into it, with the profile
 * that shows where the time goes. A test asks that every goal that the committed figures miss stands here.
 */
export const MISSED: Readonly<Record<string, string>> = {
  "Sets a second at 50x4, to ZooKeeper's":
    "bound by latency and not by the processor: a follower's thread is busy for half of the time. A request " +
    "waits for the batch before it, whose cycle is a sync on three disks that are one disk here, and hops " +
    "between processes that share two cores. Tried, side by side: a process for each replica, a longer gap " +
    "between batches (5 ms in place of 2, which helped most; 10 ms did not help further), the tree written by " +
    "flushes and not with each batch, proposals read once, larger young generations of the heap (no clear " +
    "gain). The ratio varies from run to run with what the machine's neighbours do to syncs: 1.38x in a run of " +
    "seven rounds two hours before. Besides: short copies in shared blocks, digests in variables, rows put " +
    "sixteen at a time; and clients' " +
    "writes go to the leader together while others are under way (a frame on the link for nine sets in place of " +
    "one for four, in the core alone; 490 us of processor time a set for 587 us, medians side by side in the " +
    "runtime, on a machine with a load of 20, where both are several times what they are on a quiet one). What " +
    "is left is mostly the runtime's: a chunk of a client enters the isolate once, and each write to a client " +
    "once when the output gate lets it go and, unless it was taken at once, a second time when it was. Not " +
    "tried: to bring all that clients have outstanding into one batch, so that each is read and written once " +
    "for it.",
  "Sets a second at 10x100, to ZooKeeper's":
    "the leader's thread is the limit: a good half of it is JavaScript (reading, checking and applying), a " +
    "tenth garbage collection, a tenth SQLite, a quarter waiting for syncs. The same changes as at 50x4 took " +
    "two thirds off the processor time of a set; besides, those above, and less work that is done for nobody: a " +
    "tenth of what the core takes (44 to 49 us a set for 51 us, A B A B without the runtime, on a busy machine). " +
    "The rest of it is flat: a seventh garbage collection, a tenth digests, a twentieth looking up znodes. Not " +
    "tried: to forward clients' bytes as they came, which saves no more than one encoding, and fewer objects for " +
    "each znode.",
  "Gets a second at 50x4, to ZooKeeper's":
    "1.62x on a machine three times as quick before, with the same code for gets: side by side on this one the two " +
    "versions take the same (262 and 276 us for 272 and 283 us at 1x1). At 10x100, where a chunk of a client " +
    "holds many requests, the ratio is above seven: what counts is the runtime's event for each chunk and " +
    "each write, and not the get. Not tried: to read several clients' chunks in one event.",
  "p50 of a get at 1x1, to ZooKeeper's":
    "0.68x on the quicker machine of before, with the same code (above). A lone get is two events of " +
    "the runtime, a chunk and a write, in a process that is woken for it.",
  "p50 of a set at 1x1, to ZooKeeper's":
    "each of some six hops wakes another process, and the runtime's own work for an event is several times as " +
    "long when cold; SQLite's sync is an fsync of a growing file where ZooKeeper's is an fdatasync of one that " +
    "is laid out before. In one process the hops are cheaper and the three syncs one behind the other, which " +
    "comes to about the same.",
  "p99 of sets at 50x4, to ZooKeeper's":
    "what stands out are turns in which SQLite copies its log into the database, and major garbage collections;" +
    " flushes were bounded to some two thousand znodes for it.",
  "Time of a watch fan-out to 5,000, to ZooKeeper's":
    "an event to a client is a write to its own socket; there is no write to many. The core takes some 3 us of " +
    "processor time for a watcher on a busy machine, of finding it, encoding and counting. The rest is the " +
    "runtime's: by a profile of the process a stack for each write waits for the output gate, enters the isolate " +
    "for it, and enters it again where the socket did not take it at once; sends of the kernel are a " +
    "seventeenth. Two ways out were not taken: a stream made by JavaScript and piped into the socket, and a " +
    "WebSocket between door and object. Whether the output gate holds back each chunk of the former is not " +
    "known, and all that reveals a commit rests on that; the latter moves the same events into the door.",
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
    "No clear gain: to wait 30 ms for a batch. Not tried: one timer for many calls (a thirtieth of the process with " +
    "the door), hanging up looked for only where it takes long (a fiftieth), bodies that need not be sent.",
  "Memory at 100,000 znodes of a process for each replica (RSS of all), to the three JVMs'":
    "a process for each replica has a runtime of its own; the heaps themselves are small. With `--processes 1` " +
    "it is one runtime for all, at the cost of one core. The figure holds what the inspector takes, by which " +
    "the heap is read.",
};
