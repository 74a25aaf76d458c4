/**
 * What a caller sees and what stands behind it are two lists: this does not compile where they differ. What the platform
 * makes of a method's result (a stub for an RpcTarget, a promise for a property) can't be told by its types as exactly.
 */
import type {
  Contender,
  EdgekeeperBinding,
  Election,
  Leadership,
  Node,
  Session,
  Watch,
} from "../../src/binding/binding.ts";
import type { Config, Counter, Ending } from "../../src/binding/binding.ts";
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

/** Compiles only where nothing differs: else the type is the name of what does. */
export const differences: readonly never[] = [] as readonly (
  | Wrong<EdgekeeperBinding, BindingEntrypoint>
  | Wrong<Leadership, LeaseTarget>
  | Wrong<Contender, ContenderTarget>
  | Wrong<Ending, EndingTarget>
  | Wrong<Election, ElectionTarget>
  | Wrong<Node, NodeTarget>
  | Wrong<Session, SessionTarget>
  | Wrong<Watch, WatchTarget>
  | Wrong<Config, ConfigTarget>
  | Wrong<Counter, CounterTarget>
)[];
