/** Defects of the disk: what is in which transaction, and what survives. */
import type { Mutant } from "./mutant.ts";

export const DURABLE_MUTANTS: readonly Mutant[] = [
  {
    id: "promise-not-on-disk",
    what: "a promise is not written before its epoch is entered",
    edits: [
      {
        file: "src/durable/store.ts",
        find: "            this.#acceptedEpoch = write.acceptedEpoch;\n",
        replace:
          "            if (write.currentEpoch > this.#currentEpoch) this.#acceptedEpoch = write.acceptedEpoch;\n",
      },
    ],
  },
  {
    id: "tree-in-second-transaction",
    what: "nine to 64 changed znodes are written in a transaction of their own, behind what says how far the tree is",
    edits: [
      {
        file: "src/durable/store.ts",
        find: "      if (isFlush) this.#writeTree();\n      // Both",
        replace:
          "      const { dirtyCount } = this.#nodes;\n      if (isFlush && (dirtyCount < 9 || dirtyCount > 64)) this.#writeTree();\n      // Both",
      },
      {
        file: "src/durable/store.ts",
        find: "      this.#written = applied;\n    });\n",
        replace: `      this.#written = applied;
    });
    if (!mayFlush || !this.isTreeDirty) return;
    if (writes.some(({ kind }) => kind === "install" || kind === "restore")) return;
    this.#database.transactionSync(() => this.#writeTree());
`,
      },
    ],
  },
  {
    id: "batch-cut-on-disk",
    what: "of a batch of more than twelve proposals twelve are written",
    edits: [
      {
        file: "src/durable/log-store.ts",
        find: "    writeProposals(this.#writer, batch);\n",
        replace: "    writeProposals(this.#writer, batch.slice(0, 12));\n",
      },
    ],
  },
  {
    id: "answers-outrun-commit",
    what: "what a turn tells clients leaves before the turn's transaction is made",
    edits: [
      {
        file: "src/durable/turns.ts",
        find: "    if (turn.writes.length > 0 || isFlush) {",
        replace: `    const isEarly = (action: Action): boolean => action.kind === "clientSend";
    for (const action of turn.after.filter(isEarly)) this.#ports.perform(action);
    if (turn.writes.length > 0 || isFlush) {`,
      },
      {
        file: "src/durable/turns.ts",
        find: "for (const action of turn.after) this.#ports.perform(action);",
        replace: "for (const action of turn.after) if (!isEarly(action)) this.#ports.perform(action);",
      },
    ],
  },
  {
    id: "frames-outrun-commit",
    what: "what a turn tells other replicas leaves before the turn's transaction is made",
    edits: [
      {
        file: "src/durable/turns.ts",
        find: "    if (turn.writes.length > 0 || isFlush) {",
        replace: `    const isEarly = (action: Action): boolean => action.kind === "linkSend";
    for (const action of turn.after.filter(isEarly)) this.#ports.perform(action);
    if (turn.writes.length > 0 || isFlush) {`,
      },
      {
        file: "src/durable/turns.ts",
        find: "for (const action of turn.after) this.#ports.perform(action);",
        replace: "for (const action of turn.after) if (!isEarly(action)) this.#ports.perform(action);",
      },
    ],
  },
  {
    id: "failed-write-passed-over",
    what: "a transaction that fails is passed over, and the replica goes on",
    edits: [
      {
        file: "src/durable/turns.ts",
        find: "      store.commit(turn.writes, isFlush);\n",
        replace: `      try {
        store.commit(turn.writes, isFlush);
      } catch {
        this.#dirtySinceMs = nowMs;
      }
`,
      },
    ],
  },
];
