/** POST /holder/ID/METHOD with arguments as JSON does that to a Holder; POST /NAME plays one of the scenes below. */
import type { EdgekeeperBinding } from "../../src/binding/binding.ts";
import { type BoundEnv, Holder } from "./holder.ts";
import { told } from "./told.ts";

export { Holder };

type Scene = (edgekeeper: EdgekeeperBinding, env: BoundEnv) => Promise<unknown>;

/** As often as each of the others. */
const CONTENDED_ROUNDS = 6;

const SCENES: Readonly<Record<string, Scene>> = {
  async using(edgekeeper) {
    using lease = await edgekeeper.lock("scenes/using", { owner: "me", ttlMs: 5000 });
    const [token, queue] = [await lease.token, await edgekeeper.lockQueue("scenes/using")];
    return { token, queue, expiresInMs: await lease.expiresInMs, renewed: await lease.renew() };
  },

  async forgotten(edgekeeper) {
    return await (
      await edgekeeper.lock("scenes/forgotten")
    ).token;
  },

  async pipelined(edgekeeper) {
    return await edgekeeper.lock("scenes/pipelined").token;
  },

  async released(edgekeeper) {
    using lease = await edgekeeper.lock("scenes/released");
    await lease.release();
    await lease.release();
    const { count } = await edgekeeper.lockQueue("scenes/released", { consistency: "linearizable" });
    return {
      count,
      lost: await (await lease.ending()).lost(),
      renewed: await told(async () => await lease.renew()),
    };
  },

  /** The answer leaves while the lock is waited for: nobody is there who could hold it. */
  async left(edgekeeper) {
    edgekeeper.lock("scenes/left", { waitMs: 60_000, owner: "gone" }).catch(() => undefined);
    while ((await edgekeeper.lockQueue("scenes/left")).count < 2) await scheduler.wait(20);
    return "left";
  },

  /** A place whose stub is let go of before anybody has asked what came of it. */
  async stood(edgekeeper) {
    {
      using contender = await edgekeeper.contend("scenes/stood", { waitMs: 60_000 });
      while ((await edgekeeper.lockQueue("scenes/stood")).count < 2) await scheduler.wait(20);
      if (contender === undefined) return "no stub";
    }
    while ((await edgekeeper.lockQueue("scenes/stood")).count > 1) await scheduler.wait(20);
    return "skipped";
  },

  async sameKey(edgekeeper) {
    using first = await edgekeeper.lock("scenes/key", { key: "mine" });
    using again = await edgekeeper.lock("scenes/key", { key: "mine" });
    return [await first.token, await again.token];
  },

  async nodes(edgekeeper) {
    using node = await edgekeeper.node("/scene");
    const missing = await node.get();
    const created = await node.create("one");
    const bytes = await node.put(new Uint8Array([0, 255]), { version: 0 });
    const value = await edgekeeper.node("/scene").get({ minZxid: bytes.zxid });
    const child = await edgekeeper.node("/scene/n-").create("", { sequential: true });
    const refused = await told(async () => await node.put("x", { version: 7 }));
    const list = await node.children({ consistency: "linearizable" });
    const full = await told(async () => await node.delete());
    await edgekeeper.node(child.path).delete();
    const deep = await edgekeeper.node("/scene-deep/a/b").create("", { parents: true });
    await node.delete({ version: 1 });
    return {
      missing,
      created,
      bytes: [...(value?.data ?? [])],
      version: value?.stat.version,
      child: child.path,
      deep: deep.path,
      refused,
      list: list.children,
      full,
      gone: await edgekeeper.node("/scene").get(),
    };
  },

  async held(edgekeeper) {
    using lease = await edgekeeper.lock("scenes/held");
    const held = { name: "scenes/held", token: await lease.token };
    const written = await edgekeeper.node("/guarded").put("under the lock", { held });
    await lease.release();
    const late = await told(async () => await edgekeeper.node("/guarded").put("late", { held }));
    return { path: written.path, late, text: (await edgekeeper.node("/guarded").get())?.text };
  },

  async several(edgekeeper) {
    const done = await edgekeeper.multi([
      { op: "create", path: "/several", text: "1" },
      { op: "put", path: "/several/a", text: "2" },
      { op: "check", path: "/several", version: 0 },
    ]);
    const undone = await told(
      async () =>
        await edgekeeper.multi([
          { op: "put", path: "/several/b", text: "" },
          { op: "delete", path: "/no" },
        ]),
    );
    const { children } = await edgekeeper.node("/several").children();
    return { paths: done.results.map(({ path }) => path), undone, children };
  },

  async sessions(edgekeeper) {
    const inside: unknown[] = [];
    {
      using session = await edgekeeper.session({ timeoutMs: 5000 });
      const made = await session.node("/ephemeral").create("here", { mode: "ephemeral" });
      inside.push((await session.text).split("-")[0] === made.stat?.ephemeralOwner);
      await session.close();
      inside.push((await (await session.ending()).lost()).code);
    }
    const without = await told(async () => await edgekeeper.node("/no").create("", { mode: "ephemeral" }));
    return {
      inside,
      without,
      after: await edgekeeper.node("/ephemeral").get({ consistency: "linearizable" }),
    };
  },

  async permits(edgekeeper) {
    using first = await edgekeeper.semaphore("scenes/pool", { permits: 2 });
    using second = await edgekeeper.semaphore("scenes/pool", { permits: 2, ttlMs: 5000 });
    const third = await told(async () => await edgekeeper.semaphore("scenes/pool", { permits: 2 }));
    const other = await told(async () => await edgekeeper.semaphore("scenes/pool", { permits: 3 }));
    const held = { name: await first.path, token: await first.token };
    await edgekeeper.node("/permitted").put("", { held });
    await first.release();
    using next = await edgekeeper.semaphore("scenes/pool", { permits: 2 });
    const late = await told(async () => await edgekeeper.node("/permitted").put("", { held }));
    const grows = (await next.token) > (await second.token);
    return { path: await second.path, renewed: (await second.renew()) > 0, third, other, late, grows };
  },

  /** A binding does what its props grant, and no more, wherever the path is hidden. */
  async bounds(edgekeeper, { SCOPED, READER, NO_TOKEN }) {
    await edgekeeper.node("/scoped").put("all may read this");
    await edgekeeper.node("/scoped-not").put("this is beside it");
    using lease = await SCOPED.lock("scoped/one");
    const done = [
      (await READER.node("/scoped").get())?.text,
      (await SCOPED.node("/scoped/a").put("")).path,
      await lease.path,
    ];
    const calls: readonly (() => Promise<unknown>)[] = [
      async () => await READER.node("/scoped").put("x"),
      async () => await READER.node("/scoped-not").get(),
      async () => await READER.node("/").children(),
      async () => await READER.watch("/scoped-not").then(async (watch) => await watch.next()),
      async () => await READER.lock("/scoped/lock"),
      async () => await SCOPED.node("/scoped-not").put("x"),
      async () => await SCOPED.lock("other"),
      async () => await SCOPED.lockQueue("other"),
      async () => await SCOPED.multi([{ op: "put", path: "/scoped-not", text: "x" }]),
      async () => await NO_TOKEN.node("/scoped").get(),
    ];
    return { done, refused: await Promise.all(calls.map(async (call) => await told(call))) };
  },

  async elected(edgekeeper) {
    using election = await edgekeeper.election("scenes/jobs");
    const nobody = await election.leader();
    using lead = await election.campaign({ value: "first", ttlMs: 5000 });
    const refused = await told(async () => await election.campaign());
    await lead.proclaim("at work");
    const leader = await election.leader({ consistency: "linearizable" });
    const next = election.campaign({ value: "second", waitMs: 60_000 });
    while ((await election.candidates()).length < 2) await scheduler.wait(20);
    await lead.release();
    using second = await next;
    const late = await told(async () => await lead.proclaim("late"));
    const after = (await election.leader({ consistency: "linearizable" }))?.value;
    const grows = (await second.token) > (await lead.token);
    return { nobody, refused, path: await lead.path, value: leader?.value, late, after, grows };
  },

  async counted(edgekeeper) {
    using counter = await edgekeeper.counter("scenes/hits");
    const missing = await counter.get();
    const added = await Promise.all([counter.add(), counter.add(2n), counter.add(-1)]);
    await counter.set(2n ** 62n);
    const after = await edgekeeper.counter("scenes/hits").add(1);
    const read = await counter.get({ consistency: "linearizable" });
    const slip = await told(async () => await counter.add(0.5));
    return { missing, added: added.length, after: String(after), read: String(read), slip };
  },

  async registered(edgekeeper) {
    const before = await edgekeeper.instances("scene");
    using session = await edgekeeper.session({ timeoutMs: 5000 });
    const id = await session.register("scene", { id: "one", address: "https://one", port: 443 });
    const twice = await told(async () => await session.register("scene", { id: "one", address: "x" }));
    const there = await edgekeeper.instances("scene", { consistency: "linearizable" });
    await session.close();
    const after = await edgekeeper.instances("scene", { consistency: "linearizable" });
    return { before, id, twice, there, after };
  },

  async configured(edgekeeper) {
    using config = await edgekeeper.config("scenes/app");
    const missing = await config.get();
    const first = await config.set({ port: 80 }, { match: "none" });
    const again = await told(async () => await config.set({ port: 81 }, { match: "none" }));
    const second = await config.set({ port: 82 }, { match: first.etag });
    const stale = await told(async () => await config.set({ port: 83 }, { match: first.etag }));
    await config.setSchema({ type: "object", properties: { port: { type: "integer" } } });
    const wrong = await told(async () => await config.set({ port: "eighty" }));
    const now = await config.get({ minZxid: second.zxid });
    const revisions = (await config.history({ consistency: "linearizable" })).map(({ revision }) => revision);
    const before = await config.at(first.revision);
    const listed = revisions.join() === [second.revision, first.revision].join();
    await config.delete();
    return { missing, again, stale, wrong, now: now?.value, before, listed, gone: await config.get() };
  },

  async watched(edgekeeper) {
    using watch = await edgekeeper.watch("/watched");
    const node = edgekeeper.node("/watched");
    const seen: unknown[] = [await watch.next()];
    for (const text of ["one", "two"]) {
      const next = watch.next();
      await node.put(text);
      seen.push((await next)?.text);
    }
    const gone = watch.next();
    await node.delete();
    seen.push(await gone);
    const never = told(async () => await watch.next());
    await watch.close();
    return { seen, never: await never };
  },

  /** What all contenders do under the lock at /contended/lock: see test/compat/contended.ts. */
  async contend(edgekeeper) {
    const tokens: string[] = [];
    for (let round = 0; round < CONTENDED_ROUNDS; round++) {
      using lease = await edgekeeper.lock("/contended/lock", { waitMs: 60_000, owner: "binding" });
      const token = await lease.token;
      const held = { name: "/contended/lock", token };
      await edgekeeper.node("/contended/holder").create("binding", { held });
      const record = await edgekeeper.node("/contended/record").get({ consistency: "linearizable" });
      const [last = "", count = ""] = (record?.text ?? "").split(" ");
      if (last >= token) throw new Error(`token ${token} after ${last}`);
      await edgekeeper.node("/contended/record").put(`${token} ${Number(count) + 1}`, { held });
      await edgekeeper.node("/contended/holder").delete({ held });
      await lease.release();
      tokens.push(token);
    }
    return tokens;
  },

  async slips(edgekeeper, env) {
    const calls: readonly (() => Promise<unknown>)[] = [
      async () => await edgekeeper.lock(""),
      async () => await edgekeeper.lock(".."),
      async () => await edgekeeper.lock("x", { waitMs: -1 }),
      async () => await edgekeeper.lock("x", { mode: "shared" as "read" }),
      async () => await edgekeeper.node("relative").get(),
      async () => await edgekeeper.node("/a/../b").get(),
      async () => await edgekeeper.node("/zookeeper/config").put("x"),
      async () => await env.STRANGE.lock("x"),
      async () => await env.ELSEWHERE.lock("x"),
    ];
    return await Promise.all(calls.map(async (call) => await told(call)));
  },
};

const worker: ExportedHandler<BoundEnv> = {
  async fetch(request, env) {
    const [, scene = "", id = "", method = ""] = new URL(request.url).pathname.split("/");
    if (scene !== "holder") return Response.json((await SCENES[scene]?.(env.EDGEKEEPER, env)) ?? null);
    const holder = env.HOLDER.get(env.HOLDER.idFromName(id)) as unknown as Readonly<
      Record<string, (...values: readonly unknown[]) => Promise<unknown>>
    >;
    const values = await request.json<readonly unknown[]>();
    return Response.json((await told(async () => await holder[method]?.(...values))) ?? null);
  },
};

export default worker;
