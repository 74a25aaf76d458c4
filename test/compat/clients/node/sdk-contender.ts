/** The SDK over WebSocket as a contender for the lock at ROOT/lock: see contended.ts. */
import { type Client, connect, zxidText } from "../../../../src/client/index.ts";

/** Takes the lock so many times; gives its token of each. */
export async function contendBySdk(
  address: string,
  root: string,
  rounds: number,
): Promise<readonly string[]> {
  const client = await connect(address, { timeoutMs: 10_000 });
  try {
    const tokens: string[] = [];
    for (let round = 0; round < rounds; round++) {
      // As Curator's mutex does: in its queue, under a name that is found again where the answer is lost.
      const settings = { mode: "ephemeral", sequential: true, protect: true, parents: "container" } as const;
      const { path, stat } = await client.create(`${root}/lock/lock-`, "sdk", settings);
      await untilFirst(client, `${root}/lock`, path);
      const token = zxidText(stat.czxid);
      await underLock(client, root, token);
      await client.delete(path);
      tokens.push(token);
    }
    return tokens;
  } finally {
    await client.close();
  }
}

/** Waits for the one before it, as long as there is one: nobody is woken for somebody else's turn. */
async function untilFirst(client: Client, parent: string, own: string): Promise<void> {
  for (;;) {
    const queue = (await client.children(parent)).toSorted((a, b) => sequenceOf(a) - sequenceOf(b));
    const before = queue[queue.findIndex((name) => own.endsWith(`/${name}`)) - 1];
    if (before === undefined) return;
    const { promise: gone, resolve } = Promise.withResolvers<void>();
    const watched = await client.exists(`${parent}/${before}`, { watch: () => resolve() });
    if (watched !== undefined) await gone;
  }
}

function sequenceOf(name: string): number {
  return Number(name.slice(-10));
}

async function underLock(client: Client, root: string, token: string): Promise<void> {
  await client.create(`${root}/holder`, "sdk");
  const record = (await client.get(`${root}/record`)).text();
  const [, last = "", count = ""] = /^(\d{20}) (\d+)$/.exec(record) ?? [];
  if (last === "" || last >= token) throw new Error(`token ${token} after "${record}"`);
  await client.set(`${root}/record`, `${token} ${Number(count) + 1}`);
  await client.delete(`${root}/holder`);
}
