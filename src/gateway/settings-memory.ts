/** The deployment's settings, read once for each environment: an isolate is given the same one with every request. */
import { readSettings, type Settings } from "../base/settings.ts";
import type { App } from "./documents.ts";

/** See the file's comment. */
export class SettingsMemory {
  readonly #known = new WeakMap<object, Settings>();

  /** What the variables say. Throws ConfigError. */
  of(env: App["Bindings"]): Settings {
    let settings = this.#known.get(env);
    if (settings === undefined) this.#known.set(env, (settings = readSettings(env)));
    return settings;
  }
}
