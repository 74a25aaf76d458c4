/**
 * Judges a history of clients under faults against what every replica shows at the end. A pure function: the
 * same history gives the same verdict, and hand-made bad ones prove that it can fail.
 *
 * What it holds against each other: acknowledged writes are there, refused and never sent ones are not,
 * unknown ones are whole or absent; order of zxids, sequence numbers, counters and reads; ephemerals and
 * their sessions; replicas among each other.
 */
import { checkOrder, checkReads } from "./check-order.ts";
import { checkRefusals, checkSessions } from "./check-sessions.ts";
import { checkZnodes } from "./check-znodes.ts";
import { type History, operationText, pathsOf, type ReplicaView } from "./history.ts";
import { type Violation, violation } from "./violation.ts";

/** All that was broken; nothing where the guarantees held. */
export function check(history: History, views: readonly ReplicaView[]): readonly Violation[] {
  return [
    ...history.faults.map((what) => violation("protocol", what)),
    ...views.flatMap((view) => checkZnodes(history, view)),
    ...checkReplicas(views),
    ...checkOrder(history),
    ...checkReads(history),
    ...checkSessions(history),
    ...checkRefusals(history),
  ];
}

/** All that is known of a path, in order of time. */
export function historyOf(history: History, path: string): readonly string[] {
  return history.operations
    .filter((operation) => pathsOf(operation).includes(path))
    .toSorted((a, b) => a.startMs - b.startMs)
    .map(operationText);
}

/** Replicas that have delivered the same show the same, znode by znode. */
function checkReplicas(views: readonly ReplicaView[]): readonly Violation[] {
  const [first, ...others] = views;
  if (first === undefined) return [];
  return others.flatMap((other) => {
    const paths = new Set([...first.znodes.keys(), ...other.znodes.keys()]);
    return [...paths].flatMap((path) => {
      const ours = shown(first, path);
      const theirs = shown(other, path);
      if (ours === theirs) return [];
      return [
        violation("replicas agree", `${first.name} shows ${ours}, ${other.name} shows ${theirs}`, path),
      ];
    });
  });
}

function shown(view: ReplicaView, path: string): string {
  const znode = view.znodes.get(path);
  if (znode === undefined) return "nothing";
  return JSON.stringify({ ...znode, ephemeralOwner: znode.ephemeralOwner.toString(16) });
}
