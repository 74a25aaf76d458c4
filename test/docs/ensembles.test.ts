import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { type EnsembleFigures, ensemblesTable } from "../bench/ensemble-figures.ts";

const docs = new URL("../../docs/", import.meta.url);

test("what docs/placement.md says of several ensembles is what was measured", async () => {
  const figures = JSON.parse(await readFile(new URL("ensembles.json", docs), "utf8")) as EnsembleFigures;
  const page = await readFile(new URL("placement.md", docs), "utf8");

  expect(page).toContain(ensemblesTable(figures).join("\n"));
  expect(page).toContain(`On ${figures.date}, `);
  expect(figures.rows.map(({ ensembles }) => ensembles)).toEqual([1, 10, 100]);
});
