/**
 * Makes the pages of docs/reference/, which git does not keep: the HTTP API from its OpenAPI document, the SDK from the
 * doc comments of the package's entries, and copies of what lies outside of docs/.
 */
import { copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { ROOT } from "./root.ts";
import { examplesPage } from "./examples.ts";
import { apiDocument, httpReference } from "./http-reference.ts";
import { COPIES, MADE } from "./pages.ts";
import { writeSdkReference } from "./sdk-reference.ts";

const FOLDER = join(ROOT, "docs", MADE);

/** Some of it takes long: what is being made is told before it is. */
function tell(what: string): void {
  // oxlint-disable-next-line no-console -- a command that somebody waits for
  console.log(`docs: ${what}`);
}

tell(`making docs/${MADE}, the pages that are made from sources: about a minute in all`);
await rm(FOLDER, { recursive: true, force: true });
await mkdir(FOLDER, { recursive: true });
for (const [page, file] of Object.entries(COPIES)) {
  const to = join(ROOT, "docs", page);
  await mkdir(dirname(to), { recursive: true });
  await copyFile(join(ROOT, file), to);
}
await writeFile(join(FOLDER, "examples.md"), examplesPage());
tell("1 of 3: the HTTP API, from its OpenAPI document");
await writeFile(join(FOLDER, "http-api.md"), httpReference(await apiDocument()));
tell("2 of 3: the SDK, from the comments of its sources");
await writeSdkReference(join(FOLDER, "sdk"));
// A list of the entries, which the side bar is.
await rm(join(FOLDER, "sdk/index.md"));
tell("3 of 3: the site, by VitePress");
