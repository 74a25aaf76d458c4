/**
 * A job that must run once in the world at each of its times, wherever this is deployed, however often: as Workers of
 * several names, beside a server's crontab, in a second account with a replica of the trigger.
 */
import { type EdgekeeperBinding, problemOf, signalOf } from "edgekeeper/binding";

interface Env {
  readonly EDGEKEEPER: EdgekeeperBinding;
}

/** The znode that says for which time the job was done last. */
const DONE = "/hourly-report";

const worker: ExportedHandler<Env> = {
  async scheduled({ scheduledTime }, env) {
    try {
      // Everybody else's attempt fails at once, as nobody waits. Where this one dies, the lock is free after a while.
      using lease = await env.EDGEKEEPER.lock("hourly-report");
      using done = await env.EDGEKEEPER.node(DONE);
      const last = await done.get({ consistency: "linearizable" });
      if (Number(last?.text ?? 0) >= scheduledTime) return;

      await report(env, scheduledTime, signalOf(lease));

      // In one transaction with the question whether the lock is still held: no late word of a lost holder counts.
      await done.put(String(scheduledTime), { held: { name: "hourly-report", token: await lease.token } });
    } catch (error) {
      if (problemOf(error)?.code !== "lock-held") throw error;
    }
  },

  /** What was done. */
  async fetch(_request, env) {
    const reports = await env.EDGEKEEPER.node("/reports").get();
    return new Response(reports?.text ?? "");
  },
};

export default worker;

/** The job itself: long work asks the signal now and then whether the lock is still held. */
async function report(env: Env, time: number, signal: AbortSignal): Promise<void> {
  using reports = await env.EDGEKEEPER.node("/reports");
  const before = (await reports.get({ consistency: "linearizable" }))?.text ?? "";
  signal.throwIfAborted();
  await reports.put(`${before}report of ${new Date(time).toISOString()}\n`);
}
