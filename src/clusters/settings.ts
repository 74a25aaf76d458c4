/** How other systems are told where the ensemble is. */
import { BadArgumentsError } from "../client/errors.ts";
import { pathProblem } from "../base/path.ts";

/** An ensemble as ZooKeeper's clients find it: a local one, or a deployment behind the bridge. */
export interface ClusterPlace {
  /** `host:port` of each door. */
  readonly hosts: readonly string[];
  /** All znodes of the system are below this one; `/` for none. */
  readonly chroot: string;
}

/** A file, or the part of one, that a system reads. */
export interface SettingsFile {
  readonly name: string;
  readonly text: string;
}

/** A place, checked. Throws BadArgumentsError where a host has no port or the chroot is no path. */
export function clusterPlace(hosts: string | readonly string[], chroot = "/"): ClusterPlace {
  const list = typeof hosts === "string" ? hosts.split(",") : hosts;
  const wrong = list.find((host) => !/^(?:[\w.-]+|\[[\da-fA-F:]+\]):\d{1,5}$/.test(host));
  if (wrong !== undefined || list.length === 0) {
    throw new BadArgumentsError({ detail: `"${wrong ?? ""}" is no host:port, as 127.0.0.1:2181 is` });
  }
  const problem = pathProblem(chroot);
  if (problem !== undefined) throw new BadArgumentsError({ path: chroot, detail: problem });
  return { hosts: list, chroot };
}

/** ZooKeeper's connect string: the doors, and the chroot behind them. */
export function connectString({ hosts, chroot }: ClusterPlace): string {
  return hosts.join(",") + (chroot === "/" ? "" : chroot);
}

/** The doors alone, for systems that have a root znode of their own. */
export function quorum({ hosts }: ClusterPlace): string {
  return hosts.join(",");
}
