/** Ensembles by their names. */
import { newBridged } from "./bridged.ts";
import { newEdgekeeper } from "./edgekeeper.ts";
import type { Target, TargetName } from "./target.ts";
import { newZooKeeper } from "./zookeeper.ts";

const MAKERS: Readonly<Record<TargetName, () => Promise<Target>>> = {
  zookeeper: newZooKeeper,
  edgekeeper: newEdgekeeper,
  direct: async () => await newEdgekeeper({ isDirect: true }),
  bridge: newBridged,
};

/** One that is not started yet. */
export async function newTarget(name: TargetName): Promise<Target> {
  return await MAKERS[name]();
}

/** One on new data, that serves. */
export async function startTarget(name: TargetName): Promise<Target> {
  const target = await newTarget(name);
  await target.start();
  return target;
}
