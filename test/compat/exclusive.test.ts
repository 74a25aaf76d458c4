import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { expect, test } from "vitest";

import { exclusively } from "./exclusive.ts";

const name = `edgekeeper-test-${process.pid}`;

test("of one name one action runs at a time, also after one that failed", async () => {
  const seen: string[] = [];
  const act = async (which: string): Promise<void> => {
    seen.push(`${which} begins`);
    await new Promise((resolve) => setImmediate(resolve));
    seen.push(`${which} ends`);
    if (which === "a") throw new Error("a fails");
  };
  const all = ["a", "b", "c"].map(async (which) => await exclusively(name, async () => await act(which)));

  expect((await Promise.allSettled(all)).map(({ status }) => status)).toEqual([
    "rejected",
    "fulfilled",
    "fulfilled",
  ]);
  for (let index = 0; index < seen.length; index += 2) {
    const [which] = (seen[index] ?? "").split(" ");
    expect(seen.slice(index, index + 2)).toEqual([`${which} begins`, `${which} ends`]);
  }
});

test("another process waits, and is let in when the one that holds the name is killed", async () => {
  const module = fileURLToPath(new URL("./exclusive.ts", import.meta.url));
  const program = `
    const { exclusively } = await import(${JSON.stringify(module)});
    await exclusively(${JSON.stringify(`${name}-2`)}, async () => {
      console.log("held");
      await new Promise((resolve) => setTimeout(resolve, 600_000));
    });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  let isIn = false;
  const waiting = exclusively(`${name}-2`, async () => {
    isIn = true;
    return await Promise.resolve("done");
  });
  // A name that nobody holds is had at once.
  expect(await exclusively(`${name}-3`, async () => await Promise.resolve("free"))).toBe("free");
  expect(isIn).toBe(false);

  child.kill("SIGKILL");

  expect(await waiting).toBe("done");
});
