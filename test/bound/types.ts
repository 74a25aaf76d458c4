/**
 * What a caller sees and what stands behind it are two lists: this does not compile where they differ. What the
 * platform makes of a result (a stub for an RpcTarget, a promise for a property) its types can't tell as exactly.
 */
import type {
  Config,
  Contender,
  Counter,
  EdgekeeperBinding,
  Election,
  Ending,
  Leadership,
  Node,
  Session,
  Watch,
} from "../../src/binding/binding.ts";
import type { ConfigTarget } from "../../src/gateway/rpc/config.ts";
import type { CounterTarget } from "../../src/gateway/rpc/counter.ts";
import type { ElectionTarget } from "../../src/gateway/rpc/election.ts";
import type { BindingEntrypoint } from "../../src/gateway/rpc/entrypoint.ts";
import type { EndingTarget } from "../../src/gateway/rpc/kept-session.ts";
import type { ContenderTarget, LeaseTarget } from "../../src/gateway/rpc/lease.ts";
import type { NodeTarget, SessionTarget } from "../../src/gateway/rpc/node.ts";
import type { WatchTarget } from "../../src/gateway/rpc/watch.ts";

/** The names that one has and the other has not; none of the platform's own. */
type Difference<Seen, There> = Exclude<keyof Seen | keyof There, (keyof Seen & keyof There) | PlatformKey>;

type PlatformKey =
  | (symbol | "__WORKER_ENTRYPOINT_BRAND" | "__RPC_TARGET_BRAND")
  | ("fetch" | "connect" | "queue" | "scheduled" | "email" | "tail" | "tailStream" | "trace" | "test");

/** Takes arguments as the method behind it does. */
type SameArguments<Seen, There> = {
  [Name in keyof Seen & keyof There & string]: Seen[Name] extends (...values: infer Values) => unknown
    ? There[Name] extends (...values: Values) => unknown
      ? never
      : Name
    : never;
}[keyof Seen & keyof There & string];

type Wrong<Seen, There> = Difference<Seen, There> | SameArguments<Seen, There>;

/** Of each, the names of what differs: never where nothing does. */
interface Differences {
  readonly binding: Wrong<EdgekeeperBinding, BindingEntrypoint>;
  readonly leadership: Wrong<Leadership, LeaseTarget>;
  readonly contender: Wrong<Contender, ContenderTarget>;
  readonly ending: Wrong<Ending, EndingTarget>;
  readonly election: Wrong<Election, ElectionTarget>;
  readonly node: Wrong<Node, NodeTarget>;
  readonly session: Wrong<Session, SessionTarget>;
  readonly watch: Wrong<Watch, WatchTarget>;
  readonly config: Wrong<Config, ConfigTarget>;
  readonly counter: Wrong<Counter, CounterTarget>;
}

/** Compiles only where all of them are never. */
export const none: Readonly<Record<keyof Differences, never>> | undefined = undefined as
  | Differences
  | undefined;
