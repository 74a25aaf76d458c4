/** Paths as the program names them, and as the ensemble does: the chroot, which is the client's affair alone. */
import { actualPath, pathProblem } from "../base/path.ts";
import { BadArgumentsError } from "./errors.ts";

/** Prepends a path to all others, and takes it off again. */
export class Chroot {
  /** Empty where there is none. */
  readonly #prefix: string;

  /** Throws BadArgumentsError where the path is none. */
  constructor(path = "") {
    const prefix = path === "/" ? "" : path;
    if (prefix !== "") checkPath(prefix);
    this.#prefix = prefix;
  }

  /** The ensemble's name of a path. Throws BadArgumentsError; a sequential one may end in a slash. */
  outer(path: string, isSequential = false): string {
    checkPath(path, isSequential);
    if (this.#prefix === "") return path;
    return path === "/" ? this.#prefix : this.#prefix + path;
  }

  /** The program's name of a path. */
  inner(path: string): string {
    if (this.#prefix === "" || !isBelow(path, this.#prefix)) return path;
    return actualPath(path.slice(this.#prefix.length));
  }
}

/** Throws BadArgumentsError where a path is none; a sequential one may end in a slash. */
export function checkPath(path: string, isSequential = false): void {
  const problem = pathProblem(path, isSequential);
  if (problem !== undefined) throw new BadArgumentsError({ path, detail: problem });
}

function isBelow(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`);
}
