/** Defects of sessions and watches. */
import type { Mutant } from "./mutant.ts";

/** When a session ends, and who is told so. */
const SESSIONS: readonly Mutant[] = [
  {
    id: "grace-forgotten",
    what: "sessions of a lost replica or leader get no time for what those may still have answered",
    edits: [
      {
        file: "src/keeper/reign.ts",
        find: "lostGraceMs: this.#graceMs,",
        replace: "lostGraceMs: this.#graceMs * 0,",
      },
    ],
  },
  {
    id: "pings-unheard",
    what: "a client that only pings is not heard",
    edits: [
      {
        file: "src/keeper/client-door.ts",
        find: `    this.metrics.received(body.length, connection);
    this.#touch(connection);`,
        replace: `    this.metrics.received(body.length, connection);
    const heard = decodeRequest(body);
    if (heard.kind !== "request" || heard.request.op !== "ping") this.#touch(connection);`,
      },
    ],
  },
  {
    id: "heard-for-ever",
    what: "a session that was heard once is told to be heard at each poll",
    edits: [
      {
        file: "src/keeper/parking.ts",
        find: "for (const set of [this.#touched, this.#ponged, this.#untold]) set.clear();",
        replace: "for (const set of [this.#ponged, this.#untold]) set.clear();",
      },
    ],
  },
  {
    id: "own-refused-at-once",
    what: "at the leader's own replica a client is told that its session is over before anything is committed for it",
    edits: [
      {
        file: "src/keeper/leader-desk.ts",
        find:
          "    if (password === undefined || !this.#sessions.has(session)) " +
          "return this.#refuseBehindCommit(from, serial);\n",
        replace: `    if (password === undefined || !this.#sessions.has(session)) {
      if (from !== this.#options.sid) return this.#refuseBehindCommit(from, serial);
      this.#answers.push({ to: from, message: { kind: "refused", serial } });
      return;
    }
`,
      },
    ],
  },
  {
    id: "attach-before-commit-refused",
    what: "a leader lets in its own clients with no session that it has not applied, though a follower has told of it",
    edits: [
      {
        file: "src/keeper/leader-desk.ts",
        find: " ?? this.#creating.get(session);",
        replace: " ?? (from === this.#options.sid ? undefined : this.#creating.get(session));",
      },
    ],
  },
];

/** What watchers are told, and when. */
const WATCHES: readonly Mutant[] = [
  {
    id: "watches-forgotten",
    what: "a client that comes back with its watches on children has lost them",
    edits: [
      {
        file: "src/keeper/local-reads.ts",
        find: "const events = this.#watches.reestablish(request, this.#tree, reader.connection);",
        replace:
          "const brought = { ...request, childWatches: [] };\n" +
          "        const events = this.#watches.reestablish(brought, this.#tree, reader.connection);",
      },
    ],
  },
  {
    id: "missed-untold",
    what: "a client that comes back is not told what changed while it was away",
    edits: [
      {
        file: "src/keeper/local-reads.ts",
        find: "const events = this.#watches.reestablish(request, this.#tree, reader.connection);",
        replace:
          "const brought = { ...request, relativeZxid: this.#tree.lastApplied };\n" +
          "        const events = this.#watches.reestablish(brought, this.#tree, reader.connection);",
      },
    ],
  },
  {
    id: "absent-unwatched",
    what: "exists on a znode that is not there leaves no watch",
    edits: [
      {
        file: "src/keeper/local-reads.ts",
        find: "if (watch !== undefined) this.#watches",
        replace: "if (watch !== undefined && failure === undefined) this.#watches",
      },
    ],
  },
  {
    id: "one-event-of-many",
    what: "of the changes of one transaction only the first is told to watchers",
    edits: [
      {
        file: "src/keeper/keeper.ts",
        find: "for (const event of events) eventCount",
        replace: "for (const event of events.slice(0, 1)) eventCount",
      },
    ],
  },
  {
    id: "expiry-untold",
    what: "watchers are not told of ephemerals that go with an expired session",
    edits: [
      {
        file: "src/keeper/keeper.ts",
        find: "for (const event of events) eventCount",
        replace:
          'const isTold = txn.kind !== "closeSession" || header.origin.serial !== 0;\n' +
          "    for (const event of isTold ? events : []) eventCount",
      },
    ],
  },
  {
    id: "child-watch-misfiled",
    what: "a watch on children that is left by getChildren2 is kept as one on the znode",
    edits: [
      {
        file: "src/keeper/local-reads.ts",
        find: "this.#watches.addOneShot(watch.kind, watch.path, connection);",
        replace:
          'this.#watches.addOneShot(request.op === "getChildren2" ? "data" : watch.kind, watch.path, connection);',
      },
    ],
  },
  {
    id: "event-behind-reply",
    what: "a watch event is sent behind the reply to the write that caused it, and the reads that come with it",
    edits: [
      {
        file: "src/keeper/keeper.ts",
        find: "    for (const event of events) eventCount += this.#door.announce(event, zxid);\n",
        replace: "",
      },
      {
        file: "src/keeper/keeper.ts",
        find: "      this.#door.delivered(origin.serial, zxid, outcome);\n    }\n",
        replace:
          "      this.#door.delivered(origin.serial, zxid, outcome);\n    }\n" +
          "    for (const event of events) eventCount += this.#door.announce(event, zxid);\n",
      },
    ],
  },
  {
    id: "event-at-end-of-turn",
    what: "watch events are written behind all replies of their turn",
    edits: [
      {
        file: "src/keeper/client-output.ts",
        find: `    encodeWatchEvent(connection.out, zxid, { type, state: SYNC_CONNECTED, path });
    this.#wrote(connection);`,
        replace: `    this.#wrote(connection);
    this.#late.push(() => encodeWatchEvent(connection.out, zxid, { type, state: SYNC_CONNECTED, path }));`,
      },
      {
        file: "src/keeper/client-output.ts",
        find: "    for (const connection of this.#dirty) this.#flush(connection);\n    this.#dirty.clear();",
        replace: `    for (const write of this.#late) write();
    this.#late = [];
    for (const connection of this.#dirty) this.#flush(connection);
    this.#dirty.clear();`,
      },
      {
        file: "src/keeper/client-output.ts",
        find: "  #actions: Action[] = [];\n",
        replace: "  #actions: Action[] = [];\n  #late: Array<() => void> = [];\n",
      },
    ],
  },
];

export const SESSION_MUTANTS: readonly Mutant[] = [...SESSIONS, ...WATCHES];
