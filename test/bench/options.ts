/** What the command line asks for. */
import { parseArgs } from "node:util";
import type { Plan, Scale } from "./bench.ts";
import type { Shape } from "./measure.ts";
import { SECTION_NAMES, type SectionName } from "./sections.ts";
import { TARGET_NAMES } from "./targets/target.ts";
import { WORKS, ZNODES_MAX } from "./work.ts";

const TARGETS_USUAL = "zookeeper,edgekeeper";

/** What is told where the options make no sense, or ask for help. */
export const USAGE: string = `npm run bench -- [options]
  --all             everything, for the page in docs: some thirteen minutes on two cores
  --quick           everything, small: whether all of it runs; its figures mean little
  --sections throughput,kept   what is measured: ${SECTION_NAMES.join(",")}
  --works ${WORKS.join(",")}   what is asked for; mixed is nine reads to a set, multi ten sets
  --shapes 1x1,10x4,50x4,10x100,500x1   sessions x requests outstanding of each
  --bytes 100       of a znode's data
  --znodes 1000     that are set and read
  --rounds 3        each is measured so often, in turn
  --seconds 3       each time for so long, after warming up
  --idle 30         seconds for which nobody asks for anything, in the section inMemory: without sessions, then with
  --trees 1000,100000,1000000   znodes in trees that are loaded, each on top of the one before
  --targets ${TARGETS_USUAL}   or direct: edgekeeper by npm start -- --direct; or bridge:
                    edgekeeper behind the program's bridge
  --out FILE        writes all figures as JSON
  --docs FILE       instead: makes docs/performance.md, its picture and the figures of README.md from that JSON
  --profile DIR     instead: where Edgekeeper's time goes, as a table and as .cpuprofile files, which browsers'
                    developer tools and editors show
  --help`;

/** What is to be done. */
export type Order =
  | { readonly kind: "help"; readonly isAsked: boolean }
  | { readonly kind: "docs"; readonly file: string }
  | { readonly kind: "profile"; readonly plan: Plan; readonly directory: string }
  | { readonly kind: "measure"; readonly plan: Plan; readonly out: string | undefined };

/** Figures for people. */
const FULL: Scale = {
  watchers: [1, 100, 5000],
  stormSessions: 2000,
  untouched: [
    [0, 0],
    [1000, 1],
    [1000, 100],
  ],
  locksAtOnce: [1, 16, 64],
  trees: [1000, 100_000, 1_000_000],
  children: 100_000,
  awaySeconds: 8,
  billedSets: 1000,
  idleSessions: 1000,
  idleSeconds: 30,
};

/** Whether it runs. */
const SMALL: Scale = {
  watchers: [1, 50],
  stormSessions: 100,
  untouched: [
    [0, 0],
    [20, 10],
  ],
  locksAtOnce: [1, 16],
  trees: [1000, 10_000],
  children: 10_000,
  awaySeconds: 4,
  billedSets: 200,
  idleSessions: 20,
  idleSeconds: 3,
};

/** Without a word for it, what takes a minute. */
const USUAL: readonly SectionName[] = ["throughput", "kept"];

/** Reads the arguments. */
export function readOptions(args: readonly string[]): Order {
  const values = parse(args);
  if (values === undefined) return { kind: "help", isAsked: false };
  if (values.help === true) return { kind: "help", isAsked: true };
  if (values.docs !== undefined) return { kind: "docs", file: values.docs };
  const plan = planOf(values);
  if (plan === undefined) return { kind: "help", isAsked: false };
  const { profile, out } = values;
  return profile === undefined
    ? { kind: "measure", plan, out }
    : { kind: "profile", plan, directory: profile };
}

interface Values {
  readonly [name: string]: string | boolean | undefined;
  readonly all?: boolean | undefined;
  readonly quick?: boolean | undefined;
  readonly help?: boolean | undefined;
  readonly docs?: string | undefined;
  readonly profile?: string | undefined;
  readonly out?: string | undefined;
}

function parse(args: readonly string[]): Values | undefined {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        all: flag,
        quick: flag,
        help: flag,
        sections: text,
        works: text,
        shapes: text,
        bytes: text,
        znodes: text,
        rounds: text,
        seconds: text,
        trees: text,
        idle: text,
        targets: text,
        out: text,
        docs: text,
        profile: text,
      },
    });
    return values;
  } catch {
    return undefined;
  }
}

function planOf(values: Values): Plan | undefined {
  const { all = false, quick = false } = values;
  const isWhole = all || quick;
  const sections = chosen(values["sections"] ?? (isWhole ? SECTION_NAMES : USUAL).join(","), SECTION_NAMES);
  const works = chosen(values["works"] ?? WORKS.join(","), WORKS);
  const targets = chosen(values["targets"] ?? TARGETS_USUAL, TARGET_NAMES);
  const shapes = shapesOf(values["shapes"] ?? (quick ? "1x1,50x4" : "1x1,10x4,50x4,10x100,500x1"));
  const bytes = wholeNumber(values["bytes"] ?? "100");
  const znodes = wholeNumber(values["znodes"] ?? "1000");
  const rounds = wholeNumber(values["rounds"] ?? (quick ? "1" : "3"));
  const seconds = Number(values["seconds"] ?? (quick ? "0.3" : all ? "1" : "3"));
  if (works === undefined || targets === undefined || shapes === undefined || sections === undefined)
    return undefined;
  if (bytes === undefined || znodes === undefined || rounds === undefined || !(seconds > 0)) return undefined;
  const base = quick ? SMALL : FULL;
  const trees = values["trees"] === undefined ? base.trees : treesOf(values["trees"]);
  const idleSeconds = wholeNumber(values["idle"] ?? String(base.idleSeconds));
  if (trees === undefined || idleSeconds === undefined) return undefined;
  const scale = { ...base, trees, idleSeconds };
  return { sections: new Set(sections), targets, works, shapes, bytes, znodes, rounds, seconds, scale };
}

/** undefined where one is not known. */
function chosen<Name extends string>(
  text: string | boolean,
  names: readonly Name[],
): readonly Name[] | undefined {
  const asked = String(text).split(",");
  const found = names.filter((name) => asked.includes(name));
  return found.length === asked.length ? found : undefined;
}

function shapesOf(text: string | boolean): readonly Shape[] | undefined {
  const found = String(text)
    .split(",")
    .map((shape) => /^([1-9]\d{0,4})x([1-9]\d{0,2})$/.exec(shape));
  if (found.includes(null)) return undefined;
  return found.map((parts) => ({ sessions: Number(parts?.[1]), outstanding: Number(parts?.[2]) }));
}

/** undefined where they do not grow, or are too large. */
function treesOf(text: string | boolean): readonly number[] | undefined {
  const sizes = String(text).split(",").map(wholeNumber);
  const isSound = sizes.every(
    (size, index) => size !== undefined && size > (sizes[index - 1] ?? 0) && size <= ZNODES_MAX,
  );
  return isSound ? sizes.flatMap((size) => size ?? []) : undefined;
}

function wholeNumber(text: string | boolean): number | undefined {
  const value = Number(text);
  return Number.isInteger(value) && value > 0 ? value : undefined;
}
