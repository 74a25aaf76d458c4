/** Defects in permits of semaphores, lock-delay and tokens. */
import type { Mutant } from "./mutant.ts";

export const CONTEST_MUTANTS: readonly Mutant[] = [
  {
    id: "permit-too-many",
    what: "a permit more is taken than a semaphore has",
    edits: [
      {
        file: "src/tree/prepare-transact.ts",
        find: "if (permitsTaken(view, path) >= permits) throw",
        replace: "if (permitsTaken(view, path) > permits) throw",
      },
    ],
  },
  {
    id: "short-delay-forgotten",
    what: "what a lease held that has expired is open at once, where its lock-delay is a second or less",
    edits: [
      {
        file: "src/keeper/lock-delay.ts",
        find: ".filter((path) => delayOf(nameOf(path)) > 0);",
        replace: ".filter((path) => delayOf(nameOf(path)) > 1000);",
      },
    ],
  },
  {
    id: "token-revoked-when-applied",
    what: "writes under a token are prepared for as long as its revocation is proposed and not applied",
    edits: [
      {
        file: "src/tree/prepare.ts",
        find: "const scope = scopeOf(identities, this.#nodes, timeMs);",
        replace: "const scope = scopeOf(identities, this.#tree, timeMs);",
      },
    ],
  },
];
