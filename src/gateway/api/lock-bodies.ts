/**
 * The bodies of what is asked of locks, read by hand: a schema takes many times as long. What is not plainly valid is
 * left to the schemas, which also say what is wrong with it; a property test holds both together.
 */
import type { LockVerb } from "./locks.ts";
import { LEASE_BOUNDS, OWNER_CHARACTERS_MAX } from "./leases.ts";
import { SESSION_TEXT } from "./schemas.ts";

/** What an acquire asks for, in the order in which its schema gives it: a key's fingerprint is made of that. */
interface Wish {
  ttlMs: number;
  waitMs: number;
  lockDelayMs: number;
  owner: string;
  mode: "exclusive" | "read" | "write";
}

/** What the schema of the verb makes of it; undefined where it is to be asked. */
export function plainBody(verb: LockVerb, value: unknown): object | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const given = value as Readonly<Record<string, unknown>>;
  return verb === "acquire" ? plainWish(given) : plainLease(given);
}

function plainLease(given: Readonly<Record<string, unknown>>): object | undefined {
  const { lease } = given;
  const isPlain = typeof lease === "string" && Object.keys(given).length === 1 && SESSION_TEXT.test(lease);
  return isPlain ? { lease } : undefined;
}

function plainWish(given: Readonly<Record<string, unknown>>): object | undefined {
  const wish: Wish = { ttlMs: 30_000, waitMs: 0, lockDelayMs: 0, owner: "", mode: "exclusive" };
  for (const name of Object.keys(given)) {
    const value = given[name];
    switch (name) {
      case "ttlMs":
      case "waitMs":
      case "lockDelayMs": {
        const { least, most } = LEASE_BOUNDS[name];
        if (typeof value !== "number" || !Number.isSafeInteger(value) || value < least || value > most)
          return undefined;
        wish[name] = value;
        break;
      }
      case "owner":
        if (typeof value !== "string" || value.length > OWNER_CHARACTERS_MAX) return undefined;
        wish.owner = value;
        break;
      case "mode":
        if (value !== "exclusive" && value !== "read" && value !== "write") return undefined;
        wish.mode = value;
        break;
      default:
        return undefined;
    }
  }
  return wish;
}
