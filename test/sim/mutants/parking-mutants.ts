/** Defects of parking: of clients that doze, over whom the ensemble falls asleep, and who are called when it wakes. */
import type { Mutant } from "./mutant.ts";

const FILE = "src/keeper/parking.ts";

/** Over whom a replica falls asleep. */
const ASLEEP: readonly Mutant[] = [
  {
    id: "parks-under-way",
    what: "who dozes and asks for something is taken to doze still, and is parked while that is under way",
    edits: [
      {
        file: FILE,
        find: `    connection.isDozing = false;
    if (op === "ping"`,
        replace: `    if (connection.isDozing || op === "ping"`,
      },
      {
        file: FILE,
        find: "if (!isAtRest(connection) || !connection.isIdle) return false;",
        replace: "if (!isAtRest(connection)) return false;",
      },
    ],
  },
  {
    id: "parks-owners",
    what: "clients that own ephemerals doze, and the ensemble falls asleep over them",
    edits: [
      {
        file: FILE,
        find: "if (context.tree.ephemeralsOf(session).length === 0) return true;",
        replace: "if (context.tree.ephemeralsOf(session).length >= 0) return true;",
      },
      {
        file: "src/keeper/reign.ts",
        find: `if (wakeInMs === "awake" || desk.hasDozingOwners) return;`,
        replace: `if (wakeInMs === "awake") return;`,
      },
    ],
  },
  {
    id: "parked-wakes-never",
    what: "a replica that sleeps over clients does not wake by itself",
    edits: [
      {
        file: FILE,
        find: "return this.#parts.table.count === 0 ? undefined : this.#parts.context.parking?.wakeMs;",
        replace: "return undefined;",
      },
    ],
  },
];

/** How long their sessions live. */
const SESSIONS: readonly Mutant[] = [
  {
    id: "dozing-unheard",
    what: "that the runtime has answered a client's ping is no sign of its life",
    edits: [
      {
        file: FILE,
        find: "    if (connection.session !== undefined) this.#ponged.add(connection.session);\n",
        replace: "",
      },
    ],
  },
  {
    id: "last-pong-unheard",
    what: "a ping that the runtime answers just before its connection closes is no sign of life",
    edits: [
      { file: FILE, find: "      this.#touched.add(connection.session);\n", replace: "      return;\n" },
    ],
  },
  {
    id: "parked-dead-claimed",
    what: "a wake claims the sessions of all that were parked, those that have not pinged for their timeout as well",
    edits: [
      {
        file: FILE,
        find: "if (this.#isGone(connection, this.#pongedMs(connection))) this.#parts.close(connection);",
        replace: "if (this.#isGone(connection, Infinity)) this.#parts.close(connection);",
      },
    ],
  },
  {
    id: "night-renews-parked",
    what: "whoever is parked again counts as heard when its replica fell asleep again",
    edits: [
      {
        file: FILE,
        find: "const sinceMs = parkedSinceMs ?? nowMs;",
        replace: "const sinceMs = Math.max(parkedSinceMs ?? nowMs, nowMs);",
      },
    ],
  },
];

/** Who is called, and when. */
const CALLED: readonly Mutant[] = [
  {
    id: "parked-uncalled",
    what: "clients that are parked are not called when the tree changes",
    edits: [
      {
        file: "src/keeper/keeper.ts",
        find: "    if (events.length > 0) this.#door.parking.changed();\n",
        replace: "",
      },
    ],
  },
  {
    id: "parked-uncalled-of-missed",
    what: "clients that are parked are not called for what their replica is brought before it serves",
    edits: [
      {
        file: FILE,
        find: "    this.#hasChanged = this.#parked.size > 0;",
        replace: "    if (this.#parts.context.serving()) this.#hasChanged = this.#parked.size > 0;",
      },
    ],
  },
  {
    id: "called-again",
    what: "a client that was called is called again at the next change, when it is back and asks for something",
    edits: [
      {
        file: FILE,
        find: "    this.#parked.delete(connection);\n    this.#due.delete(connection);\n    this.#called",
        replace: "    this.#due.delete(connection);\n    this.#called",
      },
    ],
  },
  {
    id: "parked-served-on",
    what: "a client over which its replica has slept is served on as before, and what it watches is forgotten",
    edits: [
      {
        file: FILE,
        find: `connection.state = "parked";`,
        replace: `connection.state = "open";\n      connection.isDozing = true;`,
      },
      { file: FILE, find: "      this.#parked.add(connection);\n", replace: "" },
    ],
  },
];

export const PARKING_MUTANTS: readonly Mutant[] = [...ASLEEP, ...SESSIONS, ...CALLED];
