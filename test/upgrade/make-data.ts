/**
 * `node test/upgrade/make-data.ts`: the data of a release, to be kept: an ensemble of three, run by `npm start`, in
 * which everything stands that is stored, killed as a power cut would. It writes `data-VERSION.tar.gz`, the databases,
 * and `data-VERSION.json`, what they hold, beside this file. Run it once for each release, at its commit; what is there
 * already is not made anew, as the code that made it is history.
 */
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { connect } from "../../src/client/connect.ts";
import { ProcessSet } from "../compat/processes.ts";
import { startEnsemble } from "../harness/ensemble.ts";
import { EDGEKEEPER_VERSION } from "../../src/keeper/status.ts";
import { plantAll } from "./plant.ts";
import { DATA_VARIABLES, recordOf, type ReleaseRecord } from "./record.ts";

const HERE = dirname(fileURLToPath(import.meta.url));

const TAR_MS = 60_000;

const processes = new ProcessSet();
const name = `data-${EDGEKEEPER_VERSION}`;
const archive = join(HERE, `${name}.tar.gz`);
if (existsSync(archive)) throw new Error(`${archive} is there: it is kept as its release has made it`);
const dataDirectory = await mkdtemp(join(tmpdir(), "edgekeeper-release-"));
try {
  const ensemble = await startEnsemble({ dataDirectory, vars: DATA_VARIABLES });
  const holder = await connect(ensemble.httpUrl, { timeoutMs: 600_000 });
  const planted = await plantAll(holder, ensemble.httpUrl);
  const record: ReleaseRecord = { version: EDGEKEEPER_VERSION, ...planted, ...(await recordOf(holder)) };
  // Its session and ephemerals stay: it goes without a word.
  const { ticket } = holder;
  await holder.leave();
  await ensemble.kill9();
  const storages = (await readdir(dataDirectory)).filter((entry) => entry.startsWith("storage"));
  const args = ["--sort=name", "--owner=0", "--group=0", "-czf", archive, "-C", dataDirectory, ...storages];
  await processes.run({ command: "tar", args }, TAR_MS);
  await writeFile(join(HERE, `${name}.json`), `${JSON.stringify({ ...record, ticket }, undefined, 1)}\n`);
  console.log(`${archive}: ${Object.keys(record.znodes).length} znodes, ${storages.join(", ")}`);
} finally {
  await rm(dataDirectory, { recursive: true, force: true });
}
