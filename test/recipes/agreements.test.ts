import { describe, expect, test } from "vitest";
import { must } from "../../src/base/assert.ts";
import { MultiNonBlockingLease } from "../../src/recipes/multi-non-blocking-lease.ts";
import { NonBlockingLease } from "../../src/recipes/non-blocking-lease.ts";
import { inBackground } from "../../src/recipes/perseverance.ts";
import { ServiceDiscovery } from "../../src/recipes/service-discovery.ts";
import { buildUri, parseInstance, serializeInstance, uriSpec } from "../../src/recipes/service-instance.ts";
import { SetPartitioner } from "../../src/recipes/set-partitioner.ts";
import { TwoPhaseCommit } from "../../src/recipes/two-phase-commit.ts";
import { RecipeWorld } from "./recipe-world.ts";

const PATH = "/app/thing";

describe("leases by the clock", () => {
  test("NonBlockingLease: one has it until its time is over, though it died; it renews under its name; a replica is lost", async () => {
    const world = new RecipeWorld(120);
    const [one, two] = await world.clients(2);
    const leaseOf = (client: typeof one, identifier: string): NonBlockingLease =>
      new NonBlockingLease(client, PATH, { durationMs: 20_000, identifier });
    const first = must(await world.get(leaseOf(one, "one").obtain()), "a lease");
    expect(await world.get(leaseOf(two, "two").obtain())).toBeUndefined();
    const renewed = must(await world.get(leaseOf(one, "one").obtain()), "a renewed lease");
    expect(renewed.token > first.token).toBe(true);
    const data = JSON.parse(
      new TextDecoder().decode(world.nodeAt(`${PATH}/lease_holder`)?.data ?? undefined),
    ) as unknown;
    const end = new Date(renewed.endMs).toISOString().slice(0, 19);
    expect(data).toEqual({ version: 1, holder: "one", end });
    one.abandon();
    world.loseLeader();
    await world.run(12_000);
    expect(await world.get(leaseOf(two, "two").obtain())).toBeUndefined();
    await world.run(10_000);
    const next = must(await world.get(leaseOf(two, "two").obtain()), "a lease");
    expect(next.token > renewed.token).toBe(true);
  });

  test("NonBlockingLease: a lost answer neither loses nor doubles it", async () => {
    for (let seed = 1; seed <= 8; seed++) {
      const world = new RecipeWorld(130 + seed);
      const [one, two] = await world.clients(2);
      const asked = world.watch(
        new NonBlockingLease(one, PATH, { durationMs: 30_000, identifier: "one" }).obtain(),
      );
      await world.run(seed * 6);
      one.link.move(true);
      expect(await world.get(asked.promise)).toBeDefined();
      expect(
        await world.get(new NonBlockingLease(two, PATH, { durationMs: 30_000, identifier: "two" }).obtain()),
      ).toBeUndefined();
    }
  });

  test("MultiNonBlockingLease: so many have one; who dies keeps it until its time is over; a replica is lost", async () => {
    const world = new RecipeWorld(121);
    const [one, two, three] = await world.clients(3);
    const obtain = async (client: typeof one, identifier: string): Promise<boolean> =>
      (await world.get(
        new MultiNonBlockingLease(client, PATH, { count: 2, durationMs: 15_000, identifier }).obtain(),
      )) !== undefined;
    expect([await obtain(one, "one"), await obtain(two, "two"), await obtain(three, "three")]).toEqual([
      true,
      true,
      false,
    ]);
    expect(await obtain(one, "one")).toBe(true);
    one.abandon();
    world.loseLeader();
    await world.run(8000);
    expect(await obtain(three, "three")).toBe(false);
    await world.run(8000);
    expect(await obtain(three, "three")).toBe(true);
  });
});

describe("SetPartitioner", () => {
  const items = ["a", "b", "c", "d", "e"];

  test("each item is one member's; who joins or dies makes it be divided anew, and no item is two members' at once; a replica is lost", async () => {
    const world = new RecipeWorld(122);
    const [one, two, three] = await world.clients(3);
    const make = (client: typeof one, identifier: string): SetPartitioner => {
      const partitioner = new SetPartitioner(client, PATH, { items, identifier, timeBoundaryMs: 1000 });
      partitioner.onState((state) => {
        if (state === "release") inBackground(partitioner.releaseSet());
      });
      return partitioner.start();
    };
    const first = make(one, "one");
    expect(await world.get(first.waitForAcquire())).toEqual(items);
    const others = [make(two, "two"), make(three, "three")];
    const all = [first, ...others];
    const isDivided = (): boolean => {
      const owned = all.flatMap(({ partition }) => partition);
      expect(new Set(owned).size).toBe(owned.length);
      return all.every(({ state }) => state === "acquired") && owned.length === items.length;
    };
    await world.until(
      "it is divided among three",
      () => isDivided() && all.every(({ partition }) => partition.length > 0),
    );
    world.loseLeader();
    three.abandon();
    all.pop();
    await world.until(
      "it is divided among two",
      () => isDivided() && all.every(({ partition }) => partition.length >= 2),
    );
    await world.get(others[0]?.finish() ?? Promise.resolve());
    all.pop();
    await world.until("it is one's alone", () => isDivided());
    await world.get(first.finish());
    expect([first.state, first.partition]).toEqual(["failure", []]);
  });

  test("a member that loses its session has failed, and is told", async () => {
    const world = new RecipeWorld(123);
    const [one] = await world.clients(1);
    const partitioner = new SetPartitioner(one, PATH, {
      items,
      identifier: "one",
      timeBoundaryMs: 500,
    }).start();
    await world.get(partitioner.waitForAcquire());
    one.link.rest(12_000, true);
    await world.until("it has failed", () => partitioner.state === "failure");
    expect(partitioner.signal.aborted).toBe(true);
    await expect(world.get(partitioner.waitForAcquire())).rejects.toMatchObject({ fault: "sessionLost" });
  });
});

describe("ServiceDiscovery, ServiceCache, ServiceProvider", () => {
  test("instances are found while they are there; who dies is gone, what is permanent stays; replicas and sessions are lost", async () => {
    const world = new RecipeWorld(124);
    const [one, two, three] = await world.clients(3);
    const discovery = new ServiceDiscovery(one, PATH);
    const other = new ServiceDiscovery(two, PATH);
    const reader = new ServiceDiscovery(three, PATH);
    await world.get(
      discovery.registerService(discovery.instance({ name: "web", id: "i1", address: "10.0.0.1", port: 80 })),
    );
    await world.get(other.registerService(other.instance({ name: "web", id: "i2" })));
    await world.get(
      other.registerService(other.instance({ name: "web", id: "i3", serviceType: "PERMANENT" })),
    );
    expect(await world.get(reader.queryForNames())).toEqual(["web"]);
    const cache = await world.get(reader.serviceCache("web").start());
    const ids = (): string => cache.instances.map(({ id }) => id).join();
    await world.until("all are seen", () => ids() === "i1,i2,i3");
    const provider = await world.get(reader.serviceProvider("web", { strategy: "sticky" }).start());
    const sticky = must(provider.getInstance(), "an instance");
    expect(provider.getInstance()).toEqual(sticky);
    provider.noteError(sticky);
    provider.noteError(sticky);
    expect(provider.getInstance()?.id).not.toBe(sticky.id);
    two.abandon();
    world.loseLeader();
    await world.until("the dead is gone", () => ids() === "i1,i3");
    const { session } = one;
    one.link.rest(12_000, true);
    await world.until("it is away", () => ids() === "i3");
    await world.until("it is registered anew", () => one.session !== session && ids() === "i1,i3");
    await world.get(discovery.updateService(discovery.instance({ name: "web", id: "i1", enabled: false })));
    await world.until("it is not given any more", () => ids() === "i3");
    expect((await world.get(reader.queryForInstances("web"))).map(({ id }) => id)).toEqual(["i1", "i3"]);
    await world.get(discovery.close());
    await world.get(reader.unregisterService({ name: "web", id: "i3" }));
    await world.until("none is left", () => ids() === "");
    expect(provider.getInstance()).toBeUndefined();
    expect(three.reports).toEqual([]);
  });

  test("strategies: in turn, by chance; what a filter refuses is left out; an error is forgiven in time", async () => {
    const world = new RecipeWorld(125);
    const [one] = await world.clients(1);
    const discovery = new ServiceDiscovery(one, PATH);
    for (const id of ["a", "b", "c"])
      await world.get(discovery.registerService(discovery.instance({ name: "s", id })));
    const turns = await world.get(discovery.serviceProvider("s").start());
    expect([1, 2, 3, 4].map(() => turns.getInstance()?.id)).toEqual(["a", "b", "c", "a"]);
    const chance = await world.get(
      discovery.serviceProvider("s", { strategy: "random", filter: ({ id }) => id !== "b" }).start(),
    );
    const given = new Set(Array.from({ length: 50 }, () => chance.getInstance()?.id));
    expect(given).toEqual(new Set(["a", "c"]));
    const [a] = turns.getAllInstances();
    for (let count = 0; count < 2; count++) turns.noteError(must(a, "an instance"));
    expect(turns.getAllInstances()).toHaveLength(2);
    await world.run(30_001);
    expect(turns.getAllInstances()).toHaveLength(3);
  });

  test("instances are Curator's JSON, addresses and all", () => {
    const spec = uriSpec("{scheme}://{address}:{port}/x");
    const instance = {
      name: "web",
      id: "i",
      address: "h",
      port: 80,
      sslPort: null,
      payload: { "@class": "com.example.P", a: 1 },
      registrationTimeUTC: 5,
      serviceType: "DYNAMIC",
      uriSpec: spec,
      enabled: true,
    } as const;
    expect(spec.parts).toEqual([
      { value: "scheme", variable: true },
      { value: "://", variable: false },
      { value: "address", variable: true },
      { value: ":", variable: false },
      { value: "port", variable: true },
      { value: "/x", variable: false },
    ]);
    expect(buildUri(instance)).toBe("http://h:80/x");
    const bytes = serializeInstance(instance);
    expect(new TextDecoder().decode(bytes)).not.toContain("enabled");
    expect(parseInstance(bytes, "/x")).toEqual(instance);
    expect(parseInstance(serializeInstance({ ...instance, enabled: false }), "/x").enabled).toBe(false);
    expect(() => parseInstance(new TextEncoder().encode("{"), "/x")).toThrow("/x holds no JSON");
    expect(() => uriSpec("{a")).toThrow("do not match");
  });
});

describe("TwoPhaseCommit", () => {
  const sites = ["s1", "s2", "s3"];

  test("all vote for it: commit; one votes against it: abort; what is decided stays", async () => {
    const world = new RecipeWorld(126);
    const [one, two, three] = await world.clients(3);
    const clients = [one, two, three];
    for (const [path, last, decided] of [
      ["/app/yes", "commit", "commit"],
      ["/app/no", "abort", "abort"],
    ] as const) {
      const commits = clients.map((client) => new TwoPhaseCommit(client, path));
      const [coordinator, second, third] = commits;
      await world.get(must(coordinator, "a coordinator").begin(sites));
      await world.get(must(coordinator, "a coordinator").begin(sites));
      const told = world.watch(Promise.all(commits.map(async (commit) => await commit.decision())));
      const deciding = world.watch(must(coordinator, "a coordinator").decide());
      await world.get(must(coordinator, "a coordinator").vote("s1", "commit"));
      await world.get(must(second, "a site").vote("s2", "commit"));
      await world.run(200);
      expect(told.outcome).toBeUndefined();
      expect(await world.get(must(third, "a site").vote("s3", last))).toBe(last);
      expect(await world.get(must(third, "a site").vote("s3", "abort"))).toBe(last);
      expect(await world.get(deciding.promise)).toBe(decided);
      expect(await world.get(told.promise)).toEqual([decided, decided, decided]);
      await world.get(must(second, "a site").forget(sites));
      expect(world.nodeAt(path)).toBeUndefined();
    }
  });

  test("a site dies before it votes: abort in time; the coordinator dies: a site decides; each replica is lost", async () => {
    const world = new RecipeWorld(127);
    const [one, two, three] = await world.clients(3, 10_000);
    const first = new TwoPhaseCommit(one, PATH);
    await world.get(first.begin(sites));
    await world.get(first.vote("s1", "commit"));
    await world.get(new TwoPhaseCommit(two, PATH).vote("s2", "commit"));
    const told = world.watch(new TwoPhaseCommit(two, PATH).decision());
    one.abandon();
    three.abandon();
    for (const sid of world.sids) {
      world.loseReplica(sid);
      await world.run(4000);
      await world.until("all serve", () => world.world.isServing());
    }
    expect(told.outcome).toBeUndefined();
    expect(await world.get(new TwoPhaseCommit(two, PATH).decide({ timeoutMs: 1000 }))).toBe("abort");
    expect(await world.get(told.promise)).toBe("abort");
    const late = await world.client();
    expect(await world.get(new TwoPhaseCommit(late, PATH).decide())).toBe("abort");
  });
});
