/**
 * The Durable Object that remembers that an ensemble was founded, and by which voters: one small row outside of all
 * replicas, written once, before the first proposal. It is asked by replicas that have nothing and by each leader once;
 * an ensemble that has served needs it no more. See zab's Founding.
 */
import { DurableObject } from "cloudflare:workers";
import type { Sid } from "../base/ids.ts";

/** See the file's comment. */
export class Register extends DurableObject<object> {
  constructor(ctx: DurableObjectState, env: object) {
    super(ctx, env);
    // `at`: when, in Unix milliseconds, for people.
    ctx.storage.sql.exec(`CREATE TABLE IF NOT EXISTS founding (
      id INTEGER PRIMARY KEY CHECK (id = 1), voters TEXT NOT NULL, at INTEGER NOT NULL
    )`);
  }

  /**
   * Who founded the ensemble; undefined where nobody has. With founders it is they, unless somebody did before. The
   * output gate holds the answer until what it says is durable.
   */
  consult(founders: readonly Sid[] | undefined): readonly Sid[] | undefined {
    const { sql } = this.ctx.storage;
    if (founders !== undefined) {
      sql.exec("INSERT OR IGNORE INTO founding VALUES (1, ?, ?)", founders.join(","), Date.now());
    }
    const [row] = sql.exec<{ voters: string }>("SELECT voters FROM founding").toArray();
    return row?.voters.split(",").map(Number);
  }
}

/** The register of an ensemble. */
export function registerStub(
  namespace: DurableObjectNamespace<Register>,
  ensemble: string,
): DurableObjectStub<Register> {
  return namespace.get(namespace.idFromName(ensemble));
}
