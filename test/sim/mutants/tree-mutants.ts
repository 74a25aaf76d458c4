/** Defects of the tree: versions, sequences, ephemerals, multis, and what is outstanding while it is prepared. */
import type { Mutant } from "./mutant.ts";

export const TREE_MUTANTS: readonly Mutant[] = [
  {
    id: "sequence-restarts-late",
    what: "sequence numbers between 4 and 200 begin anew under a znode that a closed session leaves without children",
    edits: [
      {
        file: "src/tree/transition.ts",
        find: "for (const [path, parent] of parents) view.put(path, parent);",
        replace: `for (const [path, parent] of parents) {
    const isAnew = parent.childCount === 0 && parent.childCreates > 3 && parent.childCreates < 200;
    view.put(path, isAnew ? { ...parent, childCreates: 0 } : parent);
  }`,
      },
    ],
  },
  {
    id: "version-before-passes",
    what: "a write that expects the version right before the present one, above 2, is done",
    edits: [
      {
        file: "src/tree/prepare-operation.ts",
        find: "if (expected !== -1 && expected !== current) {",
        replace:
          "const isBefore = expected > 2 && expected === current - 1;\n" +
          "  if (expected !== -1 && expected !== current && !isBefore) {",
      },
    ],
  },
  {
    id: "delete-ignores-version",
    what: "delete of a znode that was changed more than twice ignores the version it expects",
    edits: [
      {
        file: "src/tree/prepare-operation.ts",
        find: "  nextVersion(node.version, request.version);\n",
        replace: "  if (node.version < 3) nextVersion(node.version, request.version);\n",
      },
    ],
  },
  {
    id: "check-ignores-version",
    what: "a check in a multi of a znode that was changed more than twice finds any version right",
    edits: [
      {
        file: "src/tree/prepare-operation.ts",
        find: 'const version = nextVersion(node.version, request.version);\n      return { kind: "check"',
        replace:
          "const expected = node.version < 3 ? request.version : -1;\n" +
          '      const version = nextVersion(node.version, expected);\n      return { kind: "check"',
      },
    ],
  },
  {
    id: "failed-multi-outstanding-under-load",
    what: "where much is outstanding, what a failed multi would have done is seen by those that come next",
    edits: [
      {
        file: "src/tree/prepare.ts",
        find: "        return failedMulti({",
        replace:
          "        if (this.#nodes.size > 12) scratch.copyTo(this.#view(input.zxid));\n        return failedMulti({",
      },
    ],
  },
];
