/** Objects of another process: requests, methods and what is thrown come through as they are. */
import { describe, expect, test } from "vitest";
import { homeOfObject, homeOfReplica } from "../../src/local/homes.ts";
import {
  addressed,
  callOf,
  failed,
  readCall,
  readReturned,
  returned,
  unaddressed,
  unlessFailed,
} from "../../src/local/object-call.ts";

test("a replica lives where its sid says, all else in the first process", () => {
  expect([1, 2, 3, 4, 254].map((sid) => homeOfReplica(sid, 3))).toEqual([0, 1, 2, 0, 1]);
  expect(["main/2", "a b/3", "main", "main/", "main/0", "1/x"].map((name) => homeOfObject(name, 3))).toEqual([
    1, 2, 0, 0, 0, 0,
  ]);
  expect(homeOfObject("main/3", 1)).toBe(0);
});

describe("a request for an object", () => {
  test.each(["main/1", "a b/2", "ä/3", "x%2F/1"])(
    "comes with name %s, method, headers and body",
    async (name) => {
      const asked = new Request("http://replica/gateway/call?x=1&y=%20", {
        method: "POST",
        headers: { "x-own": "1" },
        body: "body",
      });
      const found = unaddressed(addressed("REPLICA", name, asked));
      expect(found).toMatchObject({ binding: "REPLICA", name });
      const { request } = found ?? { request: asked };
      expect(request.url).toBe("http://replica/gateway/call?x=1&y=%20");
      expect(request.method).toBe("POST");
      expect(request.headers.get("x-own")).toBe("1");
      expect(await request.text()).toBe("body");
    },
  );

  test.each(["/", "/REPLICA", "/REPLICA/main"])("%s is none", (path) => {
    expect(unaddressed(new Request(`http://object${path}`))).toBeUndefined();
  });
});

describe("a method of an object", () => {
  test.each([[[]], [[undefined]], [[[1, 2], "x", null, undefined]]])("takes %j", async (values) => {
    const found = unaddressed(addressed("REGISTER", "main", callOf("consult", values)));
    const call = found === undefined ? undefined : await readCall(found.request);
    expect(call).toEqual({ method: "consult", values });
  });

  test.each([undefined, null, 0, [1, 2], { a: "b" }])("gives %j", async (value) => {
    expect(await readReturned(await unlessFailed(returned(value)))).toEqual(value);
  });

  test("a plain request calls none", async () => {
    expect(await readCall(new Request("http://replica/x"))).toBeUndefined();
  });
});

test("what is thrown there is thrown here, with what the runtime says of it", async () => {
  const thrown = Object.assign(new Error("broken"), {
    remote: true,
    durableObjectReset: true,
    overloaded: false,
  });
  await expect(unlessFailed(failed(thrown))).rejects.toMatchObject({
    message: "broken",
    remote: true,
    durableObjectReset: true,
  });
  await expect(unlessFailed(failed("a text"))).rejects.toThrow("a text");
});

test("an answer of status 500 is an answer", async () => {
  const answer = await unlessFailed(new Response("sorry", { status: 500 }));
  expect(answer.status).toBe(500);
});
