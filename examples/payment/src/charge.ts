/** The one write of a payment. The database itself refuses it from whoever has lost the lock meanwhile. */

/** Whom to charge, how much, and under which fencing token. */
export interface Charge {
  readonly account: string;
  readonly amount: number;
  readonly token: string;
}

/**
 * Takes the amount from the account; false where it has not got so much, or where a later holder of the lock has written
 * already, however late this arrives: a paused Worker can't know that it was paused, but its token is smaller.
 */
export async function charge(database: D1Database, { account, amount, token }: Charge): Promise<boolean> {
  const { meta } = await database
    .prepare(
      `UPDATE accounts SET balance = balance - ?1, token = ?2
       WHERE id = ?3 AND token <= ?2 AND balance >= ?1`,
    )
    .bind(amount, token, account)
    .run();
  return meta.changes === 1;
}
