/** SQLite in an object, and its alarm. */

import type { Host, Operation } from "./probe.ts";

/** Alarms fail at most this often in the retry test: the next run succeeds. */
const FAILURES_WANTED = 1;

export const storageOperations: Readonly<Record<string, Operation>> = {
  integers(host) {
    const { sql } = host.ctx.storage;
    const read = (expression: string): unknown => sql.exec(`SELECT ${expression} AS value`).one()["value"];
    sql.exec("CREATE TABLE numbers (whole INTEGER, untyped)");
    sql.exec("INSERT INTO numbers VALUES (?, ?)", 7, 7);
    return Response.json({
      inIntegerColumn: sql.exec("SELECT typeof(whole) AS value FROM numbers").one()["value"],
      inUntypedColumn: sql.exec("SELECT typeof(untyped) AS value FROM numbers").one()["value"],
      largestExact: read("9007199254740992") === 2 ** 53,
      boundRoundTrip: sql.exec("SELECT ? AS value", 2 ** 53).one()["value"] === 2 ** 53,
      boundStoredAs: sql.exec("SELECT typeof(?) AS value", 2 ** 53).one()["value"],
      aboveIsRounded: read("9007199254740993") === 2 ** 53,
      bigint: outcome(() => sql.exec("SELECT ? AS value", 1n).one()["value"]),
    });
  },

  "row-values"(host) {
    const { sql } = host.ctx.storage;
    sql.exec("CREATE TABLE zxids (epoch INTEGER, counter INTEGER, PRIMARY KEY (epoch, counter))");
    for (const [epoch, counter] of [
      [1, 9],
      [2, 1],
      [2, 2],
      [3, 0],
    ])
      sql.exec("INSERT INTO zxids VALUES (?, ?)", epoch, counter);
    const rows = sql.exec(
      "SELECT epoch, counter FROM zxids WHERE (epoch, counter) > (?, ?) ORDER BY epoch, counter",
      2,
      1,
    );
    const plan = sql.exec("EXPLAIN QUERY PLAN SELECT * FROM zxids WHERE (epoch, counter) > (2, 1)").one()[
      "detail"
    ];
    return Response.json({ rows: [...rows.raw()], plan });
  },

  blobs(host) {
    const { sql } = host.ctx.storage;
    const value = sql.exec("SELECT ? AS value", new Uint8Array([1, 2, 3])).one()["value"];
    return Response.json({
      isArrayBuffer: value instanceof ArrayBuffer,
      length: value instanceof ArrayBuffer ? value.byteLength : -1,
    });
  },

  rollback(host) {
    const thrown = outcome(() => {
      host.ctx.storage.transactionSync(() => {
        host.write("inside a transaction that threw");
        throw new Error("thrown inside");
      });
    });
    return Response.json(thrown);
  },

  "write-then-throw"(host) {
    host.write("outside a transaction, before a throw");
    throw new Error("thrown after the write");
  },

  /** A cursor held over an await sees rows that came after it was opened. */
  async "cursor-over-await"(host) {
    const { sql } = host.ctx.storage;
    for (const what of ["a", "b"]) host.write(what);
    const cursor = sql.exec("SELECT what FROM note ORDER BY id");
    const first = cursor.next();
    await scheduler.wait(5);
    host.write("later");
    const rest = [...cursor].map((row) => row["what"]);
    return Response.json([first.value?.["what"], ...rest]);
  },

  async "set-alarm"(host, request) {
    const query = new URL(request.url).searchParams;
    for (const delay of query.getAll("in")) await host.ctx.storage.setAlarm(Date.now() + Number(delay));
    if (query.has("failing")) host.write("fail");
    return Response.json({ alarmInMs: ((await host.ctx.storage.getAlarm()) ?? 0) - Date.now() });
  },
};

export async function onAlarm(
  host: Host,
  event: { readonly instance: string; readonly retryCount: number },
): Promise<void> {
  const isFailing = host.ctx.storage.sql.exec("SELECT 1 FROM note WHERE what = 'fail'").toArray().length > 0;
  host.seen.push(`alarm at ${Date.now()} retry ${event.retryCount}`);
  if (isFailing && event.retryCount < FAILURES_WANTED) {
    host.write("alarm about to throw");
    throw new Error("the probe's alarm fails once");
  }
  const armedFor = await host.ctx.storage.getAlarm();
  const name = host.ctx.id.name ?? "nobody";
  host.write(`alarm of ${name} retry ${event.retryCount} armed ${String(armedFor)}`);
}

function outcome(run: () => unknown): string {
  try {
    return `returned ${String(run())}`;
  } catch (error) {
    return `threw ${error instanceof Error ? error.message : String(error)}`;
  }
}
