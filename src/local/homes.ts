/**
 * Which process an object lives in, where one machine runs the Worker in several. A replica's object is named
 * `ensemble/sid`; whatever else there is lives in the first.
 */

/** The process, counted from 0, of the replica with this sid. */
export function homeOfReplica(sid: number, processes: number): number {
  return (sid - 1) % processes;
}

/** The process, counted from 0, of the object with this name. */
export function homeOfObject(name: string, processes: number): number {
  const [, sid] = /\/([1-9]\d*)$/.exec(name) ?? [];
  return sid === undefined ? 0 : homeOfReplica(Number(sid), processes);
}
