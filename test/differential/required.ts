/**
 * What streams must bring about for their silence to mean something: outcomes at the real server, by section and name
 * of the table of coverage. Fifty streams of the usual length do, and what one seed does is the same every time.
 */
import type { OpcodeName } from "../../src/jute/opcodes.ts";
import type { Coverage } from "./coverage.ts";

/** So many requests must show all of it. */
export const ENOUGH_REQUESTS = 15_000;

/** The outcomes, separated by commas. */
export const REQUIRED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  operations: {
    create: "ok, -8, -101, -102, -108, -110, -114, -125",
    create2: "ok, -8, -101, -102, -108, -110, -114, -125",
    createContainer: "ok, -8, -101, -102, -108, -110, -114, -125",
    createTTL: "ok, -8, -101, -102, -108, -110, -114, -125",
    delete: "ok, -8, -101, -102, -103, -111",
    setData: "ok, -8, -101, -102, -103, -125",
    setACL: "ok, -8, -101, -102, -103, -114",
    exists: "ok, -8, -101, -102",
    getData: "ok, -101, -102",
    getACL: "ok, -101, -102",
    getChildren: "ok, -101, -102",
    getChildren2: "ok, -101, -102",
    getAllChildrenNumber: "ok, -101, -102",
    getEphemerals: "ok",
    multi:
      "ok, -5, inner -8, inner -101, inner -102, inner -103, inner -110, inner -111, inner -114, " +
      "inner -125",
    multiRead: "ok, inner -101, inner -102",
    addWatch: "ok, -5",
    checkWatches: "ok, -5, -121",
    removeWatches: "ok, -5, -121",
    setWatches: "ok",
    setWatches2: "ok",
    sync: "ok",
    ping: "ok",
    whoAmI: "ok",
    auth: "ok, -115",
    sasl: "ok, -115, no reply",
    closeSession: "ok",
  },
  "in a multi": {
    create: "-8, -101, -102, -108, -110, -114, -125",
    create2: "-101, -110, -114",
    createContainer: "-101, -110, -114",
    createTTL: "-8, -101, -110, -114",
    delete: "-8, -101, -102, -103, -111",
    setData: "ok, -8, -101, -102, -103, -125",
    check: "ok, -8, -101, -103",
  },
  "in a multiRead": { getData: "ok, -101, -102", getChildren: "ok, -101, -102" },
  znodes: {
    persistent: "made",
    "persistent sequential": "made",
    ephemeral: "made",
    "ephemeral sequential": "made",
    container: "made",
    TTL: "made",
    "TTL sequential": "made",
  },
  watches: {
    data: "set",
    exist: "set",
    child: "set",
    persistent: "set",
    "persistent recursive": "set",
    told: "created, deleted, data changed, children changed",
  },
  "ACL schemes": {
    world: "taken, refused",
    auth: "taken, refused",
    digest: "taken, refused",
    ip: "taken, refused",
    sasl: "taken",
    x509: "taken, refused",
    nobody: "refused",
    none: "refused",
  },
  logins: {
    digest: "ok, -115",
    ip: "ok",
    sasl: "ok, -115, no reply",
    x509: "-115",
    world: "-115",
    auth: "-115",
    super: "-115",
    nobody: "-115",
  },
  connections: {
    "connect new": "ok",
    "connect own": "ok, closed",
    "connect own beside the open one": "ok",
    "connect wrongPassword": "closed",
    "connect shortPassword": "closed",
    "connect unknownSession": "closed",
    "connect ahead": "closed",
    drop: "ok",
    partial: "ok",
  },
  "bad frames": { bytes: "no reply", cut: "-5, no reply", flip: "-5, -101", opcode: "-6" },
};

/** Operations that random streams leave out, and the test that compares them with the real server. */
export const ELSEWHERE: Readonly<Partial<Record<OpcodeName, string>>> = {
  // It would change the ensemble for all streams, and one server alone refuses it.
  reconfig: "test/system/reconfig-differential.test.ts",
  // From clients: answered otherwise on purpose.
  createSession: "test/system/differential.test.ts",
  deleteContainer: "test/system/differential.test.ts",
  // What servers send, in events and in the results of a multi; as a request both are odd opcodes, as check is.
  notification: "test/differential/generate.ts",
  error: "test/differential/generate.ts",
  check: "test/differential/generate.ts",
};

/** What was not seen of it, a line each. */
export function missingIn(coverage: Coverage): readonly string[] {
  return Object.entries(REQUIRED).flatMap(([section, names]) =>
    Object.entries(names).flatMap(([name, outcomes]) =>
      outcomes
        .split(", ")
        .filter((outcome) => coverage.count(section, name, outcome) === 0)
        .map((outcome) => `${section}, ${name}: ${outcome}`),
    ),
  );
}
