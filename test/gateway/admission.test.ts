import { describe, expect, test } from "vitest";
import { Admission, type Place } from "../../src/gateway/admission.ts";

/** A client that comes to the door: what it was told, and its place. */
interface Visitor {
  readonly number: number;
  readonly place: Place;
  verdict: "admitted" | "refused" | undefined;
}

class Door {
  readonly admission: Admission;
  readonly admitted: number[] = [];
  readonly refused: number[] = [];
  #next = 0;

  constructor(underWayMax: number, waitingMax: number) {
    this.admission = new Admission({ underWayMax, waitingMax });
  }

  come(): Visitor {
    const number = this.#next++;
    let told: Visitor["verdict"];
    const place = this.admission.enter((verdict) => {
      if (told !== undefined) throw new Error(`client ${number} is told twice`);
      told = verdict;
      this[verdict].push(number);
    });
    return {
      number,
      place,
      get verdict() {
        return told;
      },
    };
  }
}

describe("the admission to a replica", () => {
  test("lets in at once as many as may be under way", () => {
    const door = new Door(2, 10);

    const visitors = [door.come(), door.come(), door.come()];

    expect(visitors.map(({ verdict }) => verdict)).toEqual(["admitted", "admitted", undefined]);
    expect([door.admission.underWayCount, door.admission.waitingCount]).toEqual([2, 1]);
  });

  test("lets in the newest of those that wait", () => {
    const door = new Door(1, 10);
    const first = door.come();
    for (let count = 0; count < 3; count++) door.come();

    first.place.leave();

    expect(door.admitted).toEqual([0, 3]);
  });

  test("passes over who left while it waited", () => {
    const door = new Door(1, 10);
    const first = door.come();
    const [, gone] = [door.come(), door.come()];

    gone.place.leave();
    first.place.leave();

    expect(door.admitted).toEqual([0, 1]);
  });

  test("makes room once for a place that is left twice", () => {
    const door = new Door(1, 10);
    const first = door.come();
    for (let count = 0; count < 3; count++) door.come();

    first.place.leave();
    first.place.leave();

    expect(door.admitted).toEqual([0, 3]);
    expect(door.admission.underWayCount).toBe(1);
  });

  test("turns away the one that waits longest where too many wait", () => {
    const door = new Door(1, 2);

    const visitors = [door.come(), door.come(), door.come(), door.come()];

    expect(door.refused).toEqual([1]);
    visitors[1]?.place.leave();
    expect([door.admission.underWayCount, door.admission.waitingCount]).toEqual([1, 2]);
  });
});

/** A client waits this many steps for its handshake, hangs up, and comes again. */
const PATIENCE_STEPS = 40;
/** So long a handshake is under way, which for its replica is the same whether its client is still there or not. */
const HANDSHAKE_STEPS = 20;
const UNDER_WAY_MAX = 50;

interface Client {
  /** It comes first in this step. */
  readonly fromStep: number;
  /** Comes once, soon hangs up, and is never seen again. */
  readonly isLeaving: boolean;
  visit:
    | { readonly visitor: Visitor; readonly sinceStep: number; admittedStep: number | undefined }
    | undefined;
  isDone: boolean;
}

/** Moves a client on by a step. */
function live(client: Client, door: Door, step: number): void {
  const { visit } = client;
  if (client.isDone || step < client.fromStep) return;
  if (visit === undefined) {
    client.visit = { visitor: door.come(), sinceStep: step, admittedStep: undefined };
    return;
  }
  if (visit.visitor.verdict === "admitted") visit.admittedStep ??= step;
  const waited = step - visit.sinceStep;
  const isServed = visit.admittedStep !== undefined && step - visit.admittedStep >= HANDSHAKE_STEPS;
  const isTired = waited >= (client.isLeaving ? 3 : PATIENCE_STEPS) || visit.visitor.verdict === "refused";
  if (!isServed && !isTired) return;
  visit.visitor.place.leave();
  client.visit = undefined;
  client.isDone = isServed || client.isLeaving;
}

describe("a storm of 2,000 clients, half of which hang up, at a door that takes 100 in a client's patience", () => {
  test("ends with the living inside, in little more time than their handshakes take", () => {
    const door = new Door(UNDER_WAY_MAX, 10_000);
    const clients = Array.from({ length: 2000 }, (_, number): Client => ({
      fromStep: Math.floor(number / 2) % PATIENCE_STEPS,
      isLeaving: number % 2 === 0,
      visit: undefined,
      isDone: false,
    }));
    const living = clients.filter(({ isLeaving }) => !isLeaving);
    const leastSteps = (living.length / UNDER_WAY_MAX) * HANDSHAKE_STEPS;

    let steps = 0;
    for (; steps < 10 * leastSteps && living.some(({ isDone }) => !isDone); steps++) {
      for (const client of clients) live(client, door, steps);
    }

    expect(living.filter(({ isDone }) => !isDone)).toEqual([]);
    expect(steps).toBeLessThan(1.2 * leastSteps);
    // Few places go to clients that leave within them: with the oldest first a hundred times as many would.
    expect(door.admitted.length).toBeLessThan(1.2 * living.length);
    expect([door.admission.underWayCount, door.admission.waitingCount]).toEqual([0, 0]);
  });
});
