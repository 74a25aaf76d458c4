/**
 * What the simulator's checks of histories do not see in a real run, which knows no log: what every replica shows at
 * the end, all of it together. That each znode is what clients were told is theirs to say: the views are read by
 * clients like any other.
 */
import { equalZxid, zxidText } from "../../src/base/zxid.ts";
import { told } from "../sim/history/same.ts";
import { operationLine } from "../sim/history/told-operations.ts";
import type { Operation } from "../sim/history/types.ts";
import { Violation } from "../sim/verdict.ts";
import type { FinalZnode, ReplicaView } from "./view.ts";

/** Errors that per-znode checks explain or refute, and those that say something of the session. */
const EXPLAINED: ReadonlySet<number> = new Set([-101, -103, -110, -112, -118]);
const SEQUENCE = /^-?\d{10}$/;

/** Judges what all replicas show. */
export function checkViews(
  operations: readonly Operation[],
  views: readonly ReplicaView[],
): readonly Violation[] {
  return [
    ...views.flatMap((view) => [...checkMultis(operations, view), ...checkSequentials(operations, view)]),
    ...checkReplies(operations),
    ...checkReplicas(views),
  ];
}

/** Of what a multi creates all is there, or nothing, since one zxid. */
function checkMultis(operations: readonly Operation[], view: ReplicaView): readonly Violation[] {
  return operations.flatMap((operation) => {
    const { request } = operation;
    if (request.op !== "multi") return [];
    const paths = request.operations.flatMap((one) => ("flags" in one && one.flags === 0 ? [one.path] : []));
    const found = paths.flatMap((path) => {
      const znode = view.znodes.get(path);
      return znode === undefined ? [] : [znode];
    });
    const [first] = found;
    if (first === undefined) return [];
    const name = `${view.name}: ${operationLine(operation)}`;
    if (found.length < paths.length) {
      return [
        new Violation("a multi is whole or absent", `${name}: ${found.length} of ${paths.length} exist`),
      ];
    }
    const other = found.find(({ stat }) => !equalZxid(stat.czxid, first.stat.czxid));
    if (other === undefined) return [];
    const zxids = `${zxidText(first.stat.czxid)} and ${zxidText(other.stat.czxid)}`;
    return [new Violation("a multi has one zxid", `${name}: ${zxids}`)];
  });
}

/** One sequential create, whose name is its own, makes one znode. */
function checkSequentials(operations: readonly Operation[], view: ReplicaView): readonly Violation[] {
  const byPrefix = Map.groupBy(view.znodes.keys(), (path) =>
    SEQUENCE.test(path.slice(-10)) ? path.slice(0, -10) : "",
  );
  return operations.flatMap((operation) => {
    const prefix = sequentialPrefix(operation);
    const found = prefix === undefined ? [] : (byPrefix.get(prefix) ?? []);
    if (found.length < 2) return [];
    const what = `${view.name}: ${operationLine(operation)}: ${found.join(" ")}`;
    return [new Violation("one create makes one znode", what)];
  });
}

/** A reply is to its request, and nothing is refused that must not be. */
function checkReplies(operations: readonly Operation[]): readonly Violation[] {
  return operations.flatMap((operation) => {
    const { outcome } = operation;
    if (outcome.kind !== "answered") return [];
    if (outcome.error !== 0 && !EXPLAINED.has(outcome.error)) {
      return [new Violation("nothing is refused without a reason", operationLine(operation))];
    }
    const prefix = sequentialPrefix(operation);
    const { response } = outcome;
    if (prefix === undefined || response?.op !== "create2" || response.path.startsWith(prefix)) return [];
    return [new Violation("a reply is to its request", operationLine(operation))];
  });
}

function sequentialPrefix({ request }: Operation): string | undefined {
  if (!("flags" in request)) return undefined;
  return request.flags === 2 || request.flags === 3 ? request.path : undefined;
}

/** Replicas that have delivered the same show the same, znode by znode. */
function checkReplicas(views: readonly ReplicaView[]): readonly Violation[] {
  const [first, ...others] = views;
  if (first === undefined) return [];
  return others.flatMap((other) => {
    const paths = new Set([...first.znodes.keys(), ...other.znodes.keys()]);
    return [...paths].flatMap((path) => {
      const ours = shown(first.znodes.get(path));
      const theirs = shown(other.znodes.get(path));
      if (ours === theirs) return [];
      const what = `${path}: ${first.name} shows ${ours}, ${other.name} shows ${theirs}`;
      return [new Violation("replicas agree", what)];
    });
  });
}

function shown(znode: FinalZnode | undefined): string {
  return znode === undefined ? "nothing" : told(znode);
}
