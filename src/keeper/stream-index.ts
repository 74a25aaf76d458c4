/** Streams that are told each event as it happens, found by the paths that it concerns. */
import { parentOf } from "../base/path.ts";
import type { TreeEvent } from "../tree/transition.ts";
import type { Watched } from "../tree/event-filter.ts";

/** See the file's comment. */
export class StreamIndex<S extends { readonly watched: Watched }> {
  readonly #exact = new Map<string, Set<S>>();
  readonly #recursive = new Map<string, Set<S>>();

  add(stream: S): void {
    const { path } = stream.watched;
    const paths = this.#pathsOf(stream);
    const there = paths.get(path);
    if (there === undefined) paths.set(path, new Set([stream]));
    else there.add(stream);
  }

  delete(stream: S): void {
    const { path } = stream.watched;
    const paths = this.#pathsOf(stream);
    const there = paths.get(path);
    if (there?.delete(stream) === true && there.size === 0) paths.delete(path);
  }

  /** Those that may be told of it, and maybe some that are not. */
  of({ kind, path }: TreeEvent): readonly S[] {
    const found: S[] = [...(this.#exact.get(path) ?? [])];
    const parent = parentOf(path);
    if (kind !== "dataChanged" && parent !== path) found.push(...(this.#exact.get(parent) ?? []));
    if (this.#recursive.size === 0) return found;
    for (let at = path; ; at = parentOf(at)) {
      found.push(...(this.#recursive.get(at) ?? []));
      if (at === "/") return found;
    }
  }

  #pathsOf(stream: S): Map<string, Set<S>> {
    return stream.watched.part === "recursive" ? this.#recursive : this.#exact;
  }
}
