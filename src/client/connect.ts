/** Makes a client, and waits for its first connection. */
import { NO_SESSION } from "../base/ids.ts";
import { ZXID_ZERO, zxidFromBigInt } from "../base/zxid.ts";
import { Chroot } from "./chroot.ts";
import { Client } from "./client.ts";
import { BadArgumentsError, ConnectionLossError } from "./errors.ts";
import type { SessionIdentity } from "./machine/session-machine.ts";
import type { ConnectOptions, SessionTicket } from "./options.ts";
import { defaultRuntime } from "./runtime.ts";
import { type FailedAttempt, Session, type StateEvent } from "./session.ts";
import { webSocketTransport } from "./web-socket.ts";
import type { WatchEvent } from "./znode.ts";

const TIMEOUT_MS_DEFAULT = 30_000;
const CONNECT_MS_DEFAULT = 30_000;

/** As in ZooKeeper's own client (ZOOKEEPER-4508). */
const OUT_OF_TOUCH_DEFAULT = 4 / 3;

/**
 * Connects to an ensemble: `https://host` for the ensemble main, `https://host/ENSEMBLE` for another, or several such
 * addresses. Resolves with the first connection. Throws ConnectionLossError where there is none in time,
 * SessionExpiredError where a session to be taken over has expired, and the signal's reason.
 */
export async function connect(
  address: string | readonly string[],
  options: ConnectOptions = {},
): Promise<Client> {
  const { timeoutMs = TIMEOUT_MS_DEFAULT, connectTimeoutMs = CONNECT_MS_DEFAULT, signal } = options;
  signal?.throwIfAborted();
  const isOwnTransport = options.transport !== undefined;
  const addresses = typeof address === "string" ? [address] : address;
  if (addresses.length === 0) throw new BadArgumentsError({ detail: "there is no address to connect to" });
  const runtime = options.runtime ?? defaultRuntime();
  const endpoints = isOwnTransport ? addresses : addresses.map((one) => endpointOf(one));
  const session = new Session({
    setup: {
      endpoints,
      timeoutMs,
      identity: options.session === undefined ? undefined : identityOf(options.session),
      outOfTouchFactor: options.outOfTouchFactor ?? OUT_OF_TOUCH_DEFAULT,
      rng: runtime.rng,
    },
    transport:
      options.transport ?? webSocketTransport({ token: options.token, WebSocket: options.WebSocket }),
    runtime,
  });
  const chroot = new Chroot(options.chroot);
  const client = new Client(session, { chroot, runtime, retriesReads: options.retryReads ?? true });
  const { onRetry } = options;
  if (onRetry !== undefined) session.onFailure((failed) => onRetry(lossOf(failed)));
  await firstConnection({ session, connectTimeoutMs, signal, runtime });
  if (!isOwnTransport && options.discover !== false) discover(client, session, endpoints);
  return client;
}

async function firstConnection(parts: {
  readonly session: Session;
  readonly connectTimeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly runtime: Client["runtime"];
}): Promise<void> {
  const { session, connectTimeoutMs, signal, runtime } = parts;
  const stops: (() => void)[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      let last = "";
      stops.push(
        session.onFailure(({ endpoint, reason }) => {
          last = `, the last attempt at ${endpoint}: ${reason}`;
        }),
        session.onState(({ state }: StateEvent) => {
          if (state === "connected") resolve();
        }),
        runtime.startTimer(connectTimeoutMs, () => {
          const asked = "is the address right, and the token?";
          const detail = `no replica let us in within ${connectTimeoutMs} ms${last}; ${asked}`;
          reject(new ConnectionLossError({ detail, mayBeDone: false }));
        }),
        onAbort(session.ended, reject),
      );
      if (signal !== undefined) stops.push(onAbort(signal, reject));
      session.start();
    });
  } catch (error) {
    await session.close("abandon");
    throw error;
  } finally {
    for (const stop of stops) stop();
  }
}

function lossOf({ endpoint, reason }: FailedAttempt): ConnectionLossError {
  return new ConnectionLossError({ at: endpoint, detail: reason, mayBeDone: false });
}

/** Tells a signal's reason, until the function that it returns is called. */
function onAbort(signal: AbortSignal, tell: (reason: unknown) => void): () => void {
  const listener = (): void => tell(signal.reason);
  signal.addEventListener("abort", listener, { once: true });
  return () => signal.removeEventListener("abort", listener);
}

/** Where to go when this replica is lost: to each of them, by number. Without it the gateway picks one. */
function discover(client: Client, session: Session, endpoints: readonly string[]): void {
  const again = ({ type }: WatchEvent): void => {
    if (type !== "ended") discover(client, session, endpoints);
  };
  client
    .config({ watch: again })
    .then(({ servers }) => {
      const bySid = endpoints.flatMap((endpoint) => servers.map(({ sid }) => withSid(endpoint, sid)));
      session.replaceEndpoints(bySid);
    })
    .catch(() => {
      // It may not be read, or the session is over: the gateway goes on picking.
    });
}

function withSid(endpoint: string, sid: number): string {
  const url = new URL(endpoint);
  url.searchParams.set("sid", String(sid));
  return url.href;
}

/** The WebSocket of an ensemble's address. */
function endpointOf(address: string): string {
  if (!URL.canParse(address)) {
    throw new BadArgumentsError({ detail: `"${address}" is no URL: https://host/ENSEMBLE is meant` });
  }
  const url = new URL(address);
  const scheme = { "http:": "ws:", "https:": "wss:", "ws:": "ws:", "wss:": "wss:" }[url.protocol];
  if (scheme === undefined) {
    throw new BadArgumentsError({
      detail: `"${address}" begins with ${url.protocol}: https: or wss: is meant`,
    });
  }
  const [ensemble = "main", ...rest] = url.pathname.split("/").filter((part) => part !== "");
  if (rest.length > 1 || (rest.length === 1 && rest[0] !== "zk")) {
    const detail = `"${address}" has more than an ensemble in its path: use the option chroot for paths of znodes`;
    throw new BadArgumentsError({ detail });
  }
  return `${scheme}//${url.host}/${ensemble}/zk${url.search}`;
}

function identityOf({ id, password, zxid }: SessionTicket): SessionIdentity {
  const isWellFormed =
    /^[0-9a-f]{16}$/.test(id) && /^(?:[0-9a-f]{2})*$/.test(password) && /^\d{1,20}$/.test(zxid);
  if (!isWellFormed || BigInt(`0x${id}`) === NO_SESSION) {
    throw new BadArgumentsError({ detail: "the session's ticket is none: pass on what client.ticket gave" });
  }
  const bytes = password.match(/../g)?.map((pair) => Number.parseInt(pair, 16)) ?? [];
  const seen = zxid === "" ? ZXID_ZERO : zxidFromBigInt(BigInt(zxid));
  return { id: BigInt(`0x${id}`), password: Uint8Array.from(bytes), seen };
}
