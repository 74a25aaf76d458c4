import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BATCH_BYTES_MAX } from "../../src/base/limits.ts";
import { ZXID_ZERO } from "../../src/base/zxid.ts";
import { forwardBatches } from "../../src/keeper/forward-batches.ts";
import type { ForwardedRequest } from "../../src/keeper/link-message.ts";
import { TurnOutbox } from "../../src/keeper/turn-outbox.ts";
import type { LinkSend } from "../../src/keeper/turn.ts";

const WRITE = { kind: "epochs", acceptedEpoch: 1, currentEpoch: 1 } as const;

function frame(link: number, octet: number): LinkSend {
  return { kind: "linkSend", link, bytes: Uint8Array.of(octet) };
}

describe("the effects of a turn", () => {
  it("one step's free frames go before its writes", () => {
    const outbox = new TurnOutbox();
    outbox.sendFree(frame(1, 1));
    outbox.write([WRITE]);
    outbox.act(frame(1, 2));

    expect(outbox.take(false)).toEqual({
      free: [frame(1, 1)],
      writes: [WRITE],
      after: [frame(1, 2)],
      more: false,
      restart: false,
      parked: [],
    });
  });

  it("what a later step would send freely waits for what an earlier one wrote", () => {
    const outbox = new TurnOutbox();
    outbox.write([WRITE]);
    outbox.sendFree(frame(1, 1));

    expect(outbox.take(false)).toMatchObject({ free: [], after: [frame(1, 1)] });
  });

  it("a link stays FIFO, and other links are not held up by it", () => {
    const outbox = new TurnOutbox();
    outbox.act(frame(1, 1));
    outbox.sendFree(frame(1, 2));
    outbox.sendFree(frame(2, 3));

    expect(outbox.take(true)).toEqual({
      free: [frame(2, 3)],
      writes: [],
      after: [frame(1, 1), frame(1, 2)],
      more: true,
      restart: false,
      parked: [],
    });
  });

  it("nothing of a turn is left for the next", () => {
    const outbox = new TurnOutbox();
    outbox.write([WRITE]);
    outbox.act(frame(1, 1));
    outbox.take(false);
    outbox.sendFree(frame(1, 2));

    expect(outbox.take(false)).toEqual({
      free: [frame(1, 2)],
      writes: [],
      after: [],
      more: false,
      restart: false,
      parked: [],
    });
  });
});

describe("writes on their way to the leader", () => {
  it("keep their order, and no message holds more than BATCH_BYTES_MAX but for a larger write alone", () => {
    const sizes = fc.array(fc.oneof(fc.nat(2000), fc.nat(BATCH_BYTES_MAX), fc.constant(BATCH_BYTES_MAX + 5)));
    fc.assert(
      fc.property(sizes, (bytes) => {
        const forwards = bytes.map((size, serial) => {
          const origin = { sid: 1, instance: 1, serial };
          const request: ForwardedRequest = {
            origin,
            session: 1n,
            generation: ZXID_ZERO,
            xid: 1,
            identities: [],
            request: { op: "closeSession" },
          };
          return { request, bytes: size };
        });
        const batches = forwardBatches(forwards);

        expect(batches.flat()).toEqual(forwards.map(({ request }) => request));
        for (const batch of batches) {
          const size = batch.reduce((sum, { origin }) => sum + (bytes[origin.serial] ?? 0), 0);
          expect(batch.length).toBeGreaterThan(0);
          if (batch.length > 1) expect(size).toBeLessThanOrEqual(BATCH_BYTES_MAX);
        }
      }),
    );
  });
});
