/** What the contract has of the routes by which an ensemble is looked after. */
import type { ApiInit } from "../harness/http-api.ts";

/** In a path: the id of a session that is made for it. */
export const DOOMED: string = "d".repeat(16);

const OPEN = [{ scheme: "world", id: "anyone", permissions: ["read", "write", "create", "delete", "admin"] }];
const NONE = [{ scheme: "nobody-knows", id: "x", permissions: ["read"] }];

/** Those that tell of all of the ensemble. */
export const SURVEY_ROUTES: RegExp = /^\/(sessions|watches|locks$|semaphores$|elections$)/;

/** Each route as it succeeds. */
export const SURVEY_SUCCESSES: readonly (readonly [string, string, () => ApiInit])[] = [
  ["GET", "/acl/there", () => ({})],
  ["PUT", "/acl/there", () => ({ json: { acl: OPEN } })],
  ["GET", "/whoami", () => ({})],
  ["GET", "/sessions", () => ({})],
  ["GET", `/sessions/${DOOMED}`, () => ({})],
  ["DELETE", `/sessions/${DOOMED}`, () => ({})],
  ["GET", "/watches", () => ({})],
  ["GET", "/locks", () => ({})],
  ["GET", "/semaphores", () => ({})],
  ["GET", "/elections", () => ({})],
];

/** And as it fails. */
export const SURVEY_FAILURES: readonly (readonly [string, string, () => ApiInit, string])[] = [
  ["GET", "/acl/there?consistency=maybe", () => ({}), "400 bad-request"],
  ["GET", "/acl/zookeeper/call-keys", () => ({}), "403 no-auth"],
  ["GET", "/acl/none", () => ({}), "404 no-node"],
  ["PUT", "/acl/there", () => ({ json: { acl: NONE } }), "400 bad-acl"],
  ["PUT", "/acl/there", () => ({ json: { acl: [] } }), "400 bad-acl"],
  ["PUT", "/acl/zookeeper/config", () => ({ json: { acl: OPEN } }), "403 no-auth"],
  ["PUT", "/acl/none", () => ({ json: { acl: OPEN } }), "404 no-node"],
  ["PUT", "/acl/there", () => ({ json: { acl: OPEN }, headers: { "if-match": '"a77"' } }), "412 bad-version"],
  ["PUT", "/acl/there", () => ({ json: { acl: OPEN }, headers: { "if-match": "77" } }), "400 bad-request"],
  ["PUT", "/acl/there", () => ({ body: "", headers: { "content-type": "x/y" } }), "415 bad-content-type"],
  ["GET", "/sessions?limit=0", () => ({}), "400 bad-request"],
  ["GET", "/sessions?after=x", () => ({}), "400 bad-request"],
  ["GET", "/sessions/mine", () => ({}), "400 bad-request"],
  ["GET", `/sessions/${DOOMED}`, () => ({}), "404 no-such-session"],
  ["DELETE", "/sessions/mine", () => ({}), "400 bad-request"],
  ["DELETE", `/sessions/${DOOMED}`, () => ({}), "404 no-such-session"],
  ["GET", "/watches?limit=0", () => ({}), "400 bad-request"],
  ["GET", "/locks?limit=0", () => ({}), "400 bad-request"],
  ["GET", "/semaphores?limit=0", () => ({}), "400 bad-request"],
  ["GET", "/elections?limit=0", () => ({}), "400 bad-request"],
];
