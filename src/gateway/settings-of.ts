/** The deployment's settings, read once for each environment: an isolate is given the same one with every request. */
import { readSettings, type Settings } from "../base/settings.ts";
import type { App } from "./documents.ts";

const known = new WeakMap<object, Settings>();

/** What the variables say. Throws ConfigError. */
export function settingsOf(env: App["Bindings"]): Settings {
  let settings = known.get(env);
  if (settings === undefined) known.set(env, (settings = readSettings(env)));
  return settings;
}
