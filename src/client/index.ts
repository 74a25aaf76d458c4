/**
 * The package `edgekeeper`: a client of ensembles, for browsers, Node, Deno, Bun and Workers.
 * @module
 */
export { Client } from "./client.ts";
export type { ClientState } from "./client.ts";
export type { EnsembleConfig, ServerLine } from "./config.ts";
export { connect } from "./connect.ts";
export * from "./errors.ts";
export type * from "./options.ts";
export { defaultRuntime, randomUuid } from "./runtime.ts";
export type { Runtime } from "./runtime.ts";
export type { StateEvent } from "./session.ts";
export { Transaction } from "./transaction.ts";
export type { TransactionCreateOptions, TransactionResult } from "./transaction.ts";
export type { Channel, ChannelListener, Transport } from "./transport.ts";
export type { Watch } from "./watch.ts";
export { webSocketTransport } from "./web-socket.ts";
export type { WebSocketClass, WebSocketOptions } from "./web-socket.ts";
export { json, openAcl, Znode, zxidText } from "./znode.ts";
export type { Acl, Created, DataInput, Identity, Stat, WatchEvent, WatchEventType } from "./znode.ts";
export { PERMS } from "../base/acl.ts";
export { http, HttpClient } from "./http/http-client.ts";
export type { HttpCreateOptions, HttpOptions, PutOptions, Written } from "./http/http-client.ts";
export type { HttpReadOptions, HttpRequestOptions, HttpWriteOptions } from "./http/write-options.ts";
export { HttpConfig } from "./http/http-config.ts";
export type { ConfigDocument, ConfigRevision, ConfigWriteOptions } from "./http/http-config.ts";
export { HttpCounter } from "./http/http-counter.ts";
export type { CounterState } from "./http/http-counter.ts";
export type { BodyReader, Fetch, HttpResponse } from "./http/caller.ts";
export * from "./http/http-errors.ts";
export { HttpSession } from "./http/http-session.ts";
export type { HttpSessionOptions } from "./http/http-session.ts";
export { HttpTransaction } from "./http/http-transaction.ts";
export type { HttpTransactionResult } from "./http/http-transaction.ts";
export type { HttpEvent, HttpWatch, HttpWatchOptions } from "./http/http-watch.ts";
export type {
  Difference,
  Explanation,
  Moment,
  PastChange,
  PastSide,
  PastStat,
  PastZnode,
} from "./http/past.ts";
export { Lead, Lease } from "./http/lease.ts";
export type { CampaignOptions, LockOptions, SemaphoreOptions } from "./http/lease.ts";
export type { Candidate, Contender, Election, LockQueue } from "./http/lock-queue.ts";
