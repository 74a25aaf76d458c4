/** Which program the data are of: its version stands beside them, so that an earlier one can say whose they are. */
import { EDGEKEEPER_VERSION } from "../keeper/status.ts";
import { STORAGE_FORMAT } from "./schema.ts";
import type { Sql } from "./sql.ts";

/**
 * Throws where a later program has written in a format that this one does not know; the transaction that it is asked in
 * is then as if it had not been. Whatever else another format changes, `state.format` and `program.version` stay.
 */
export function refuseLaterFormat(sql: Sql): void {
  const [state] = sql.exec<{ format: number }>("SELECT format FROM state").toArray();
  if (state === undefined || state.format <= STORAGE_FORMAT) return;
  const told = versionIn(sql);
  // Between two releases several builds have one version.
  const writer = told === EDGEKEEPER_VERSION ? undefined : told;
  const wrote = writer === undefined ? "which a later Edgekeeper wrote" : `which Edgekeeper ${writer} wrote`;
  const remedy =
    writer === undefined ? "run the version again that did" : `run ${writer} again, or a later version`;
  throw new Error(
    `the data is of format ${state.format}, ${wrote}; this is ${EDGEKEEPER_VERSION}, which knows formats up to ` +
      `${STORAGE_FORMAT}. Nothing was changed: ${remedy}; docs/upgrading.md tells how to go back all the same`,
  );
}

/** Notes that this program has opened the data: a row at its first start on them, none at the next ones. */
export function noteProgram(sql: Sql): void {
  if (versionIn(sql) === EDGEKEEPER_VERSION) return;
  sql.exec("INSERT OR REPLACE INTO program VALUES (1, ?)", EDGEKEEPER_VERSION);
}

function versionIn(sql: Sql): string | undefined {
  return sql.exec<{ version: string }>("SELECT version FROM program").toArray()[0]?.version;
}
