/** The program's commands, each as its user runs it, against a running ensemble. */
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { http } from "../../src/client/http/http-client.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { type ProgramSetup, type Ran, RunningProgram, runProgram } from "../program/run-program.ts";

let ensemble: TestEnsemble;
let directory: string;

beforeAll(async () => {
  const vars = {
    ENFORCE_QUOTA: "1",
    RECONFIG_ENABLED: "1",
    SUPER_DIGEST: "super:D/InIHSb7yEEbrWz8b9l71RjZJU=",
  };
  ensemble = await startEnsemble({ vars, readyDeadlineMs: 60_000 });
  directory = await mkdtemp(join(tmpdir(), "edgekeeper-test-program-"));
});

afterAll(async () => {
  await ensemble.stop();
  await rm(directory, { recursive: true, force: true });
});

function setup(more: ProgramSetup = {}): ProgramSetup {
  return { ...more, env: { EDGEKEEPER_URL: ensemble.httpUrl, XDG_STATE_HOME: directory, ...more.env } };
}

async function edgekeeper(...words: readonly string[]): Promise<Ran> {
  return await runProgram(words, setup());
}

/** What a command prints with --json. */
async function documentOf(...words: readonly string[]): Promise<unknown> {
  const { code, stdout, stderr } = await edgekeeper(...words, "--json");
  if (code !== 0) throw new Error(`${code}: ${stderr}`);
  return JSON.parse(stdout);
}

describe("one-shot verbs", () => {
  test("create, read, list, change and delete", async () => {
    expect(await edgekeeper("create", "/verbs/a", "one", "--parents")).toMatchObject({
      code: 0,
      stdout: "/verbs/a\n",
    });
    expect(await edgekeeper("get", "/verbs/a")).toMatchObject({ stdout: "one\n" });
    expect(await documentOf("get", "/verbs/a")).toMatchObject({
      path: "/verbs/a",
      data: "b25l",
      text: "one",
      stat: { version: 0, ephemeralOwner: null },
    });
    expect(await documentOf("set", "/verbs/a", "two", "--version", "0")).toMatchObject({
      stat: { version: 1 },
    });
    expect((await edgekeeper("stat", "/verbs/a")).stdout).toContain("dataVersion = 1");
    expect(await documentOf("create", "/verbs/s-", "--sequential")).toMatchObject({
      path: "/verbs/s-0000000001",
    });
    expect((await edgekeeper("ls", "/verbs")).stdout).toBe("a\ns-0000000001\n");
    expect(await documentOf("ls", "/verbs", "-R")).toMatchObject({
      paths: ["/verbs", "/verbs/a", "/verbs/s-0000000001"],
    });
    expect(await documentOf("getAllChildrenNumber", "/verbs")).toMatchObject({ count: 2 });
    expect((await edgekeeper("setAcl", "/verbs/a", "world:anyone:rwa")).code).toBe(0);
    expect((await edgekeeper("getAcl", "/verbs/a")).stdout).toBe("world:anyone:rwa\n");
    expect((await edgekeeper("sync", "/verbs")).code).toBe(0);
    expect((await edgekeeper("whoami")).stdout).toContain("ip: 127.0.0.1");
    expect((await edgekeeper("delete", "/verbs/s-0000000001")).code).toBe(0);
    expect((await edgekeeper("deleteall", "/verbs")).code).toBe(0);
    const gone = await edgekeeper("get", "/verbs/a", "--json");
    expect(gone).toMatchObject({ code: 1, stdout: "" });
    expect(JSON.parse(gone.stderr)).toMatchObject({ error: { exitCode: 1, code: "NONODE" } });
  });

  test("take bytes from the standard input and give them back as they are", async () => {
    const input = "line one\nline two";
    expect(await runProgram(["create", "/bytes", "--file", "-"], setup({ input }))).toMatchObject({
      code: 0,
    });
    expect((await edgekeeper("get", "/bytes", "--raw")).stdout).toBe(input);
    expect((await edgekeeper("set", "/bytes")).code).toBe(2);
    expect((await edgekeeper("create", "/x", "-c", "-t", "10s")).code).toBe(2);
  });
});

describe("the shell", () => {
  test("runs lines in one session, and the first that fails ends it with its code", async () => {
    const input =
      "create -e /shell 'a b'\nget /shell\ngetEphemerals\nstat -w /shell\nset /shell c\nget /none\nls /\n";
    const ran = await runProgram(["shell"], setup({ input }));

    expect(ran.code).toBe(1);
    expect(ran.stdout).toContain("Created /shell\na b\n/shell\n");
    expect(ran.stdout).toContain("WATCHER dataChanged /shell\n");
    expect(ran.stderr).toContain("/none: there is no such znode");
    expect(ran.stdout).not.toContain("zookeeper");
    expect(await edgekeeper("get", "/shell")).toMatchObject({ code: 1 });
  });
});

describe("the shell's own verbs", () => {
  test("history, redo, close and connect", async () => {
    const input =
      "create /redone-\ncreate -s /redone-\nredo 1\nhistory\nclose\nconnect\nget /redone-\nclose\nls /\n";
    const { code, stdout, stderr } = await runProgram(["shell"], setup({ input }));

    const [, first = "", second = ""] =
      /Created \/redone-(\d{10})\nCreated \/redone-(\d{10})\n/.exec(stdout) ?? [];
    expect(Number(second)).toBe(Number(first) + 1);
    expect(stdout).toContain(
      "0 - create /redone-\n1 - create -s /redone-\n2 - create -s /redone-\n3 - history\n",
    );
    // The last session was closed, so that line is refused.
    expect([code, stderr.includes("there is no session: connect")]).toEqual([4, true]);
    expect(await runProgram(["shell"], setup({ input: "redo 0\n" }))).toMatchObject({ code: 2 });
  });

  test("the tab key completes verbs and paths in a terminal, and the history outlives the shell", async () => {
    await edgekeeper("create", "/terminal/inside", "seen", "--parents");
    const env = { TERM: "xterm", NO_COLOR: "1", XDG_STATE_HOME: join(directory, "terminal") };
    const first = new RunningProgram(["shell"], setup({ isInTerminal: true, env }));
    // Like a person: what comes all at once counts as pasted, and a tab in it as a tab.
    const type = async (typed: string, seen: RegExp): Promise<void> => {
      await first.until(seen);
      first.write(typed);
    };
    await type("addauth digest me:secret\r", /edgekeeper> /);
    await type("ge", /secret[^]*edgekeeper> /);
    await type("\t", /> .*ge$/);
    await type(" /term", /> .*get$/);
    await type("\t", /\/term$/);
    await type("/in", /\/terminal$/);
    await type("\t", /\/in$/);
    await type("\r", /\/inside$/);
    await type("whoa", /seen[^]*edgekeeper> /);
    await type("\t", /whoa$/);
    await type("\r", /whoami/);
    await type("quit\r", /digest: me/);
    expect(await first.ended).toMatchObject({ code: 0 });
    const kept = await readFile(join(directory, "terminal/edgekeeper/history"), "utf8");
    expect(kept).toMatch(/^quit\nwhoami ?\nget \/terminal\/inside\n$/);

    const second = new RunningProgram(["shell"], setup({ isInTerminal: true, env }));
    await second.until(/edgekeeper> /);
    // Three times up.
    second.write("\u001b[A\u001b[A\u001b[A\r");
    await second.until(/seen/);
    second.write("quit\r");
    expect(await second.ended).toMatchObject({ code: 0 });
  });
});

describe("quotas", () => {
  test("are set, listed and taken away, and one is not inside another", async () => {
    const input = `create -p /quota/a/b 12345
setquota /quota/a -n 5 -B 100
listquota /quota/a
setquota --bytes 50 /quota/a
listquota /quota/a
set /quota/a/b ${"x".repeat(200)}
`;
    // ENFORCE_QUOTA=1, as this ensemble has it: the last line is refused.
    const first = await runProgram(["shell", "--json"], setup({ input }));
    expect(first.code).toBe(1);
    expect(first.stderr).toContain("a quota above it is used up");
    const documents = first.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
    expect(documents.slice(1)).toEqual([
      { path: "/quota/a", limits: { count: 5, byteHardLimit: 100 } },
      {
        path: "/quota/a",
        limits: { count: 5, bytes: -1, byteHardLimit: 100 },
        stats: { count: 2, bytes: 5 },
      },
      { path: "/quota/a", limits: { bytes: 50 } },
      {
        path: "/quota/a",
        limits: { count: 5, bytes: 50, byteHardLimit: 100 },
        stats: { count: 2, bytes: 5 },
      },
    ]);
    expect((await edgekeeper("listquota", "/quota/a")).stdout).toBe(
      "Output quota for /quota/a count=5,bytes=50=;byteHardLimit=100\nOutput stat for /quota/a count=2,bytes=5\n",
    );
    const refusals = [
      [["/quota/a/b", "-n", "1"], "/quota/a/b is below /quota/a, which has a quota"],
      [["/quota", "-n", "9"], "/quota/a is below /quota and has a quota"],
      [["/quota/none", "-n", "9"], "there is no such znode"],
      [["/quota/a"], "say a limit"],
    ] as const;
    for (const [words, why] of refusals) {
      expect((await edgekeeper("setquota", ...words)).stderr).toContain(why);
    }

    const more = `delquota -B /quota/a
set /quota/a/b ${"x".repeat(200)}
delquota /quota/a
ls /zookeeper/quota
listquota /quota/a
`;
    const last = await runProgram(["shell"], setup({ input: more }));
    expect(last).toMatchObject({ code: 1, stdout: "[]\n" });
    expect(last.stderr).toContain("/quota/a has no quota");
  });
});

describe("lock", () => {
  test("runs a command under the lock, with its token, and gives its code", async () => {
    const script = "echo $EDGEKEEPER_FENCING_TOKEN $EDGEKEEPER_LOCK; exit 7";
    const first = await edgekeeper("lock", "jobs", "--", "sh", "-c", script);
    const second = await edgekeeper("lock", "jobs", "--", "sh", "-c", script);

    expect([first.code, second.code]).toEqual([7, 7]);
    const tokens = [first, second].map(({ stdout }) => /^(\d{20}) \/locks\/jobs\n$/.exec(stdout)?.[1] ?? "");
    expect(tokens[0] !== "" && String(tokens[1]) > String(tokens[0])).toBe(true);
    expect((await edgekeeper("lock", "jobs", "--list")).stdout).toBe("/locks/jobs is free\n");
  });

  test("keeps others out, also those over HTTP, and what it is told holds for a write", async () => {
    const script = "echo held $EDGEKEEPER_IF_HELD; read line; exit 0";
    const holder = new RunningProgram(["lock", "busy", "--owner", "me", "--", "sh", "-c", script], setup());
    const [, held = ""] = await holder.until(/held (\S+)/);

    const keeper = http(ensemble.httpUrl);
    await keeper.put("/under-lock", "x", { held: held });
    await expect(keeper.lock("busy")).rejects.toMatchObject({ code: "lock-held" });
    expect(await edgekeeper("lock", "busy", "--try", "--", "true")).toMatchObject({ code: 5 });
    expect(await edgekeeper("lock", "busy", "--wait", "200ms", "--", "true")).toMatchObject({ code: 5 });
    expect((await edgekeeper("lock", "busy", "--list")).stdout).toMatch(/^holds {2}exclusive .* me\n$/);
    holder.process.stdin?.end("\n");
    expect(await holder.ended).toMatchObject({ code: 0 });
    await expect(keeper.put("/under-lock", "y", { held: held })).rejects.toMatchObject({ code: "not-held" });
  });

  test("stops the command, and all that it has started, where the lock is lost", async () => {
    const script = 'trap "echo stopped" TERM; sh -c "sleep 600" & echo ready; wait; echo over; wait';
    const holder = new RunningProgram(
      ["lock", "lost", "--grace", "500ms", "--", "sh", "-c", script],
      setup(),
    );
    await holder.until(/ready/);
    const { queue } = (await documentOf("lock", "lost", "--list")) as {
      readonly queue: readonly { readonly node: string }[];
    };
    await edgekeeper("delete", `/locks/lost/${queue[0]?.node ?? ""}`);

    const ran = await holder.ended;
    expect(ran.code).toBe(6);
    expect(ran.stdout).toContain("stopped");
    expect(ran.stderr).toContain("/locks/lost is lost");
  });

  test("says what could not be run as shells do, and passes signals on", async () => {
    expect(await edgekeeper("lock", "odd", "--", "no-such-program")).toMatchObject({ code: 127 });
    expect(await edgekeeper("lock", "odd")).toMatchObject({ code: 2 });
    const holder = new RunningProgram(["lock", "odd", "--", "sh", "-c", "echo ready; sleep 600"], setup());
    await holder.until(/ready/);
    holder.process.kill("SIGTERM");
    expect(await holder.ended).toMatchObject({ code: 143 });
    expect((await edgekeeper("lock", "odd", "--list")).stdout).toContain("is free");
  });
});

describe("elect", () => {
  test("tells who leads, and the next one when that one goes", async () => {
    const first = new RunningProgram(["elect", "main", "--owner", "one"], setup());
    await first.until(/leads \/elections\/main, token \d{20}/);
    const second = new RunningProgram(
      [
        "elect",
        "main",
        "--owner",
        "two",
        "--",
        "sh",
        "-c",
        "echo leading $EDGEKEEPER_FENCING_TOKEN; read line",
      ],
      setup(),
    );
    await expect
      .poll(async () => (await edgekeeper("elect", "main", "--list")).stdout, { timeout: 30_000 })
      .toMatch(/^leads .* one\nfollows .* two\n$/);
    expect(second.stdout).toBe("");
    expect(await first.interrupt()).toMatchObject({ code: 0 });
    await second.until(/leading \d{20}/);
    second.process.stdin?.end("\n");
    expect(await second.ended).toMatchObject({ code: 0 });
  });
});

test("watch tells what happens to a znode, with what it holds", async () => {
  const watching = new RunningProgram(["watch", "/watched", "--data", "--json", "--count", "3"], setup());
  await watching.until(/watching/);
  await edgekeeper("create", "/watched", "one");
  await watching.until(/"created"/);
  await edgekeeper("set", "/watched", "two");
  await watching.until(/"dataChanged"/);
  await edgekeeper("delete", "/watched");

  const { code, stdout } = await watching.ended;
  expect(code).toBe(0);
  const events = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { readonly event: string; readonly now?: { readonly text: string } });
  expect(events.map(({ event, now }) => [event, now?.text])).toEqual([
    ["created", "one"],
    ["dataChanged", "two"],
    ["deleted", undefined],
  ]);
});

describe("config", () => {
  test("gets, sets and lists revisions of a document", async () => {
    expect(await edgekeeper("config", "set", "app", '{"port": 80}', "--create")).toMatchObject({ code: 0 });
    expect(await edgekeeper("config", "set", "app", "{}", "--create")).toMatchObject({ code: 1 });
    await edgekeeper("config", "set", "app", '{"port": 81}');
    expect(await documentOf("config", "get", "app")).toMatchObject({ value: { port: 81 } });
    const { revisions } = (await documentOf("config", "history", "app")) as {
      readonly revisions: readonly { readonly revision: string; readonly current: boolean }[];
    };
    expect(revisions.map(({ current }) => current)).toEqual([true, false]);
    const old = revisions[1]?.revision ?? "";
    expect(await documentOf("config", "get", "app", "--revision", old)).toMatchObject({
      value: { port: 80 },
    });
    expect(await edgekeeper("config", "set", "app", "{port")).toMatchObject({ code: 2 });
    expect(await edgekeeper("config", "get", "none")).toMatchObject({ code: 1 });
  });

  test("edits one in an editor, and keeps what was made of it where somebody else was quicker", async () => {
    await edgekeeper("config", "set", "edited", '{"n": 1}');
    const editor = join(directory, "editor.sh");
    await writeFile(editor, '#!/bin/sh\nsed -i s/1/2/ "$1"\n');
    await chmod(editor, 0o755);
    const edit = ["config", "edit", "edited", "--json"];
    const edited = await runProgram(edit, setup({ env: { VISUAL: editor }, input: "" }));
    expect(JSON.parse(edited.stdout)).toMatchObject({ changed: true });
    expect(await documentOf("config", "get", "edited")).toMatchObject({ value: { n: 2 } });
    const unchanged = await runProgram(edit, setup({ env: { VISUAL: "true" }, input: "" }));
    expect(JSON.parse(unchanged.stdout)).toMatchObject({ changed: false });

    const go = join(directory, "go");
    const slow = `echo editing; while [ ! -e ${go} ]; do sleep 0.05; done; sed -i s/2/3/`;
    const late = new RunningProgram(["config", "edit", "edited"], setup({ env: { VISUAL: slow } }));
    await late.until(/editing/);
    await edgekeeper("config", "set", "edited", '{"n": 9}');
    await writeFile(go, "");
    const { code, stderr } = await late.ended;
    expect(code).toBe(1);
    const file = /is in (\S+)/.exec(stderr)?.[1] ?? "";
    expect(JSON.parse(await readFile(file, "utf8"))).toEqual({ n: 3 });
    expect(await documentOf("config", "get", "edited")).toMatchObject({ value: { n: 9 } });
    await rm(join(file, ".."), { recursive: true });
  });
});

describe("ensemble", () => {
  test("shows its replicas, and moves the leader", async () => {
    const status = (await documentOf("ensemble", "status")) as { readonly leader: number };
    const next = (status.leader % 3) + 1;
    expect((await edgekeeper("ensemble", "status")).stdout).toContain(`main: replica ${status.leader} leads`);
    expect(await edgekeeper("ensemble", "move-leader", String(next))).toMatchObject({
      code: 0,
      stdout: `replica ${next} leads\n`,
    });
    expect(await documentOf("ensemble", "status")).toMatchObject({ leader: next });
    expect(await edgekeeper("ensemble", "move-leader", "9")).toMatchObject({ code: 1 });
    expect(await edgekeeper("ensemble", "move-leader", "0")).toMatchObject({ code: 2 });
  });

  test("changes its members for who may, and for nobody else", async () => {
    const words = ["ensemble", "reconfig", "--remove", "3", "--json"];
    expect(await edgekeeper(...words)).toMatchObject({ code: 3 });
    const env = { EDGEKEEPER_AUTH: "digest:super:test" };
    const changed = await runProgram(words, setup({ env }));
    expect(changed).toMatchObject({ code: 0, stderr: "" });
    const { servers } = JSON.parse(changed.stdout) as {
      readonly servers: readonly { readonly sid: number }[];
    };
    expect(servers.map(({ sid }) => sid)).toEqual([1, 2]);
    expect((await edgekeeper("ensemble", "reconfig")).code).toBe(2);
  });
});

describe("doctor", () => {
  test("finds nothing to mend where all is well, and says what it has looked at", async () => {
    const { findings } = (await documentOf("doctor")) as {
      readonly findings: readonly { readonly verdict: string; readonly what: string }[];
    };
    expect(findings.filter(({ verdict }) => verdict === "mend")).toEqual([]);
    expect(findings.map(({ what }) => what).join("\n")).toMatch(/leads[^]*same tree[^]*linearizable read/);
  });

  test("says what to mend where a replica stands still, and ends with code 1; where nobody answers, with 4", async () => {
    const faulty = await startEnsemble({ config: "test/faults/wrangler.toml" });
    try {
      const fault = JSON.stringify({ kind: "down", ms: 60_000 });
      await fetch(`${faulty.httpUrl}/faults/main/1`, { method: "POST", body: fault });
      const ran = await runProgram(["doctor"], { env: { EDGEKEEPER_URL: faulty.httpUrl } });
      expect(ran.code).toBe(1);
      expect(ran.stdout).toMatch(/^mend {2}replica 1 does not/m);
    } finally {
      await faulty.stop();
    }
    expect(await edgekeeper("doctor", "--url", "http://127.0.0.1:1")).toMatchObject({ code: 4 });
    expect(await edgekeeper("doctor", "--ensemble", "none")).toMatchObject({ code: 1 });
  });
});
