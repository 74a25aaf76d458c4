/**
 * Which session timeout the bridge asks for, and which it tells its client. As it answers pings for the replica
 * (ping-desk.ts), the ensemble may know less of the client than the client believes, by a quarter of the timeout: so it
 * asks for a third more than the client wants, and tells three quarters of what is granted. What the client wanted is
 * what it gets, unless the ensemble grants less.
 */

/** The largest timeout that the wire can hold. */
const INT_MAX = 0x7f_ff_ff_ff;

/** What is asked for in place of a client's wish, in ms; what makes no sense is the ensemble's to judge. */
export function askedTimeoutMs(wishedMs: number): number {
  return wishedMs <= 0 ? wishedMs : Math.min(INT_MAX, Math.ceil((wishedMs * 4) / 3));
}

/** What the client is told where so much was granted, in ms; 0 is the end of a session, and stays. */
export function toldTimeoutMs(grantedMs: number): number {
  return grantedMs <= 0 ? grantedMs : Math.floor((grantedMs * 3) / 4);
}
