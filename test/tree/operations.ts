/** Random writes over a small tree, so that they meet: for the property tests. */
import fc from "fast-check";
import { PERMS } from "../../src/base/acl.ts";
import type { SessionId } from "../../src/base/ids.ts";
import type { MultiOperation, WriteRequest } from "../../src/base/request.ts";
import { ALICE, BOB, create, line } from "./harness.ts";

export interface Step {
  readonly session: SessionId;
  readonly request: WriteRequest;
}

const PATHS = ["/a", "/a", "/b", "/a/x", "/a/x", "/a/x/k", "/b/x", "/bad//path"] as const;

const path = fc.constantFrom(...PATHS);
const version = fc.constantFrom(-1, -1, -1, 0, 1);
const data = fc.oneof(fc.constant(null), fc.uint8Array({ maxLength: 6 }));
const acl = fc.constantFrom(
  ...Array.from({ length: 12 }, () => [line(PERMS.all, "world", "anyone")]),
  [line(PERMS.read | PERMS.create, "world", "anyone")],
  [],
);
const flags = fc.constantFrom(0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4, 9);

const operation: fc.Arbitrary<MultiOperation> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ path, data, acl, flags }).map(({ path: at, ...more }) => create(at, more)),
  },
  { weight: 1, arbitrary: path.map((at) => create(at, { op: "createContainer", flags: 4 })) },
  {
    weight: 3,
    arbitrary: fc.record({ path, version }).map((fields): MultiOperation => ({ op: "delete", ...fields })),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({ path, version, data })
      .map((fields): MultiOperation => ({ op: "setData", ...fields })),
  },
  {
    weight: 1,
    arbitrary: fc.record({ path, version }).map((fields): MultiOperation => ({ op: "check", ...fields })),
  },
);

const request: fc.Arbitrary<WriteRequest> = fc.oneof(
  {
    weight: 30,
    arbitrary: operation.filter((one) => one.op !== "unsupported") as fc.Arbitrary<WriteRequest>,
  },
  {
    weight: 8,
    arbitrary: fc
      .array(operation, { maxLength: 4 })
      .map((operations): WriteRequest => ({ op: "multi", operations })),
  },
  {
    weight: 8,
    arbitrary: fc.record({ path, version, acl }).map((fields): WriteRequest => ({ op: "setACL", ...fields })),
  },
  { weight: 1, arbitrary: path.map((at): WriteRequest => ({ op: "deleteContainer", path: at })) },
  { weight: 1, arbitrary: fc.constant<WriteRequest>({ op: "closeSession" }) },
  {
    weight: 4,
    arbitrary: fc.constant<WriteRequest>({
      op: "createSession",
      timeoutMs: 4000,
      password: new Uint8Array(16),
    }),
  },
);

export const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.record({ session: fc.constantFrom(ALICE, BOB), request }),
  { minLength: 1, maxLength: 50, size: "max" },
);
