/** Time travel, differences and explanations, through the real runtime: over HTTP, the SDK and the program. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { OPEN_ACL, PERMS } from "../../src/base/acl.ts";
import { HistoryGoneError } from "../../src/client/http/http-errors.ts";
import { http } from "../../src/client/http/http-client.ts";
import { zxidFromBigInt, zxidText } from "../../src/base/zxid.ts";
import { WireClient } from "../client/wire-client.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { type ApiAnswer, HttpApi } from "../harness/http-api.ts";
import { runProgram } from "../program/run-program.ts";

/** Few: so that history goes soon. */
const VARS = { LOG_BATCHES_MAX: "300" };

let dataDirectory: string;
let ensemble: TestEnsemble;
let api: HttpApi;

beforeAll(async () => {
  dataDirectory = await mkdtemp(join(tmpdir(), "edgekeeper-test-"));
  ensemble = await startEnsemble({ dataDirectory, vars: VARS });
  api = await HttpApi.open(ensemble.httpUrl);
}, 120_000);

afterAll(async () => {
  await ensemble?.stop();
  await rm(dataDirectory, { recursive: true, force: true });
});

async function put(path: string, body: string): Promise<string> {
  const { status, zxid } = await api.call("PUT", `/nodes${path}`, { body });
  expect([200, 201]).toContain(status);
  return zxid;
}

async function at(path: string, asOf: string): Promise<ApiAnswer> {
  return await api.call("GET", `/nodes${path}?asOf=${encodeURIComponent(asOf)}`);
}

function edgekeeper(...words: readonly string[]): ReturnType<typeof runProgram> {
  return runProgram(words, { env: { EDGEKEEPER_URL: ensemble.httpUrl } });
}

test("a znode, its children and what is different below it are told as of a write, at whichever replica", async () => {
  const first = await put("/t", "one");
  const second = await put("/t", "two");
  const child = await put("/t/c", "child");
  await api.call("DELETE", "/nodes/t/c");
  const last = await put("/t", "three");

  // Callers are spread over the replicas.
  for (let round = 0; round < 6; round++) {
    expect(await at("/t", first)).toMatchObject({ status: 200, text: "one" });
    const then = await at("/t", child);
    expect(then.text).toBe("two");
    expect(then.headers.get("as-of")).toBe(child);
    expect(then.zxid >= last).toBe(true);
    expect(await at("/t/c", second)).toMatchObject({
      status: 404,
      code: "no-node",
      json: { asOf: `zxid ${shortOf(second)}`, detail: `the znode did not exist at zxid ${shortOf(second)}` },
    });
  }
  const moments = [shortOf(second), "2001-01-01T00:00:00Z"];
  const told = moments.map(async (asOf) => (await edgekeeper("get", "/t/c", "--as-of", asOf)).stderr.trim());
  expect(await Promise.all(told)).toEqual([
    `edgekeeper: /t/c: it did not exist at zxid ${shortOf(second)}`,
    "edgekeeper: /t/c: it did not exist at 2001-01-01T00:00:00.000Z",
  ]);
  const names = await edgekeeper("ls", "/t/c", "--as-of", shortOf(second));
  expect(names.stderr).toContain("it did not exist at zxid");
  const headers = { accept: "application/json" };
  const document = await api.call("GET", `/nodes/t?asOf=${child}`, { headers });
  expect(document.json).toMatchObject({
    path: "/t",
    asOf: child,
    data: btoa("two"),
    stat: { version: 1, mzxid: second, czxid: first, numChildren: 1, ephemeralOwner: null },
  });
  const children = await api.call("GET", `/nodes/t?children&asOf=${child}`);
  expect(children.json).toMatchObject({ asOf: child, children: ["c"], next: null });
  const diff = await api.call("GET", `/diff/t?from=${first}&to=${child}`);
  expect(diff.json).toMatchObject({
    path: "/t",
    from: first,
    fromTime: expect.stringMatching(/^\d{4}-.*Z$/) as string,
    to: child,
    toTime: expect.stringMatching(/^\d{4}-.*Z$/) as string,
    changes: [
      { path: "/t", change: "changed", data: true, acl: false, before: { data: btoa("one"), known: true } },
      { path: "/t/c", change: "created", before: null, after: { data: btoa("child"), version: 0 } },
    ],
    next: null,
  });
  expect(await api.call("GET", `/diff/t?from=${last}&to=${first}`)).toMatchObject({
    status: 400,
    code: "bad-moments",
  });
  const time = "2000-01-01T00:00:00Z";
  expect(await api.call("GET", `/diff/t?from=${last}&to=${time}`)).toMatchObject({
    status: 400,
    code: "bad-moments",
  });
  expect(await at("/t", "yesterday")).toMatchObject({ status: 400, code: "bad-request" });
});

test("a znode that is not there is told as such: how to create one is told to who would", async () => {
  const missing = { status: 404, code: "no-node", json: { detail: "there is no such znode" } };
  expect(await api.call("GET", "/nodes/none")).toMatchObject(missing);
  expect(await api.call("DELETE", "/nodes/none")).toMatchObject(missing);
  const detail = "there is no such znode, or none above it to create it below";
  expect(await api.call("PUT", "/nodes/none/below", { body: "x" })).toMatchObject({
    ...missing,
    json: { detail },
  });
  expect((await edgekeeper("get", "/none")).stderr.trim()).toBe("edgekeeper: /none: there is no such znode");
});

test("the past is the same after every replica was killed, and by time", async () => {
  const first = await put("/kept", "one");
  await put("/kept", "two");
  const thenMs = Date.now();
  // What comes next is of a later millisecond.
  while (Date.now() === thenMs);
  const third = await put("/kept", "three");
  await ensemble.kill9();
  ensemble = await startEnsemble({ dataDirectory, vars: VARS });
  api = await HttpApi.open(ensemble.httpUrl);

  expect((await at("/kept", first)).text).toBe("one");
  const now = await at("/kept", new Date(thenMs + 60_000).toISOString());
  expect(now).toMatchObject({ text: "three" });
  const sdk = http(ensemble.httpUrl);
  const then = await sdk.getAsOf("/kept", new Date(thenMs));
  // The leader's clock is this machine's.
  expect(new TextDecoder().decode(then.data ?? new Uint8Array())).toBe("two");
  expect(then.stat).toMatchObject({ version: 1, czxid: BigInt(first) });
  expect(await sdk.difference("/kept", { from: first })).toMatchObject({
    changes: [{ path: "/kept", change: "changed", isDataSet: true }],
  });
  expect(await sdk.childrenAsOf("/kept", third)).toEqual([]);
  expect((await edgekeeper("get", "/kept", "--as-of", first)).stdout).toBe("one\n");
  expect((await edgekeeper("get", "/kept", "--as-of", "0s")).code).toBe(2);
  const told = await edgekeeper("diff", "/kept", "--from", first);
  expect(told).toMatchObject({ code: 0, stderr: "" });
  expect(told.stdout).toContain("changed  /kept  one -> three");
  // Each zxid with the time of its write.
  expect(told.stdout).toMatch(
    new RegExp(String.raw`^from ${shortOf(first)} \(\d{4}-\S+Z\) to \d+:\d+ \(\d{4}-\S+Z\): 1 changed\n`),
  );
  expect(then.asOfTime?.getTime()).toBeLessThanOrEqual(thenMs);
});

test("who could not read it then, or cannot now, is not told", async () => {
  const client = new WireClient({ servers: ensemble.tcpPorts.map((port) => ({ host: "127.0.0.1", port })) });
  expect(await client.connected(30_000)).toBe(true);
  const opened = await put("/acl", "open");
  const acl = [{ perms: PERMS.all, scheme: "digest", id: "nobody:x" }];
  const closed = await client.request({ op: "setACL", path: "/acl", acl, version: -1 });
  expect(closed.kind).toBe("ok");
  await client.request({ op: "sync", path: "/" });

  expect(await at("/acl", opened)).toMatchObject({ status: 403, code: "no-auth" });
  const { json } = await api.call("GET", `/diff/acl?from=${opened}`);
  expect(json).toMatchObject({ changes: [] });
  expect(await api.call("GET", "/explain/nodes/acl")).toMatchObject({ status: 403, code: "no-auth" });
  const data = new TextEncoder().encode("x");
  const own = { op: "create", path: "/mine", data, acl: OPEN_ACL, flags: 1, ttlMs: 0 } as const;
  expect((await client.request(own)).kind).toBe("ok");
  const explained = await api.call("GET", "/explain/nodes/mine");
  expect(explained.json).toMatchObject({
    path: "/mine",
    owner: { open: true, attachedTo: expect.any(Number) as number, heardAgoMs: expect.any(Number) as number },
    createdBy: { byItself: false },
    gone: null,
  });
  const owner = explained.json?.["owner"] as { readonly session: string };
  await client.close();
  const gone = await api.call("GET", "/explain/nodes/mine");
  expect(gone.json).toMatchObject({ stat: null, gone: { why: "session-closed", session: owner.session } });
  const session = await api.call("GET", `/explain/sessions/${owner.session}`);
  expect(session.json).toMatchObject({
    session: { session: owner.session, open: false },
    ended: { why: "closed" },
    opened: { byItself: false },
    lost: ["/mine"],
  });
  const told = await edgekeeper("explain", `0x${owner.session}`);
  expect(told.stdout).toMatch(
    /^Session [0-9a-f]{16} was closed by its owner at .*\nIt was opened .*\nWith it went \/mine\.\n$/,
  );
  expect(await edgekeeper("explain", "what?")).toMatchObject({ code: 2 });
  // A part of an id is no id: it is not taken for one with zeros before it.
  const part = owner.session.slice(0, 8);
  const refused = await edgekeeper("explain", part);
  expect(refused).toMatchObject({ code: 2 });
  expect(refused.stderr).toContain("16 hex digits");
  expect(await api.call("GET", `/explain/sessions/${part}`)).toMatchObject({
    status: 400,
    code: "bad-request",
  });
});

/** A zxid as people read it. */
function shortOf(digits: string): string {
  return zxidText(zxidFromBigInt(BigInt(digits)));
}

test("a configuration value says what it holds and who changed it last, and its moment may be typed as people read it", async () => {
  const write = async (value: number): Promise<string> =>
    (await api.call("PUT", "/config/limits", { json: { max: value } })).zxid;
  const first = await write(10);
  const short = shortOf(await write(20));
  const text = '{"max":20}';

  const explained = await api.call("GET", "/explain/nodes/config/limits");
  expect(explained.json).toMatchObject({ text, setBy: { byItself: false } });
  expect((await edgekeeper("explain", "/config/limits")).stdout).toMatch(
    new RegExp(
      `^It holds ${text} \\(10 bytes\\): version 1, set last by a caller, over .*\\(zxid ${short}\\)\\.$`,
      "m",
    ),
  );

  expect(await at("/config/limits", short)).toMatchObject({ status: 200, text });
  expect((await edgekeeper("get", "/config/limits", "--as-of", short)).stdout.trim()).toBe(text);
  const begin = shortOf(first);
  const diff = async (...words: readonly string[]): Promise<string> =>
    (await edgekeeper("diff", "/config/limits", "--from", begin, ...words)).stdout;
  const shown = await diff();
  expect(shown).toMatch(new RegExp(`^from ${begin} \\(.*\\) to ${short} .*: 1 changed\n`));
  expect(shown).toMatch(/^changed\s+\/config\/limits\s+\{"max":10\} -> \{"max":20\}$/m);
  expect(shown).toMatch(/^and 2 in what is kept beside them, .*: --all lists it$/m);
  expect(shown).not.toContain(".history");
  expect(await diff("--all")).toMatch(/^created\s+\/config\/limits\/\.history\s+\(empty\)$/m);
  expect(await at("/config/limits", "1:4294967296")).toMatchObject({ status: 400 });
});

test("a lock says who holds it and who waits, and how its last holder went", async () => {
  const take = async (waitMs: number): Promise<ApiAnswer> =>
    await api.call("POST", "/locks/why/acquire", {
      json: { ttlMs: waitMs === 0 ? 2000 : 30_000, waitMs, owner: `w${waitMs}` },
    });
  const held = await take(0);
  const waiting = take(30_000);
  let explained: ApiAnswer;
  do explained = await api.call("GET", "/explain/nodes/locks/why");
  while ((explained.json?.["queue"] as { readonly count: number } | null)?.count !== 2);

  expect(explained.json).toMatchObject({
    queue: {
      path: "/locks/why",
      of: "lock",
      contenders: [
        {
          holds: true,
          token: held.json?.["token"],
          owner: "w0",
          behind: null,
          session: { open: true, timeoutMs: 2000 },
        },
        { holds: false, owner: "w30000" },
      ],
    },
  });
  // Nobody renews the first.
  expect((await waiting).status).toBe(200);
  const after = await api.call("GET", "/explain/nodes/locks/why");
  expect(after.json).toMatchObject({ left: [{ why: "session-expired", byItself: true }] });
  const { stdout } = await edgekeeper("explain", "/locks/why");
  expect(stdout).toContain("The lock /locks/why: 1 holds it, 0 wait for it.\nHeld by /locks/why/_c_");
  expect(stdout).toMatch(/Before: .* expired: nothing had been heard of it for its timeout\./);
  const { json } = await waiting;
  await api.call("POST", "/locks/why/release", { json: { lease: json?.["lease"] } });
  const free = await api.call("GET", "/explain/nodes/locks/why");
  expect(free.json).toMatchObject({ queue: { path: "/locks/why", of: "lock", count: 0, contenders: [] } });
  expect((await edgekeeper("explain", "/locks/why")).stdout).toContain(
    "Nobody holds the lock /locks/why, and nobody waits for it: it is free.\nHeld last by /locks/why/_c_",
  );
  expect(JSON.parse((await edgekeeper("explain", "/never", "--json")).stdout)).toMatchObject({
    gone: null,
    lookedBack: { all: true },
  });
}, 60_000);

test("what is older than the history is gone, and the oldest moment is told", async () => {
  const first = await put("/old", "one");
  await put("/old", "two");
  for (let index = 0; index < 400; index++) await put("/busy", String(index));
  const gone = await at("/old", first);

  expect(gone).toMatchObject({ status: 410, code: "history-gone" });
  const oldest = String(gone.json?.["oldest"]);
  expect(oldest > first).toBe(true);
  expect(gone.json?.["oldestTime"]).toMatch(/^\d{4}-/);
  // Nobody has set it since.
  expect((await at("/old", oldest)).text).toBe("two");
  expect(await api.call("GET", `/diff/busy?from=${first}`)).toMatchObject({ status: 410 });
  expect(await at("/busy", "2001-01-01T00:00:00Z")).toMatchObject({ status: 410 });
  await expect(http(ensemble.httpUrl).getAsOf("/old", first)).rejects.toThrow(HistoryGoneError);
}, 60_000);
