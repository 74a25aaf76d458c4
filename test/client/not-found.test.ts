/** What the SDK says of a znode that is not there. */
import { describe, expect, it } from "vitest";

import { ERROR_CODES } from "../../src/base/error-code.ts";
import { errorOfCode } from "../../src/client/errors.ts";
import { errorOfProblem } from "../../src/client/http/problems.ts";

describe("a znode that is not there", () => {
  it("is told by the SDK over HTTP as in a session, and how to create it to who would", () => {
    const hint =
      "/a: there is no such znode (to create one, its parent must be there, or the option parents set)";
    const problem = { status: 404, code: "no-node", detail: "", operation: undefined, asOf: undefined };
    const messages = (isCreate: boolean): readonly string[] =>
      [
        errorOfProblem(problem, { path: "/a", isCreate }),
        errorOfCode(ERROR_CODES.noNode, { path: "/a", isCreate }),
      ].map(({ message }) => message);
    expect(messages(false)).toEqual(["/a: there is no such znode", "/a: there is no such znode"]);
    expect(messages(true)).toEqual([hint, hint]);
  });
});
