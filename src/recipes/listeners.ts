/** Who wants to hear of something. */

/** See the file's comment. Listeners are called in the order in which they were added. */
export class Listeners<Args extends readonly unknown[]> {
  readonly #listeners = new Set<{ readonly tell: (...args: Args) => void }>();

  /** Hears from now on, until the returned function is called. */
  add(tell: (...args: Args) => void): () => void {
    const one = { tell };
    this.#listeners.add(one);
    return () => this.#listeners.delete(one);
  }

  tell(...args: Args): void {
    for (const { tell } of this.#listeners) tell(...args);
  }

  clear(): void {
    this.#listeners.clear();
  }
}
