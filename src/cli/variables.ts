/** What the Worker is told by variables, checked and matched with its doors before anything runs. */
import type { Sid } from "../base/ids.ts";
import {
  ConfigError,
  isVariable,
  meantVariable,
  readSettings,
  type Settings,
  sidsOf,
} from "../base/settings.ts";
import { VARIABLES } from "../base/variables.ts";
import { portPlan } from "./port-plan.ts";
import { StartError } from "./start-error.ts";
import type { WorkerConfig } from "./worker-config.ts";

/** What the command line says over the configuration. */
export interface Overrides {
  readonly httpPort: number;
  /** undefined where `--ports` is not given. */
  readonly tcpPorts: readonly number[] | undefined;
  readonly vars: ReadonlyMap<string, string>;
}

/** A Worker that can run, and what its user should know. */
export interface CheckedWorker {
  readonly worker: WorkerConfig;
  readonly warnings: readonly string[];
  /** Names of the ensembles served; none where the Worker has no replicas. */
  readonly ensembles: readonly string[];
  /** How many of the last TCP ports lead to observers. */
  readonly observers: number;
  /** Whose the TCP ports are, in their order; none where the Worker has no replicas. */
  readonly sids: readonly Sid[];
}

/** The binding that a Worker of ours has to its replicas: the variables mean nothing to any other Worker. */
export const REPLICA_BINDING = "REPLICA";

/** Puts the overrides on the Worker. Throws StartError for variables, or ports, that make no sense. */
export function checkedWorker(worker: WorkerConfig, overrides: Overrides): CheckedWorker {
  const vars = new Map([...worker.vars, ...overrides.vars]);
  const hasReplicas = worker.durableObjects.some(({ name }) => name === REPLICA_BINDING);
  const warnings = hasReplicas ? unknownVariables(vars) : [];
  const settings = hasReplicas ? settingsOf(vars) : undefined;
  const tcpPorts = portPlan({
    members: settings,
    httpPort: overrides.httpPort,
    asked: overrides.tcpPorts,
    configured: worker.tcpPorts,
  });
  if (settings !== undefined) {
    if (overrides.vars.has("TCP_PORTS")) {
      throw new StartError("TCP_PORTS follows --ports here: leave --var TCP_PORTS out.");
    }
    vars.set("TCP_PORTS", tcpPorts.join(","));
    const isMoved = tcpPorts.join(",") !== worker.tcpPorts.join(",");
    if (isMoved && settings.clientAddresses.length > 0 && !overrides.vars.has("CLIENT_ADDRESSES")) {
      vars.set("CLIENT_ADDRESSES", tcpPorts.map((port) => `127.0.0.1:${port}`).join(","));
    }
  }
  return {
    worker: { ...worker, tcpPorts, vars },
    warnings,
    ensembles: settings?.ensembles ?? [],
    observers: tcpPorts.length === 0 ? 0 : (settings?.observers.length ?? 0),
    sids: settings === undefined ? [] : sidsOf(settings),
  };
}

/** As wide as the rest of the usage text. */
const COLUMNS = 80;

/** Some names are half as long as a line: what each means stands below it. */
const INDENT = 6;

/** The variables and what they mean, for the usage text. */
export function variableLines(): string {
  return Object.entries(VARIABLES)
    .flatMap(([name, meaning]) => [
      `  ${name}`,
      ...wrapped(meaning, COLUMNS - INDENT).map((line) => " ".repeat(INDENT) + line),
    ])
    .join("\n");
}

function wrapped(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

function settingsOf(vars: ReadonlyMap<string, string>): Settings {
  try {
    return readSettings(Object.fromEntries(vars));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new StartError(`${error.message}.`, { cause: error });
  }
}

/** Warns of variables that nothing here reads, and refuses one that is a slip of the pen. */
function unknownVariables(vars: ReadonlyMap<string, string>): readonly string[] {
  const unknown = [...vars.keys()].filter((name) => !isVariable(name));
  for (const name of unknown) {
    const meant = meantVariable(name);
    if (meant !== undefined) throw new StartError(`unknown variable ${name}, did you mean ${meant}?`);
  }
  return unknown.map((name) => `unknown variable ${name}: nothing reads it; --help lists those that count`);
}
