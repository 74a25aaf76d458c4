import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Store } from "../../../src/durable/store.ts";
import type { PeerWrite } from "../../../src/zab/effects.ts";
import { InjectedFailure, Volume } from "../../../src/world/volume.ts";

const NAME = { ensemble: "main", sid: 1 };

function open(volume: Volume): Store {
  const log = { rowsMax: 1000, bytesMax: 1e9 };
  return Store.open(volume, NAME, { epochFloor: 0, firstInstance: 0, log });
}

/** Power fails, and the oldest `kept` transactions survive. */
function keep(volume: Volume, kept: number): void {
  for (let left = Math.min(kept, volume.pendingCount); left > 0; left--) volume.sync();
  volume.crash();
}

/** The n-th transaction: what it leaves behind is told by two tables, which must agree. */
function nth(counter: number): readonly PeerWrite[] {
  const payload = new Uint8Array([counter]);
  return [
    { kind: "append", proposals: [{ zxid: { epoch: 1, counter }, payload }] },
    { kind: "epochs", acceptedEpoch: counter, currentEpoch: 1 },
  ];
}

type Step = { readonly kind: "commit" | "sync" | "fail" } | { readonly kind: "crash"; readonly kept: number };

const steps = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: fc.constant<Step>({ kind: "commit" }) },
    { weight: 8, arbitrary: fc.constant<Step>({ kind: "sync" }) },
    { weight: 1, arbitrary: fc.constant<Step>({ kind: "fail" }) },
    { weight: 2, arbitrary: fc.nat(6).map((kept): Step => ({ kind: "crash", kept })) },
  ),
  { maxLength: 300 },
);

describe("a volume", () => {
  test("loses exactly what is not durable when power fails, but for the prefix that it is told to keep", () => {
    fc.assert(
      fc.property(steps, (story) => {
        const volume = new Volume();
        let store = open(volume);
        keep(volume, 1);
        let written = 0;
        let durable = 0;
        for (const step of story) {
          if (step.kind === "commit") store.commit(nth(++written));
          else if (step.kind === "sync" && volume.pendingCount > 0) {
            volume.sync();
            durable++;
          } else if (step.kind === "fail") {
            volume.failsNext = true;
            expect(() => store.commit(nth(written + 1))).toThrow(InjectedFailure);
          }
          // After a failed write memory is ahead of the disk: the product starts again from the disk, too.
          if (step.kind !== "crash" && step.kind !== "fail") continue;
          durable = Math.min(written, durable + (step.kind === "crash" ? step.kept : written));
          keep(volume, step.kind === "crash" ? step.kept : written);
          written = durable;
          store = open(volume);
          keep(volume, 1);
          expect(store.start.acceptedEpoch).toBe(written);
          expect(store.log.last.counter).toBe(written);
          expect(volume.issued).toBe(volume.durableCount);
        }
        expect(volume.pendingCount).toBe(written - durable);
        volume.close();
      }),
      { numRuns: 150 },
    );
  });

  test("what is written to a copy is not seen by the original, nor the other way round", () => {
    const volume = new Volume();
    const store = open(volume);
    store.commit(nth(1));
    const copy = volume.copy();

    const ghost = open(copy);
    ghost.commit(nth(2));
    ghost.commit(nth(3));
    keep(volume, 1);
    const successor = open(volume);

    expect(ghost.log.last.counter).toBe(3);
    expect(successor.log.last.counter).toBe(0);
    successor.commit(nth(1));
    expect(open(copy).start.acceptedEpoch).toBe(3);
    expect(open(volume).start).toMatchObject({ acceptedEpoch: 1, instance: 3 });
  });

  test("blobs keep their bytes, empty ones and null apart", () => {
    const { sql } = new Volume();
    sql.exec("CREATE TABLE t (a BLOB, b BLOB, c TEXT)");
    sql.exec("INSERT INTO t VALUES (?, ?, ?)", new Uint8Array([1, 2, 3]).subarray(1), new Uint8Array(), null);

    const { a, b, c } = sql
      .exec<{ a: ArrayBuffer; b: ArrayBuffer; c: string | null }>("SELECT * FROM t")
      .one();

    expect(new Uint8Array(a)).toEqual(new Uint8Array([2, 3]));
    expect(b.byteLength).toBe(0);
    expect(c).toBe(null);
    expect(() => sql.exec("SELECT * FROM t WHERE c = 'x'").one()).toThrow("0 rows where one was expected");
  });
});
