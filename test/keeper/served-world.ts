/** A world that serves, and the writes of a caller in it, for tests of what is told of the past. */
import type { Zxid } from "../../src/base/zxid.ts";
import { call, create } from "./test-caller.ts";
import { World } from "./world.ts";

/** Where to ask. */
export interface Served {
  readonly world: World;
  readonly leader: number;
  readonly follower: number;
}

/** A world with a leader. */
export function served(voters = 3): Served {
  const world = new World({ voters, seed: 7 }).startAll();
  const leader = world.untilServing();
  const follower = world.sids.find((sid) => sid !== leader) ?? leader;
  return { world, leader, follower };
}

/** Creates a znode; gives the zxid. */
export function write(world: World, sid: number, path: string, text: string): Zxid {
  return call(world, sid, { kind: "write", request: create(path, text) }).answered().zxid;
}

/** Sets its data; gives the zxid. */
export function set(world: World, sid: number, path: string, text: string): Zxid {
  const data = new TextEncoder().encode(text);
  const request = { op: "setData", path, data, version: -1 } as const;
  return call(world, sid, { kind: "write", request }).answered().zxid;
}
