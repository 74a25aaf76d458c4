/** The rows of an unfolded tree: each is where a plain list of all of them has it. */
import fc from "fast-check";
import { expect, test } from "vitest";

import { type Children, TreeRows } from "../../src/dashboard/tree-rows.ts";
import { childPath } from "../../src/dashboard/znode-paths.ts";

const NAMES = ["a", "ab", "b", "c", "d"];

type Lists = ReadonlyMap<string, Children>;

/** Every row, one by one, as text. */
function plain(path: string, unfolded: ReadonlySet<string>, lists: Lists): readonly string[] {
  const rows = [path];
  const children = lists.get(path);
  if (!unfolded.has(path) || children === undefined) return rows;
  for (const name of children.names) rows.push(...plain(childPath(path, name), unfolded, lists));
  for (let at = children.names.length; at < children.total; at++) rows.push(`${path} gap ${at}`);
  return rows;
}

const children = fc
  .tuple(fc.uniqueArray(fc.constantFrom(...NAMES), { maxLength: 5 }), fc.nat({ max: 3 }))
  .map(([names, gap]) => ({ names: names.toSorted(), total: names.length + gap }));

const paths = ["/", ...NAMES.map((name) => `/${name}`), ...NAMES.map((name) => `/a/${name}`)];

test("each row, and the place of each path, are those of the list of all rows", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom(...paths), children)),
      fc.subarray(paths),
      (known, open) => {
        const lists: Lists = new Map(known);
        const unfolded = new Set(open);
        const rows = new TreeRows(["/"], unfolded, (path) => lists.get(path));
        const expected = plain("/", unfolded, lists);

        expect(rows.count).toBe(expected.length);
        const shown = expected.map((_, index) => {
          const row = rows.at(index);
          return row?.kind === "gap" ? `${row.parent} gap ${row.at}` : row?.path;
        });
        expect(shown).toEqual(expected);
        for (const path of paths) {
          const index = expected.indexOf(path);
          expect(rows.indexOf(path)).toBe(index === -1 ? undefined : index);
        }
        expect([rows.at(-1), rows.at(rows.count)]).toEqual([undefined, undefined]);
      },
    ),
    { numRuns: 500 },
  );
});

test("a hundred thousand siblings with one unfolded among them are few stretches", () => {
  const names = Array.from({ length: 100_000 }, (_, at) => `n${String(at).padStart(6, "0")}`);
  const lists: Lists = new Map([
    ["/", { names, total: 100_000 }],
    ["/n050000", { names: ["x"], total: 1 }],
  ]);
  const rows = new TreeRows(["/"], new Set(["/", "/n050000"]), (path) => lists.get(path));

  expect(rows.count).toBe(100_002);
  expect(rows.at(50_002)).toMatchObject({ path: "/n050000/x", depth: 2 });
  expect(rows.indexOf("/n099999")).toBe(100_001);
});
