/** What is said of a znode that is not there: how to create one is told to who would. */
import { Hono } from "hono";
import { describe, expect, it } from "vitest";

import { ERROR_CODES } from "../../../src/base/error-code.ts";
import { ZXID_ZERO } from "../../../src/base/zxid.ts";
import { errorOfCode } from "../../../src/client/errors.ts";
import { errorOfProblem } from "../../../src/client/http/problems.ts";
import { problemOf } from "../../../src/gateway/api/problems.ts";
import type { App } from "../../../src/gateway/documents.ts";

describe("a znode that is not there", () => {
  it("is told over HTTP as such, and with the one above it where it was to be created", async () => {
    const app = new Hono<App>();
    const failure = { code: ERROR_CODES.noNode, zxid: ZXID_ZERO, need: undefined };
    app.all("/", (context) => problemOf(context, failure));
    const detailOf = async (method: string): Promise<unknown> => {
      const answer = await app.request("/", { method });
      expect(answer.status).toBe(404);
      return ((await answer.json()) as { readonly detail: unknown }).detail;
    };
    expect(await detailOf("GET")).toBe("there is no such znode");
    expect(await detailOf("DELETE")).toBe("there is no such znode");
    expect(await detailOf("PUT")).toBe("there is no such znode, or none above it to create it below");
  });

  it("is told by the SDK in the same way, over HTTP and in a session", () => {
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
