/** Reading what may not be there: other systems make and remove their znodes while they are looked at. */
import type { Client } from "../client/client.ts";
import { NoNodeError } from "../client/errors.ts";
import type { Znode } from "../client/znode.ts";
import { ClusterFormatError } from "./cluster-format-error.ts";

/** Reads that are under way at a time: a system may have a hundred thousand partitions. */
const READS_MAX = 200;

/** A znode; undefined where there is none. */
export async function readZnode(client: Client, path: string): Promise<Znode | undefined> {
  return await unlessMissing(client.get(path));
}

/** The names of a znode's children; none where it is not there. */
export async function readChildren(client: Client, path: string): Promise<readonly string[]> {
  return (await unlessMissing(client.children(path))) ?? [];
}

async function unlessMissing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    // Nothing is there: undefined says so.
    if (error instanceof NoNodeError) return undefined;
    throw error;
  }
}

/** Does the same for each, many at a time; the results are in the order of the items. */
export async function forEach<T, R>(
  items: readonly T[],
  act: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  for (let from = 0; from < items.length; from += READS_MAX) {
    results.push(...(await Promise.all(items.slice(from, from + READS_MAX).map(act))));
  }
  return results;
}

/** A znode's JSON, member by member. */
export class JsonZnode {
  readonly #path: string;
  readonly #members: Readonly<Record<string, unknown>>;

  /** Throws ClusterFormatError where it holds no JSON object. */
  constructor(znode: Znode) {
    this.#path = znode.path;
    let value: unknown;
    try {
      value = znode.json();
    } catch {
      // It is told below, with its path.
      value = undefined;
    }
    if (typeof value !== "object" || value === null) throw this.#wrong("a JSON object is expected");
    this.#members = value as Readonly<Record<string, unknown>>;
  }

  number(name: string): number {
    const value = this.#members[name];
    if (typeof value === "number") return value;
    throw this.#wrong(`"${name}" should be a number`);
  }

  /** A text, or a number as one; undefined where it is missing or null. */
  text(name: string): string | undefined {
    const value = this.#members[name] ?? undefined;
    if (value === undefined || typeof value === "string") return value;
    if (typeof value === "number") return String(value);
    throw this.#wrong(`"${name}" should be a text`);
  }

  numbers(name: string): readonly number[] {
    return this.#numbersIn(this.#members[name], name);
  }

  texts(name: string): readonly string[] {
    const value = this.#members[name] ?? [];
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
    throw this.#wrong(`"${name}" should be a list of texts`);
  }

  /** An object whose members are lists of numbers, by their names. */
  numbersByName(name: string): ReadonlyMap<string, readonly number[]> {
    const value = this.#members[name] ?? {};
    if (typeof value !== "object") throw this.#wrong(`"${name}" should be an object`);
    return new Map(
      Object.entries(value).map(([key, list]) => [key, this.#numbersIn(list, `${name}.${key}`)]),
    );
  }

  #numbersIn(value: unknown, name: string): readonly number[] {
    if (Array.isArray(value) && value.every((item) => typeof item === "number")) return value;
    throw this.#wrong(`"${name}" should be a list of numbers`);
  }

  #wrong(detail: string): ClusterFormatError {
    return new ClusterFormatError(this.#path, detail);
  }
}
