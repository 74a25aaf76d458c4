/**
 * Members of which one leads, and alone does the work: each is a Durable Object, wherever it is, of this Worker or of
 * another one. PUT /NAME starts a member, DELETE /NAME ends it, GET / tells who leads and what was done.
 */
import { DurableObject } from "cloudflare:workers";
import { type EdgekeeperBinding, type Leadership, problemOf, signalOf } from "edgekeeper/binding";

interface Env {
  readonly EDGEKEEPER: EdgekeeperBinding;
  readonly MEMBER: DurableObjectNamespace<Member>;
}

const ELECTION = "example";

/** How often a leader works. */
const WORK_MS = 1000;

/** How often a member makes sure that it stands for election: an alarm also wakes one that was evicted. */
const ALARM_MS = 20_000;

/** One member. */
export class Member extends DurableObject<Env> {
  #isStanding = false;
  #lead: Leadership | undefined;

  /** Stands for election from now on. */
  async join(name: string): Promise<void> {
    await this.ctx.storage.put("name", name);
    await this.alarm();
  }

  /** Stands for election no more. */
  async leave(): Promise<void> {
    await this.ctx.storage.deleteAll();
    await this.ctx.storage.deleteAlarm();
    await this.#lead?.release();
  }

  override async alarm(): Promise<void> {
    const name = await this.ctx.storage.get<string>("name");
    if (name === undefined) return;
    await this.ctx.storage.setAlarm(Date.now() + ALARM_MS);
    // The alarm does not wait for it: the next one is due before it is over.
    if (!this.#isStanding) this.ctx.waitUntil(this.#stand(name));
  }

  async #stand(name: string): Promise<void> {
    this.#isStanding = true;
    try {
      using lead = await this.env.EDGEKEEPER.election(ELECTION).campaign({ value: name, waitMs: 60_000 });
      this.#lead = lead;
      await this.#work(lead, signalOf(lead));
    } catch (error) {
      // Not elected within the wait, or no leader any more: the next alarm stands again.
      if (problemOf(error) === undefined) throw error;
    } finally {
      this.#lead = undefined;
      this.#isStanding = false;
    }
  }

  /** Works for as long as it leads. Each write is done only if it leads still, checked in the same transaction. */
  async #work(lead: Leadership, signal: AbortSignal): Promise<void> {
    const held = { name: await lead.path, token: await lead.token };
    using done = await this.env.EDGEKEEPER.node("/example-work");
    while (!signal.aborted && (await this.ctx.storage.get("name")) !== undefined) {
      const before = await done.get();
      await done.put(String(Number(before?.text ?? 0) + 1), { held });
      await scheduler.wait(WORK_MS);
    }
  }
}

const worker: ExportedHandler<Env> = {
  async fetch(request, env) {
    const name = new URL(request.url).pathname.slice(1);
    const member = env.MEMBER.get(env.MEMBER.idFromName(name));
    if (request.method === "PUT") await member.join(name);
    if (request.method === "DELETE") await member.leave();
    const candidates = await env.EDGEKEEPER.election(ELECTION).candidates({ consistency: "linearizable" });
    const work = await env.EDGEKEEPER.node("/example-work").get();
    return Response.json({
      leader: candidates.find(({ holds }) => holds)?.value ?? null,
      waiting: candidates.filter(({ holds }) => !holds).map(({ value }) => value),
      work: Number(work?.text ?? 0),
    });
  },
};

export default worker;
