/** Throughput, fan-out, storms and the cost of bystanders, at ensembles that live through all of it and are killed. */
import { type Bench, withStarted } from "../bench.ts";
import { startCeiling } from "../ceiling.ts";
import { measure, type Measurement, prepare } from "../measure.ts";
import { inTurn } from "../report.ts";
import type { SectionName } from "../sections.ts";
import { startTarget } from "../targets/new-target.ts";
import type { Target } from "../targets/target.ts";
import type { Work } from "../work.ts";
import { measureFanout } from "./fanout.ts";
import { Kept } from "./kept.ts";
import { measureStorm } from "./storm.ts";
import { measureUntouched } from "./untouched.ts";

/** Ten times and a thousand times the usual size, and of how many znodes. */
const SIZES = [
  { label: "1 KB", bytes: 1024, znodes: 1000 },
  { label: "100 KB", bytes: 102_400, znodes: 40 },
] as const;
const SIZES_SHAPE = { sessions: 10, outstanding: 4 } as const;

/** Gives how many acknowledged changes are lost; and the versions of what was measured. */
export async function runRequests(
  bench: Bench,
): Promise<{ readonly lost: number; readonly versions: Readonly<Record<string, string>> }> {
  const { plan } = bench;
  if (bench.wants("ceiling")) await runCeiling(bench);
  if (!bench.wants("throughput", "sizes", "fanout", "storm", "untouched")) return { lost: 0, versions: {} };
  bench.say(`starting ${plan.targets.join(" and ")}`);
  return await withStarted(async (start) => {
    const targets: Target[] = [];
    for (const name of plan.targets) targets.push(await start(async () => await startTarget(name)));
    const kept = new Kept(targets);
    const run = new RequestRun(bench, targets, kept);
    if (bench.wants("throughput")) await run.throughput();
    if (bench.wants("sizes")) await run.sizes();
    if (bench.wants("fanout")) await measureFanout(bench, targets);
    if (bench.wants("storm")) await measureStorm(bench, targets);
    if (bench.wants("untouched")) await measureUntouched(bench, targets, kept);
    const versions = Object.fromEntries(targets.map(({ name, version }) => [name, version]));
    return { lost: await kept.check(bench), versions };
  });
}

async function runCeiling(bench: Bench): Promise<void> {
  const { rounds, seconds, shapes } = bench.plan;
  const work: Work = { name: "set", root: "/bench", znodes: 1000, bytes: bench.plan.bytes };
  await withStarted(async (start) => {
    const ceiling = await start(startCeiling);
    for (const shape of shapes) {
      const figures = await inTurn([ceiling], rounds, async () => ({
        ...(await measure(ceiling, { work, shape, seconds })),
      }));
      bench.add("ceiling", { label: `set ${shape.sessions}x${shape.outstanding}`, figures });
    }
  });
}

class RequestRun {
  readonly #bench: Bench;
  readonly #targets: readonly Target[];
  readonly #kept: Kept;

  constructor(bench: Bench, targets: readonly Target[], kept: Kept) {
    this.#bench = bench;
    this.#targets = targets;
    this.#kept = kept;
  }

  async throughput(): Promise<void> {
    const { works, shapes, bytes, znodes } = this.#bench.plan;
    const base: Work = { name: "set", root: "/bench", bytes, znodes };
    await this.#prepare(base);
    for (const name of works) {
      for (const shape of shapes) {
        await this.#measure("throughput", { label: name, work: { ...base, name }, shape });
      }
    }
  }

  async sizes(): Promise<void> {
    for (const { label, bytes, znodes } of SIZES) {
      const base: Work = { name: "set", root: `/bench-${bytes}`, bytes, znodes };
      await this.#prepare(base);
      for (const name of ["set", "get"] as const) {
        const work: Work = { ...base, name };
        await this.#measure("sizes", { label: `${name} ${label}`, work, shape: SIZES_SHAPE });
      }
    }
  }

  async #prepare(work: Work): Promise<void> {
    for (const target of this.#targets) await prepare(target, work);
  }

  async #measure(
    section: SectionName,
    { label, work, shape }: Pick<Measurement, "work" | "shape"> & { readonly label: string },
  ): Promise<void> {
    const { rounds, seconds } = this.#bench.plan;
    const figures = await inTurn(this.#targets, rounds, async (target) => {
      const found = await measure(target, { work, shape, seconds });
      this.#kept.note(target, work, found.changes);
      return { ...found };
    });
    this.#bench.add(section, { label: `${label} ${shape.sessions}x${shape.outstanding}`, figures });
  }
}
