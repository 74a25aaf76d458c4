/** Every bound of the client, with its reason. */

/** A request's frame without its length: a replica hangs up on what is larger (ZooKeeper's jute.maxbuffer). */
export const REQUEST_BYTES_MAX = 0xfffff;

/** A reply's frame: the largest list of children that is still worth reading in one piece. */
export const REPLY_BYTES_MAX: number = 16 * 1024 * 1024;

/** Requests on their way at a time: half of what a replica takes from one client before it stops reading. */
export const IN_FLIGHT_REQUESTS_MAX = 500;

/** Bytes on their way at a time, the same half; a single larger request travels alone. */
export const IN_FLIGHT_BYTES_MAX: number = 4 * 1024 * 1024;

/** Requests that wait to be sent, while the window is full or there is no connection: more is refused at once. */
export const WAITING_REQUESTS_MAX = 10_000;

/** The same in bytes. */
export const WAITING_BYTES_MAX: number = 32 * 1024 * 1024;

/** Paths in one setWatches2, in bytes: as ZooKeeper's own client cuts them (ZOOKEEPER-706). */
export const SET_WATCHES_BYTES_MAX: number = 128 * 1024;

/** The first pause before the next attempt to connect; it doubles with each that fails, and is drawn by chance. */
export const BACKOFF_MS_FIRST = 100;

/** The longest pause: a replica that is back is found again within it. */
export const BACKOFF_MS_MAX = 5000;

/** One attempt to connect, its handshake included, takes no longer than this. */
export const ATTEMPT_MS_MAX = 10_000;

/** And may take so long, however short the session's timeout is. */
export const ATTEMPT_MS_MIN = 1000;

/** How long a close waits for its reply: the session ends by its timeout in any case. */
export const CLOSE_MS_MAX = 5000;
