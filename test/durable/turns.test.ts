/** When turns that leave something to do are followed by another. */
import { expect, test } from "vitest";
import { assert } from "../../src/base/assert.ts";
import { ZXID_ZERO } from "../../src/base/zxid.ts";
import { type Brain, Turns } from "../../src/durable/turns.ts";
import type { Turn } from "../../src/keeper/turn.ts";

const TURN: Turn = {
  free: [],
  writes: [],
  after: [],
  more: true,
  parked: [],
  removal: undefined,
  sleep: undefined,
  restart: false,
};

/** Of which each turn is as `next` says, and how often more was asked for. */
function turnsOf(next: () => Partial<Turn>): { readonly turns: Turns; readonly asked: () => number } {
  let asked = 0;
  const brain: Brain = {
    keeper: { step: () => ({ ...TURN, ...next() }) },
    store: {
      commit: () => undefined,
      remove: () => undefined,
      sleep: () => undefined,
      isTreeDirty: false,
      isStagingDirty: false,
      isConfigDirty: false,
      dirty: { count: 0, bytes: 0 },
    },
  };
  const turns = new Turns(brain, {
    now: () => 0,
    perform: () => undefined,
    continueSoon: () => void asked++,
    startAnew: () => brain,
    abort: (error) => assert(false, String(error)),
  });
  return { turns, asked: () => asked };
}

test("several turns in a row that leave something to do are followed by one", () => {
  const { turns, asked } = turnsOf(() => ({}));

  for (let count = 0; count < 3; count++) turns.accept({ kind: "stir" });
  expect(asked()).toBe(1);

  turns.accept({ kind: "continue" });
  expect(asked()).toBe(2);
});

test("one that leaves nothing to do is followed by none", () => {
  const { turns, asked } = turnsOf(() => ({ more: false }));

  turns.accept({ kind: "stir" });

  expect(asked()).toBe(0);
});

test("a new start asks for its own, whatever the one before had asked for", () => {
  let restart = false;
  const { turns, asked } = turnsOf(() => ({
    restart,
    removal: restart ? { version: ZXID_ZERO, members: new Uint8Array() } : undefined,
  }));
  turns.accept({ kind: "stir" });
  restart = true;
  turns.accept({ kind: "stir" });
  restart = false;

  turns.accept({ kind: "stir" });

  expect(asked()).toBe(2);
});
