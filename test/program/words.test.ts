/** Lines of the shell as words, and access control lists as text. */
import { describe, expect, test } from "vitest";

import { wordsOf } from "../../src/program/words.ts";
import { aclText, readAcl } from "../../src/program/znode-text.ts";

describe("a line of the shell", () => {
  test.each([
    ["", []],
    ["  ls   / ", ["ls", "/"]],
    ['set /a "two words"', ["set", "/a", "two words"]],
    ["set /a 'a \"b\" \\n'", ["set", "/a", 'a "b" \\n']],
    ['set /a ""', ["set", "/a", ""]],
    ['set /a {\\"x\\":1}', ["set", "/a", '{"x":1}']],
    ["get /with\\ blank", ["get", "/with blank"]],
    ['a"b c"d', ["ab cd"]],
  ])("%j is the words %j", (line, words) => {
    expect(wordsOf(line)).toEqual(words);
  });

  test("with a quote that is not closed is refused", () => {
    expect(() => wordsOf('set /a "x')).toThrow("not closed");
  });
});

describe("an access control list", () => {
  test("is read and written as zkCli does", () => {
    const text = "world:anyone:r,digest:me:h=:x:cdrwa";

    expect(readAcl(text)).toEqual([
      { scheme: "world", id: "anyone", perms: 1 },
      { scheme: "digest", id: "me:h=:x", perms: 31 },
    ]);
    expect(aclText(readAcl(text))).toBe(text);
  });

  test.each(["", "world:anyone", "world:anyone:", "world:anyone:x", ":a:r"])("%j is none", (text) => {
    expect(() => readAcl(text)).toThrow("SCHEME:ID:PERMS");
  });
});
