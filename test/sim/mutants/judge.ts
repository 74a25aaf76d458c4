/** Judges one defect in one copy of the source: does it compile, do unit tests see it, which check finds it. */
import { createHash } from "node:crypto";
import { join } from "node:path";

import { execute } from "./execute.ts";
import { failedTest } from "./failed-test.ts";
import { hunt, huntFrom } from "./hunt.ts";
import type { Mutant } from "./mutant.ts";
import { reachedTests } from "./reached-tests.ts";
import type { SourceCopy } from "./source-copy.ts";
import { UNIT_TESTS } from "./unit-tests.ts";
import type { Hunt, Judgement } from "./verdict-on-mutant.ts";

/** The compiler and the tests say something when they are done. */
const TOOL_SILENCE_MS = 600_000;

/** A test may take so long, unless it has a limit of its own: the machine may be busy with other defects. */
const TEST_LIMIT_MS = "300000";

/** Searches of one defect begin so far apart that they share no seed. */
const HUNT_STRIDE = 1_000_000;

/** After so many a hunt is noted, so that one that is broken off goes on from there. */
const SEEDS_AT_ONCE = 50;

/** How defects are judged. */
export interface JudgeOptions {
  /** Seeds of one hunt at most. */
  readonly seeds: number;
  /** Hunts of one defect, each from a first seed of its own. */
  readonly hunts: number;
  /** The simulator: a program and its first arguments. */
  readonly simulator: readonly string[];
  /** Whether the whole pure project, but for the simulator's tests, is run as well. */
  readonly runsOtherTests: boolean;
}

/** Tells one text of a defect from another. */
export function digestOf(mutant: Mutant): string {
  return createHash("sha256").update(JSON.stringify(mutant.edits)).digest("hex").slice(0, 16);
}

/** A judge with a copy of its own. */
export class Judge {
  readonly #copy: SourceCopy;
  /** Stays without a defect. */
  readonly #sound: SourceCopy;
  readonly #options: JudgeOptions;
  #isPrepared = false;

  constructor(copies: { readonly copy: SourceCopy; readonly sound: SourceCopy }, options: JudgeOptions) {
    this.#copy = copies.copy;
    this.#sound = copies.sound;
    this.#options = options;
  }

  /** Goes on from what is known already, and tells each thing it learns. Throws OutOfTime where tests do not end. */
  async judge(mutant: Mutant, known: Judgement | undefined, learned: (j: Judgement) => void): Promise<void> {
    const digest = digestOf(mutant);
    const isKnown = known?.digest === digest;
    let judgement: Judgement = isKnown ? known : { id: mutant.id, digest, hunts: [] };
    if (!isKnown) {
      await this.#prepare();
      this.#copy.make(mutant);
      const files = mutant.edits.map(({ file }) => file);
      judgement = { ...judgement, ...(await this.#compileAndTest(files)) };
      learned(judgement);
    }
    if (judgement.compileError !== undefined || judgement.unitTest !== undefined) return;
    this.#copy.make(mutant);
    for (let due = this.#nextHunt(judgement); due !== undefined; due = this.#nextHunt(judgement)) {
      const found = await this.#goOn(due, mutant);
      const others = judgement.hunts.filter(({ first }) => first !== found.first);
      judgement = { ...judgement, hunts: [...others, found] };
      learned(judgement);
    }
    if (!this.#options.runsOtherTests || judgement.otherTest !== undefined) return;
    const args = ["--project", "pure", "--exclude", "test/sim/**"];
    learned({ ...judgement, otherTest: (await this.#test(args)) ?? "none" });
  }

  /** The source without any defect must pass: what a defect is compared with. Throws where it does not. */
  async #prepare(): Promise<void> {
    if (this.#isPrepared) return;
    this.#copy.restore();
    const problem = (await this.#compile()) ?? (await this.#test(["--project", "pure", ...UNIT_TESTS]));
    if (problem !== undefined) throw new Error(`the source without any defect fails: ${problem}`);
    this.#isPrepared = true;
  }

  /** What is to be gone on with, or begun. A hunt that found nothing is the last: the defect survives. */
  #nextHunt({ hunts }: Judgement): Hunt | undefined {
    const open = hunts.find(({ caught }) => caught === undefined);
    if (open !== undefined) return open.seeds < this.#options.seeds ? open : undefined;
    if (hunts.length === this.#options.hunts) return undefined;
    return huntFrom(1 + hunts.length * HUNT_STRIDE);
  }

  async #goOn(before: Hunt, mutant: Mutant): Promise<Hunt> {
    const { simulator, seeds } = this.#options;
    return await hunt(before, {
      directory: this.#copy.directory,
      soundDirectory: this.#sound.directory,
      simulator,
      seeds: Math.min(SEEDS_AT_ONCE, seeds - before.seeds),
      isOfLiveness: mutant.isOfLiveness === true,
    });
  }

  /** Unit tests that do not import what was changed cannot see it. */
  async #compileAndTest(files: readonly string[]): Promise<Pick<Judgement, "compileError" | "unitTest">> {
    const compileError = await this.#compile();
    if (compileError !== undefined) return { compileError };
    const tests = reachedTests(this.#copy.directory, UNIT_TESTS, files);
    const unitTest = tests.length === 0 ? undefined : await this.#test(["--project", "pure", ...tests]);
    return unitTest === undefined ? {} : { unitTest };
  }

  /** The compiler's first complaint. */
  async #compile(): Promise<string | undefined> {
    const { code, tail } = await execute({
      command: process.execPath,
      args: [
        join("node_modules", "typescript", "bin", "tsc"),
        "-p",
        "tsconfig.json",
        "--incremental",
        "--tsBuildInfoFile",
        "mutants.tsbuildinfo",
      ],
      directory: this.#copy.directory,
      silenceMs: TOOL_SILENCE_MS,
    });
    return code === 0 ? undefined : (tail[0] ?? "tsc failed");
  }

  /** The first test that fails; undefined where none does. Throws OutOfTime where nobody can tell. */
  async #test(args: readonly string[]): Promise<string | undefined> {
    const vitest = [join("node_modules", "vitest", "vitest.mjs"), "run", "--bail", "1"];
    const ended = await execute({
      command: process.execPath,
      args: [...vitest, "--testTimeout", TEST_LIMIT_MS, "--hookTimeout", TEST_LIMIT_MS, ...args],
      directory: this.#copy.directory,
      silenceMs: TOOL_SILENCE_MS,
    });
    return failedTest(ended);
  }
}
