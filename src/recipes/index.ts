/**
 * `edgekeeper/recipes`: what ZooKeeper's users build with Curator and kazoo, under the names that they have there.
 * docs/recipes.md lists them all, and says what happens to each when something fails.
 */
export { Barrier } from "./barrier.ts";
export { CachedAtomicLong } from "./cached-atomic-long.ts";
export { ChildrenWatch, type ChildrenWatchFunction } from "./children-watch.ts";
export { connectRecipes, SdkRecipeClient, type RecipeOptions } from "./connect-recipes.ts";
export { Counter, type CounterSettings } from "./counter.ts";
export { CuratorCache } from "./curator-cache.ts";
export { DataWatch, type DataWatchFunction } from "./data-watch.ts";
export { DistributedAtomicInteger } from "./distributed-atomic-integer.ts";
export { DistributedAtomicLong } from "./distributed-atomic-long.ts";
export {
  DistributedAtomicValue,
  type AtomicResult,
  type AtomicSettings,
  type MakeValue,
} from "./distributed-atomic-value.ts";
export { DistributedBarrier } from "./distributed-barrier.ts";
export { DistributedDelayQueue } from "./distributed-delay-queue.ts";
export { DistributedDoubleBarrier, type DoubleBarrierSettings } from "./distributed-double-barrier.ts";
export { DistributedIdQueue } from "./distributed-id-queue.ts";
export { DistributedPriorityQueue } from "./distributed-priority-queue.ts";
export {
  DistributedQueue,
  type DistributedQueueSettings,
  type QueueSerializer,
} from "./distributed-queue.ts";
export { DoubleBarrier } from "./double-barrier.ts";
export { Election } from "./election.ts";
export { GroupMember, type GroupMemberSettings } from "./group-member.ts";
export { Hold } from "./hold.ts";
export { InterProcessMultiLock, MultiHold, type AnyLock } from "./inter-process-multi-lock.ts";
export { InterProcessMutex, type MutexSettings, type ReentrantOptions } from "./inter-process-mutex.ts";
export { InterProcessReadWriteLock, type LockSide } from "./inter-process-read-write-lock.ts";
export { InterProcessSemaphoreMutex } from "./inter-process-semaphore-mutex.ts";
export {
  InterProcessSemaphoreV2,
  type LeaseCount,
  type SemaphoreV2Settings,
} from "./inter-process-semaphore-v2.ts";
export { LeaderLatch, type LeaderLatchSettings } from "./leader-latch.ts";
export { LeaderSelector, type LeaderSelectorSettings, type TakeLeadership } from "./leader-selector.ts";
export { Lock } from "./lock.ts";
export { LockingQueue, type LockedEntry } from "./locking-queue.ts";
export { MultiNonBlockingLease } from "./multi-non-blocking-lease.ts";
export { NodeCache } from "./node-cache.ts";
export { NonBlockingLease, type Lease, type NonBlockingLeaseSettings } from "./non-blocking-lease.ts";
export { Party } from "./party.ts";
export { PathChildrenCache } from "./path-children-cache.ts";
export type { WaitOptions } from "./patience.ts";
export { PatientChildrenWatch, type PatientChildren } from "./patient-children-watch.ts";
export { PersistentNode, type PersistentNodeSettings } from "./persistent-node.ts";
export { PersistentTtlNode, type PersistentTtlNodeSettings } from "./persistent-ttl-node.ts";
export { PersistentWatcher } from "./persistent-watcher.ts";
export { Queue } from "./queue.ts";
export { ReadLock } from "./read-lock.ts";
export type {
  Children,
  ConnectionState,
  CreateMode,
  CreateSettings,
  Created,
  RecipeClient,
  RecipeClock,
  RecipeSession,
  Stat,
  TransactionPart,
  TransactionResult,
  WatchEvent,
  WatchListener,
  Znode,
} from "./recipe-client.ts";
export { RecipeError, type RecipeFault } from "./recipe-error.ts";
export { attemptRevoke } from "./revoker.ts";
export { Semaphore, type SemaphoreSettings } from "./semaphore.ts";
export { ServiceCache } from "./service-cache.ts";
export { ServiceDiscovery, type NewInstance } from "./service-discovery.ts";
export {
  buildUri,
  uriSpec,
  type ServiceInstance,
  type ServiceType,
  type UriPart,
} from "./service-instance.ts";
export { ServiceProvider, type ProviderStrategy, type ServiceProviderSettings } from "./service-provider.ts";
export {
  SetPartitioner,
  type PartitionFunction,
  type PartitionState,
  type SetPartitionerSettings,
} from "./set-partitioner.ts";
export { ShallowParty } from "./shallow-party.ts";
export { SharedCount } from "./shared-count.ts";
export { SharedValue, type VersionedValue } from "./shared-value.ts";
export { SimpleDistributedQueue } from "./simple-distributed-queue.ts";
export type { MirrorEntry, MirrorEvent } from "./subtree-mirror.ts";
export { TreeCache } from "./tree-cache.ts";
export { TwoPhaseCommit, type Decision } from "./two-phase-commit.ts";
export { WriteLock } from "./write-lock.ts";
