/** Who wants to hear of which znode: one-shot watches by what they were set with, and those that stay. */
import type { WatchEvent, WatchListener } from "../../src/recipes/recipe-client.ts";
import { parentOf } from "../../src/base/path.ts";

type Kind = "data" | "exists" | "children" | "persistent" | "recursive";

/** Which one-shot watches an event ends. Source: ZooKeeper ZKWatchManager.materialize. */
const FIRED: Readonly<Record<WatchEvent["kind"], readonly Kind[]>> = {
  created: ["data", "exists"],
  dataChanged: ["data", "exists"],
  deleted: ["data", "exists", "children"],
  childrenChanged: ["children"],
  resync: [],
};

/** See the file's comment. */
export class WatchListeners {
  readonly #listeners = new Map<string, Set<{ readonly tell: WatchListener }>>();

  /** Hears one event; the returned function takes it back, and tells whether it was still there. */
  addOnce(kind: "data" | "exists" | "children", path: string, tell: WatchListener): () => boolean {
    return this.#add(kind, path, tell);
  }

  /** Hears all events until it is taken back. */
  addPersistent(kind: "persistent" | "recursive", path: string, tell: WatchListener): () => boolean {
    return this.#add(kind, path, tell);
  }

  /** Tells all whom it concerns, each once. */
  fire(event: WatchEvent): void {
    const told = FIRED[event.kind].flatMap((kind) => this.#take(kind, event.path));
    const staying = [...this.#at("persistent", event.path)];
    if (event.kind !== "childrenChanged") {
      for (let above = event.path; ; above = parentOf(above)) {
        staying.push(...this.#at("recursive", above));
        if (above === "/") break;
      }
    }
    for (const { tell } of [...told, ...staying]) tell(event);
  }

  /** The session is over. */
  clear(): void {
    this.#listeners.clear();
  }

  #add(kind: Kind, path: string, tell: WatchListener): () => boolean {
    const key = `${kind} ${path}`;
    const one = { tell };
    const set = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, set.add(one));
    return () => this.#listeners.get(key)?.delete(one) === true;
  }

  #take(kind: Kind, path: string): readonly { readonly tell: WatchListener }[] {
    const taken = this.#at(kind, path);
    this.#listeners.delete(`${kind} ${path}`);
    return taken;
  }

  #at(kind: Kind, path: string): readonly { readonly tell: WatchListener }[] {
    return [...(this.#listeners.get(`${kind} ${path}`) ?? [])];
  }
}
