/**
 * The order of a session's writes over its connections: what an older connection left waiting is done before the first
 * write of a younger one, or never. Source: ZooKeeper SessionMoved (ZOOKEEPER-710).
 */
import { compareZxid, type Zxid, zxidText } from "../../../src/base/zxid.ts";
import { Violation } from "../verdict.ts";

interface Stretch {
  readonly connection: number;
  readonly first: Zxid;
  last: Zxid;
}

/** The answered writes of one session. */
export class WriteOrder {
  /** One for each connection that was answered a write, in the order of their first answers. */
  readonly #stretches: Stretch[] = [];

  /** A write is answered. Connections have growing numbers. Throws a Violation. */
  wrote(connection: number, zxid: Zxid, what: string): void {
    let own: Stretch | undefined;
    for (const stretch of this.#stretches) {
      if (stretch.connection === connection) own = stretch;
      else if (stretch.connection < connection) this.#check(stretch.last, zxid, what);
      else this.#check(zxid, stretch.first, what);
    }
    if (own === undefined) this.#stretches.push({ connection, first: zxid, last: zxid });
    else own.last = zxid;
  }

  #check(older: Zxid, younger: Zxid, what: string): void {
    if (compareZxid(older, younger) < 0) return;
    throw new Violation(
      "an older connection writes nothing behind a younger",
      `${what}: ${zxidText(older)} by the older, ${zxidText(younger)} by the younger`,
    );
  }
}
