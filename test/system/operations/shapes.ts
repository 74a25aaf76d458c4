/** What is compared of an answer to an operator: its form, without values and what docs/zookeeper.md leaves out. */
import { readFileSync } from "node:fs";

/** What ZooKeeper tells and Edgekeeper does not, as the tables of docs/zookeeper.md under "Left out" say. */
export const LEFT_OUT: ReadonlySet<string> = new Set(leftOut());

function leftOut(): readonly string[] {
  const text = readFileSync("docs/zookeeper.md", "utf8");
  const [, section = ""] = text.split(/^## Left out of what operators see$/m);
  const [own = ""] = section.split(/^## /m);
  const rows = own.split("\n").filter((line) => line.startsWith("| `"));
  return rows.flatMap((row) =>
    Array.from(row.split("|")[1]?.matchAll(/`([^`]+)`/g) ?? [], ([, name]) => name ?? ""),
  );
}

/** Answers in the order of ZooKeeper's hash tables, of addresses, or of Java's reflection: another at each start. */
const HASHED: ReadonlySet<string> = new Set([
  "mntr",
  "monitor",
  "cons",
  "stat",
  "dump",
  "wchc",
  "wchp",
  "server_stats",
  "stats",
]);

/** Commands whose fields are each server's own: its Java's properties, and the text of its configuration. */
const OWN_FIELDS: ReadonlySet<string> = new Set(["system_properties", "initial_configuration"]);

/** The distinct lines of a text, in order, with names for what differs from one server and moment to the next. */
export function textShape(word: string, text: string): readonly string[] {
  const lines = text.replace(/\n$/, "").split("\n");
  const shapes = new Set(lines.map((line) => lineShape(word, line)));
  return HASHED.has(word) ? [...shapes].sort() : [...shapes];
}

function lineShape(word: string, line: string): string {
  const [name = ""] = line.split(/[=\t]/);
  if (word === "envi" && line.includes("=")) return `${name}=VALUE`;
  if (/^(dataDir|dataLogDir|server\.\d)=/.test(line)) return `${name.replace(/\d/, "N")}=PLACE`;
  if (word === "mntr" && !/\t-?[\d.]+$/.test(line) && !line.startsWith("zk_version")) return line;
  return line
    .replace(/version: .*$|\t3\.9\.5.*$/, "VERSION")
    .replace(/at \w{3} \w{3} \d\d [\d:]{8} UTC \d{4}:/, "at DATE:")
    .replace(/\/[\d.]+:\d+/g, "/ADDRESS")
    .replace(/lop=\w+/, "lop=WORD")
    .replace(/0x[0-9a-f]+/g, "HEX")
    .replace(/^[0-9a-f]+: -?\d+$/, "HEX: LONG")
    .replace(/(?<![\w.])-?\d+\.\d+/g, "DOUBLE")
    .replace(/(?<![\w.])-?\d+/g, "LONG")
    .replace(/(\d+) expire/, "LONG expire");
}

/** The form of JSON: fields with their types, in their order; long apart from double, and a map by id as one entry. */
export function jsonShape(command: string, text: string): readonly string[] {
  const typed = text.replace(/(?<=[:[,] )-?\d+(\.\d+)?(E-?\d+)?(?=[,\s])/g, (_, point?: string) =>
    point === undefined ? '"LONG"' : '"DOUBLE"',
  );
  const fields = shapeOf(JSON.parse(typed), "");
  if (OWN_FIELDS.has(command)) return fields.filter((field) => /^\.(command|error):/.test(field));
  return HASHED.has(command) ? [...fields].sort() : fields;
}

function shapeOf(value: unknown, path: string): readonly string[] {
  if (Array.isArray(value)) {
    const items = value.flatMap((item: unknown) => shapeOf(item, `${path}[]`));
    return items.length === 0 ? [`${path}: []`] : [...new Set(items)];
  }
  if (value !== null && typeof value === "object") {
    const entries = Object.entries(value);
    if (entries.length === 0) return [`${path}: {}`];
    const names = entries.map(([key]) => (/^(\d+|\/.*)$/.test(key) ? "KEY" : key));
    return [...new Set(entries.flatMap(([, inner], at) => shapeOf(inner, `${path}.${names[at] ?? ""}`)))];
  }
  const type = value === "LONG" || value === "DOUBLE" ? value : value === null ? "null" : typeof value;
  return [`${path}: ${type}`];
}

/** What ZooKeeper answered, without what is left out, and without the empty buckets that its expiry queue may show. */
export function conformed(shape: readonly string[]): readonly string[] {
  const shown = shape.filter((line) => line !== ".expiry_time_to_session_ids.KEY: []");
  return shown.filter((line) => !namesIn(line).some((name) => LEFT_OUT.has(name)));
}

/** The names that a line may be left out by: its field, a metric without its statistic, a property's first word. */
function namesIn(line: string): readonly string[] {
  const [field = ""] = line.replace(/^\.|^zk_/, "").split(/[:=\t]/);
  const metric = field.replace(/^(avg|min|max|cnt|sum|p50|p95|p99|p999)_/, "");
  const kind = metric.replace(/^\w+_(learner_handler_\w+|(read|write)_per_namespace)$/, "N_$1");
  const words = field.split(".");
  return [field, metric, kind, words[0] ?? "", words.slice(0, 2).join(".")];
}
