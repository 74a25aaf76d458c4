/** How the dashboard reads moments, addresses and explanations. */
import { describe, expect, test } from "vitest";

import { childChanges } from "../../src/dashboard/format.ts";
import { readMoment } from "../../src/dashboard/moments.ts";
import { hashOf, readRoute, type Route } from "../../src/dashboard/route.ts";
import { ownersFirst, piecesOf, shownPath } from "../../src/dashboard/sentences.ts";

const NOW_MS = Date.parse("2026-11-29T10:00:00Z");

describe("a moment that is typed", () => {
  test.each([
    ["00127848271823142912", "00127848271823142912"],
    ["7", "00000000000000000007"],
    ["1:234", String((1n << 32n) | 234n).padStart(20, "0")],
    ["0x1000000ea", String(0x1000000ean).padStart(20, "0")],
    ["18446744073709551615", "18446744073709551615"],
    ["10m", "2026-11-29T09:50:00.000Z"],
    ["10 min", "2026-11-29T09:50:00.000Z"],
    ["1 d ago", "2026-11-28T10:00:00.000Z"],
    ["2026-11-29T09:31:07Z", "2026-11-29T09:31:07.000Z"],
    ["2026-11-29 09:31:07.250+01:00", "2026-11-29T08:31:07.250Z"],
    ["2026-11-29 09:31", new Date(2026, 10, 29, 9, 31).toISOString()],
    ["2026-11-29", new Date(2026, 10, 29).toISOString()],
  ])("%s is %s", (typed, moment) => {
    expect(readMoment(` ${typed} `, NOW_MS)).toBe(moment);
  });

  test("a clock alone is the last time that it showed that", () => {
    const now = new Date(2026, 10, 29, 12, 0, 0);
    const earlier = readMoment("11:59:59", now.getTime());
    expect(earlier).toBe(new Date(2026, 10, 29, 11, 59, 59).toISOString());
    expect(readMoment("12:00:01", now.getTime())).toBe(new Date(2026, 10, 28, 12, 0, 1).toISOString());
  });

  test.each([
    "",
    "soon",
    "18446744073709551616",
    "0x",
    "25:00:00",
    "2026-13-01",
    "10 weeks",
    "1:2:3:4",
    "-5",
  ])("%s is none", (typed) => {
    expect(readMoment(typed, NOW_MS)).toBeUndefined();
  });
});

describe("an address in the page", () => {
  test.each<[string, Route]>([
    ["#tree/app/config", { view: "tree", chosen: "/app/config", past: undefined }],
    ["#tree/app?asOf=00000000000000000007", at("/app", { kind: "asOf", from: "00000000000000000007" })],
    ["#tree/a%3Fb?from=7&to=9", at("/a?b", { kind: "changes", from: "7", to: "9" })],
    ["#tree/?from=7", at("/", { kind: "changes", from: "7", to: "" })],
    ["#tree?asOf=2026-11-29T10%3A00%3A00Z", at("", { kind: "asOf", from: "2026-11-29T10:00:00Z" })],
  ])("%s leads there, and is where one is there", (hash, route) => {
    expect(readRoute(hash)).toEqual(route);
    expect(hashOf(route)).toBe(hash);
  });

  test("only the tree has a past", () => {
    expect(readRoute("#locks/a?asOf=7")).toEqual({ view: "locks", chosen: "/a", past: undefined });
  });
});

function at(chosen: string, past: Route["past"]): Route {
  return { view: "tree", chosen, past };
}

describe("a sentence of an explanation", () => {
  test("is taken apart into what leads elsewhere, and loses nothing", () => {
    const paths = ["/locks/a", "/locks/a/_c_1-lock-0000000000"];
    const sentence =
      "Held by /locks/a/_c_1-lock-0000000000 (ann) since 2026-11-29T10:00:00.000Z, token 00000000004294967301, of " +
      "session 0200c8b5a1d4e6f7 (timeout 30000 ms).";
    const pieces = piecesOf(sentence, paths);
    expect(pieces.map(({ text }) => text).join("")).toBe(sentence);
    expect(pieces.filter(({ kind }) => kind !== "text")).toEqual([
      { kind: "path", text: "/locks/a/_c_1-lock-0000000000" },
      { kind: "time", text: "2026-11-29T10:00:00.000Z" },
      { kind: "session", text: "0200c8b5a1d4e6f7" },
      { kind: "duration", text: "30000 ms" },
    ]);
  });

  test("names a zxid, whatever stands in the path beside it", () => {
    const sentence = "/a(+)[x] is not there: it was deleted (zxid 1:5).";
    expect(piecesOf(sentence, ["/a(+)[x]"])).toEqual([
      { kind: "path", text: "/a(+)[x]" },
      { kind: "text", text: " is not there: it was deleted (zxid " },
      { kind: "zxid", text: "1:5" },
      { kind: "text", text: ")." },
    ]);
  });

  test("looks for nothing in what a sentence quotes", () => {
    const quoted = "/a (zxid 1:5) at 2026-11-29T10:00:00.000Z";
    expect(piecesOf(`It holds ${quoted} (41 bytes).`, ["/a"], quoted)).toEqual([
      { kind: "text", text: "It holds " },
      { kind: "text", text: quoted },
      { kind: "text", text: " (41 bytes)." },
    ]);
  });

  test("without anything to lead to is one text", () => {
    expect(piecesOf("Nobody holds it.", [])).toEqual([{ kind: "text", text: "Nobody holds it." }]);
    expect(piecesOf("", ["/a"])).toEqual([]);
  });
});

describe("a place in a queue", () => {
  const place = "/locks/orders/42/_c_52b76215-5bac-3b4b-5f3b-070c34a56d4d-lock-0000000002";

  function textOf(sentence: string, paths: readonly string[]): string {
    return ownersFirst(piecesOf(sentence, paths))
      .map(({ kind, text }) => (kind === "path" ? shownPath(text) : text))
      .join("");
  }

  test("stands behind its owner, without the id that nobody reads", () => {
    expect(textOf(`Held last by ${place} (bob) since noon.`, [place])).toBe(
      "Held last by bob (lock-0000000002) since noon.",
    );
    expect(textOf(`With it went ${place}.`, [place])).toBe("With it went lock-0000000002.");
  });

  test("any other path is shown as it is", () => {
    expect(textOf("/a (bob) is there.", ["/a"])).toBe("/a (bob) is there.");
  });
});

test("the root's children are counted from none, as those of others are", () => {
  expect([childChanges("/", -1), childChanges("/", 1), childChanges("/a", 2)]).toEqual([0, 2, 2]);
});
