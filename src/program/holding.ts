/** What `edgekeeper lock` and `edgekeeper elect` do: taking part, running the command, giving back. */
import { InterProcessMutex } from "../recipes/inter-process-mutex.ts";
import { LeaderLatch } from "../recipes/leader-latch.ts";
import { connectRecipes, type SdkRecipeClient } from "../recipes/connect-recipes.ts";
import type { Hold } from "../recipes/hold.ts";
import { RecipeError } from "../recipes/recipe-error.ts";
import { EXIT, ProgramError, usageError } from "./exit-code.ts";
import { CannotRun, runHeld } from "./held-command.ts";
import { interruption } from "./interruption.ts";
import { columns, Output } from "./output.ts";
import { Reach, type ReachOptions } from "./reach.ts";

/** As commander reads them. */
export interface HoldingOptions extends ReachOptions {
  readonly wait?: number | undefined;
  readonly try?: boolean | undefined;
  readonly session: number;
  readonly grace: number;
  readonly owner?: string | undefined;
  readonly list?: boolean | undefined;
}

/** How the program ends where it was interrupted while it waited. */
const INTERRUPTED = 130;

/** `edgekeeper lock`. */
export async function lock(name: string, words: readonly string[], options: HoldingOptions): Promise<void> {
  if (options.list === true) return await listLock(name, options);
  if (words.length === 0) throw usageError("say what to run behind two dashes: lock NAME -- COMMAND");
  const path = pathOf("/locks", name);
  await holding(options, async (client, wait) => {
    const data = new TextEncoder().encode(options.owner ?? "");
    const mutex = new InterProcessMutex(client, path, { data });
    const limit = options.wait === undefined ? {} : { timeoutMs: options.wait };
    const held =
      options.try === true ? await mutex.tryAcquire(wait) : await mutex.acquire({ ...wait, ...limit });
    if (held === undefined) throw notHad(`somebody holds ${path}, or waits for it`);
    return { words, path, held };
  });
}

/** `edgekeeper elect`. */
export async function elect(name: string, words: readonly string[], options: HoldingOptions): Promise<void> {
  if (options.list === true) return await listElection(name, options);
  const path = pathOf("/elections", name);
  if (words.length === 0) return await tellLead(path, options);
  await holding(options, async (client, wait) => {
    const latch = new LeaderLatch(client, path, { id: options.owner ?? "" }).start();
    const limit = options.wait === undefined ? {} : { timeoutMs: options.wait };
    try {
      const held = await latch.await({ ...wait, ...limit });
      return { words, path, held, done: async () => await latch.close() };
    } catch (error) {
      await latch.close();
      throw error;
    }
  });
}

/** What is held, and what runs under it. */
interface Held {
  readonly words: readonly string[];
  readonly path: string;
  readonly held: Hold;
  readonly done?: () => Promise<void>;
}

/** Connects, waits for what is to be held, runs the command, gives it back. */
async function holding(
  options: HoldingOptions,
  acquire: (client: SdkRecipeClient, wait: { readonly signal: AbortSignal }) => Promise<Held>,
): Promise<void> {
  const client = await recipesOf(options);
  const stopping = new AbortController();
  const stop = (): void => stopping.abort(new Error("interrupted"));
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, stop);
  try {
    const { words, path, held, done } = await acquire(client, { signal: stopping.signal });
    const onLost = (reason: unknown): void => {
      const why = reason instanceof Error ? reason.message : String(reason);
      new Output(options).note(`edgekeeper: ${path} is lost (${why}): the command is stopped`);
    };
    process.exitCode = await runHeld(words, held, { path, graceMs: options.grace, onLost });
    if (!held.signal.aborted) await held.release();
    await done?.();
  } catch (error) {
    if (stopping.signal.aborted) {
      process.exitCode = INTERRUPTED;
      return;
    }
    if (error instanceof CannotRun) {
      new Output(options).note(`edgekeeper: ${error.message}`);
      process.exitCode = error.shellCode;
      return;
    }
    if (error instanceof RecipeError && error.fault === "timeout") throw notHad(error.message);
    throw error;
  } finally {
    for (const signal of ["SIGINT", "SIGTERM"]) process.off(signal, stop);
    await client.close();
  }
}

async function recipesOf(options: HoldingOptions): Promise<SdkRecipeClient> {
  const reach = await Reach.of(options);
  const refused = new AbortController();
  return await connectRecipes(reach.address, {
    ...reach.socketOptions((error) => refused.abort(error)),
    timeoutMs: options.session,
    connectTimeoutMs: 10_000,
    signal: refused.signal,
  });
}

function notHad(message: string): ProgramError {
  return new ProgramError(message, { exitCode: EXIT.notHad, code: "not-had" });
}

function pathOf(root: string, name: string): string {
  return name.startsWith("/") ? name : `${root}/${name}`;
}

async function tellLead(path: string, options: HoldingOptions): Promise<void> {
  const client = await recipesOf(options);
  const output = new Output(options);
  const latch = new LeaderLatch(client, path, { id: options.owner ?? "" });
  latch.onLeader(({ token }) =>
    output.print({ event: "leader", path, token }, `leads ${path}, token ${token}`),
  );
  latch.onNotLeader(() => output.print({ event: "notLeader", path }, `leads ${path} no more`));
  latch.start();
  try {
    await interruption();
  } finally {
    await latch.close();
    await client.close();
  }
}

async function listLock(name: string, options: HoldingOptions): Promise<void> {
  const queue = await (await Reach.of(options)).http().lockQueue(name, { linearizable: true });
  new Output(options).print(
    queue,
    queue.queue.length === 0
      ? `${queue.path} is free`
      : columns(
          queue.queue.map(({ holds, mode, token, session, owner }) => {
            return [holds ? "holds" : "waits", mode, token, session ?? "-", owner];
          }),
        ),
  );
}

async function listElection(name: string, options: HoldingOptions): Promise<void> {
  const election = await (await Reach.of(options)).http().election(name, { linearizable: true });
  new Output(options).print(
    { ...election, leader: election.leader ?? null },
    election.candidates.length === 0
      ? `nobody stands for ${election.path}`
      : columns(
          election.candidates.map(({ holds, token, session, value }) => {
            return [holds ? "leads" : "follows", token, session ?? "-", value];
          }),
        ),
  );
}
