/** POST /alice?amount=10 takes 10 from alice: one payment of an account at a time, in the world. */
import { type EdgekeeperBinding, problemOf, signalOf } from "edgekeeper/binding";
import { charge } from "./charge.ts";

interface Env {
  readonly EDGEKEEPER: EdgekeeperBinding;
  readonly DB: D1Database;
}

const worker: ExportedHandler<Env> = {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const [account, amount] = [pathname.slice(1), Number(searchParams.get("amount"))];
    if (request.method !== "POST" || account === "" || !Number.isSafeInteger(amount) || amount <= 0) {
      return new Response("POST /ACCOUNT?amount=N\n", { status: 400 });
    }
    try {
      using lease = await env.EDGEKEEPER.lock(`accounts/${account}`, { waitMs: 10_000, ttlMs: 10_000 });
      const signal = signalOf(lease);
      await checkForFraud(account);
      // The lock is why two payments rarely meet; the token is why it does no harm where they do.
      signal.throwIfAborted();
      const token = await lease.token;
      if (await charge(env.DB, { account, amount, token })) return Response.json({ account, amount, token });
      return new Response("not charged: not enough, or a later payment came first\n", { status: 409 });
    } catch (error) {
      const problem = problemOf(error);
      if (problem === undefined) throw error;
      return new Response(`${problem.code}: ${problem.detail}\n`, { status: 503 });
    }
  },
};

export default worker;

/** Stands for what takes its time: another service, say. */
async function checkForFraud(_account: string): Promise<void> {
  await scheduler.wait(10);
}
