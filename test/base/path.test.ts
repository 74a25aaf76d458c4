import { describe, expect, test } from "vitest";
import { childOf, isChildOf, nameOf, parentOf, pathProblem } from "../../src/base/path.ts";

describe("the grammar of paths (ZooKeeper PathUtils)", () => {
  test.each([
    "/",
    "/a",
    "/a/b",
    "/...",
    "/a..b",
    "/.a",
    "/ä/日本",
    "/a b",
    "/\ue000x".replace("\ue000", "é"),
  ])("takes %j", (path) => {
    expect(pathProblem(path)).toBeUndefined();
  });

  test.each([
    ["", "empty"],
    ["a", "begin with /"],
    ["/a/", "end with /"],
    ["//a", "empty segment"],
    ["/a//b", "empty segment"],
    ["/.", "segment"],
    ["/a/../b", "segment"],
    ["/a/.", "segment"],
    ["/a\u0000b", "character"],
    ["/a\u0001", "character"],
    ["/a\u007f", "character"],
    ["/a\u009f", "character"],
    ["/a\ud800", "character"],
    ["/a\uf8ff", "character"],
    ["/a\ufff0", "character"],
  ])("refuses %j", (path, problem) => {
    expect(pathProblem(path)).toContain(problem);
  });

  test("lets a sequential path end in a slash, as a number follows", () => {
    expect(pathProblem("/a/", true)).toBeUndefined();
    expect(pathProblem("/", true)).toBeUndefined();
    expect(pathProblem("/a//", true)).toContain("empty segment");
  });
});

describe("parts of paths", () => {
  test.each([
    ["/", "/", ""],
    ["/a", "/", "a"],
    ["/a/b", "/a", "b"],
  ])("%s lies under %s by the name %j", (path, parent, name) => {
    expect(parentOf(path)).toBe(parent);
    expect(nameOf(path)).toBe(name);
    if (name !== "") expect(childOf(parent, name)).toBe(path);
  });

  test("a child is one of the path that it lies under, and of no other", () => {
    const paths = ["/", "/a", "/b", "/ab", "/a/b", "/a/bc", "/ab/c", "/a/b/c"];
    for (const path of paths) {
      for (const parent of paths)
        expect(isChildOf(path, parent)).toBe(path !== "/" && parentOf(path) === parent);
    }
  });
});
