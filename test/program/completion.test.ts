/** What the tab key does in a shell, by the scripts that the program prints. */
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { ROOT } from "../../packaging/build.ts";
import { candidatesOf } from "../../src/program/completion/candidates.ts";
import { makeProgram } from "../../src/program/program.ts";

describe("what may stand next", () => {
  test.each([
    [["ens"], ["ensemble"]],
    [
      ["ensemble", ""],
      ["status", "move-leader", "reconfig", "help"],
    ],
    [["ensemble", "mo"], ["move-leader"]],
    [
      ["bridge", "--pings", ""],
      ["local", "replica"],
    ],
    [["bridge", "--pings", "local", "--li"], ["--listen"]],
    [
      ["bench", "--over", ""],
      ["websocket", "http"],
    ],
    [
      ["plan", "--leader", "w"],
      ["wnam", "weur"],
    ],
    [["--json", "token", "create", "--sco"], ["--scope"]],
    [
      ["completion", ""],
      ["bash", "zsh", "fish"],
    ],
    [["complet"], ["completion"]],
    [["--vers"], ["--version"]],
    // Files, and what is another program's, are the shell's to complete.
    [["create", "/logo", "--file", ""], []],
    [["get", ""], []],
    [["lock", "nightly", "--", "--ver"], []],
    [["no-such-command", ""], []],
  ])("%j may go on with %j", (words, expected) => {
    const found = candidatesOf(makeProgram(), words).map(({ word }) => word);

    expect(found).toEqual(expected);
  });
});

describe("bash", () => {
  let directory: string;
  let environment: Record<string, string>;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "edgekeeper-completion-"));
    const program = `#!/bin/sh\nexec "${process.execPath}" "${ROOT}/src/program/main.ts" "$@"\n`;
    writeFileSync(join(directory, "edgekeeper"), program, { mode: 0o755 });
    environment = { PATH: `${directory}:${process.env["PATH"] ?? ""}`, HOME: directory, TERM: "dumb" };
  });

  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  test("asks the program, by the sourced script, and evaluates nothing of what was typed", async () => {
    const script = `source <(edgekeeper completion bash); source <(edgekeeper completion bash)
      COMP_WORDS=(edgekeeper ensemble mo); COMP_CWORD=2; _edgekeeper; echo "\${COMPREPLY[@]}"
      COMP_WORDS=(edgekeeper get '$(touch ${directory}/evaluated)' --st); COMP_CWORD=3
      _edgekeeper; echo "\${COMPREPLY[@]}"
      complete -p edgekeeper; ls ${directory}`;
    const { stdout, stderr } = await promisify(execFile)("bash", ["--norc", "-c", script], {
      env: environment,
    });

    expect(stderr).toBe("");
    expect(stdout).toBe("move-leader\n--stat\ncomplete -o default -F _edgekeeper edgekeeper\nedgekeeper\n");
  });

  test("completes in a terminal when the tab key is pressed", async () => {
    // Util-linux's script gives it a terminal.
    const shell = spawn("script", ["-qec", "bash --norc -i", "/dev/null"], { env: environment });
    let printed = "";
    const saw = async (what: string): Promise<void> => {
      await expect.poll(() => printed, { timeout: 30_000 }).toContain(what);
    };
    shell.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
    const closed = new Promise((resolve) => shell.once("close", resolve));
    // Nothing is typed ahead: what a shell does with that when it takes the terminal back is its own affair.
    shell.stdin.write("source <(edgekeeper completion bash); echo lo''aded\n");
    await saw("loaded");
    shell.stdin.write("edgekeeper ens\tmo\t--he\t\n");
    await saw("Usage: edgekeeper ensemble move-leader");
    shell.stdin.write("echo do''ne; exit\n");
    await saw("done");
    shell.stdin.end();
    await closed;
    expect(printed).toContain("edgekeeper ensemble move-leader --help");
  });
});
