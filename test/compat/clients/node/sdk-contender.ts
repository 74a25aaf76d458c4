/** The published package and its recipe over WebSocket as a contender for the lock at ROOT/lock: see contended.ts. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type * as Recipes from "../../../../src/recipes/index.ts";

/** Takes the lock so many times, by the package that was built into the directory; gives its token of each. */
export async function contendBySdk({
  directory,
  address,
  root,
  rounds,
}: {
  readonly directory: string;
  readonly address: string;
  readonly root: string;
  readonly rounds: number;
}): Promise<readonly string[]> {
  const file = pathToFileURL(join(directory, "recipes.js")).href;
  const { connectRecipes, InterProcessMutex } = (await import(file)) as typeof Recipes;
  const client = await connectRecipes(address, { timeoutMs: 10_000 });
  try {
    const mutex = new InterProcessMutex(client, `${root}/lock`);
    const tokens: string[] = [];
    for (let round = 0; round < rounds; round++) {
      const hold = await mutex.acquire();
      await underLock(client, root, hold.token);
      await hold.release();
      tokens.push(hold.token);
    }
    return tokens;
  } finally {
    await client.close();
  }
}

async function underLock(client: Recipes.RecipeClient, root: string, token: string): Promise<void> {
  await client.create(`${root}/holder`, { mode: "persistent", data: bytes("sdk") });
  const { data } = await client.get(`${root}/record`);
  const record = new TextDecoder().decode(data ?? new Uint8Array());
  const [, last = "", count = ""] = /^(\d{20}) (\d+)$/.exec(record) ?? [];
  if (last === "" || last >= token) throw new Error(`token ${token} after "${record}"`);
  await client.set(`${root}/record`, bytes(`${token} ${Number(count) + 1}`));
  await client.delete(`${root}/holder`);
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
