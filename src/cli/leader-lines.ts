/** Who leads, read from what replicas print of their phases, for whoever looks at the terminal. */

/** As text, and as JSON (LOG_FORMAT): see keeper's phaseText. */
const LEADS = /([^\s"/]+)\/(\d+)(?: phase |","event":"phase","text":")leading broadcast, epoch (\d+)/;

/** Tells of a change of the leader, where that is what the line of a replica says. */
export function tellLeader(line: string, tell: (text: string) => void): void {
  const told = leaderLine(line);
  if (told !== undefined) tell(told);
}

/** What a line of a replica says of a change of the leader, plainly; undefined where it says nothing of that. */
export function leaderLine(line: string): string | undefined {
  const [, ensemble, sid, epoch] = LEADS.exec(line) ?? [];
  return ensemble === undefined ? undefined : `replica ${sid} leads ${ensemble}, epoch ${epoch}`;
}
