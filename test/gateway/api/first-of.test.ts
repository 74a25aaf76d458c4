import { describe, expect, test } from "vitest";
import { firstOf, type Tries } from "../../../src/gateway/api/first-of.ts";

/** Those that are asked, each answered when the test says so. */
class Asked {
  readonly names: string[] = [];
  readonly stopped: string[] = [];
  readonly #answers = new Map<string, (result: string | undefined) => void>();
  readonly #waiting = new Map<string, () => void>();

  tries(hedgeMs?: number): Tries<string, string> {
    return {
      hedgeMs: () => hedgeMs,
      isOver: () => false,
      ask: (name, stop) => {
        const { promise, resolve } = Promise.withResolvers<string | undefined>();
        this.names.push(name);
        this.#answers.set(name, resolve);
        stop.whenStopped(() => this.stopped.push(name));
        this.#waiting.get(name)?.();
        return promise;
      },
    };
  }

  answer(name: string, result: string | undefined): void {
    this.#answers.get(name)?.(result);
  }

  async isAsked(name: string): Promise<void> {
    if (!this.names.includes(name)) {
      await new Promise<void>((resolve) => this.#waiting.set(name, resolve));
    }
  }
}

describe("one after the other", () => {
  test("the first result ends it, and the others are never asked", async () => {
    const asked = new Asked();
    const found = firstOf(["a", "b", "c"], asked.tries());
    asked.answer("a", undefined);
    await asked.isAsked("b");
    asked.answer("b", "B");
    expect(await found).toBe("B");
    expect(asked).toMatchObject({ names: ["a", "b"], stopped: [] });
  });

  test("nobody's result is none", async () => {
    const asked = new Asked();
    const found = firstOf(["a", "b"], asked.tries());
    asked.answer("a", undefined);
    await asked.isAsked("b");
    asked.answer("b", undefined);
    expect(await found).toBeUndefined();
    expect(await firstOf([], asked.tries())).toBeUndefined();
  });

  test("a failure is one of the whole", async () => {
    const tries: Tries<string, string> = {
      ...new Asked().tries(),
      ask: () => Promise.reject(new Error("broken")),
    };
    await expect(firstOf(["a", "b"], tries)).rejects.toThrow("broken");
  });

  test("once it is over, nobody else is asked", async () => {
    const asked = new Asked();
    const found = firstOf(["a", "b"], { ...asked.tries(), isOver: () => true });
    asked.answer("a", undefined);
    expect(await found).toBeUndefined();
    expect(asked.names).toEqual(["a"]);
  });
});

describe("beside each other", () => {
  test("the second may be sooner: the first is stopped then", async () => {
    const asked = new Asked();
    const found = firstOf(["a", "b", "c"], asked.tries(1));
    await asked.isAsked("b");
    asked.answer("b", "B");
    expect(await found).toBe("B");
    expect(asked.stopped).toContain("a");
    expect(asked.stopped).not.toContain("b");
  });

  test("the first may yet have the result, after others had none", async () => {
    const asked = new Asked();
    const found = firstOf(["a", "b"], asked.tries(1));
    await asked.isAsked("b");
    asked.answer("b", undefined);
    asked.answer("a", "A");
    expect(await found).toBe("A");
    expect(asked.stopped).toEqual([]);
  });
});
