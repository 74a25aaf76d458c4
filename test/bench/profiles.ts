/**
 * `npm run bench -- --profile DIR`: each work at each shape, for Edgekeeper alone, with V8's profiler running in the
 * runtime. The figures printed are slower than without it; they tell where time goes, not how fast it is.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cpuSeconds } from "./usage.ts";
import { type CpuProfile, inspectedRuntime, type Profiler, startProfiler } from "./inspector.ts";
import { measure, prepare, type Shape } from "./measure.ts";
import { summarize, summaryLines } from "./profile.ts";
import { type EdgekeeperTarget, startEdgekeeper } from "./targets/edgekeeper.ts";
import type { WorkName } from "./work.ts";

/** What is profiled. */
export interface ProfilePlan {
  readonly works: readonly WorkName[];
  readonly shapes: readonly Shape[];
  readonly bytes: number;
  readonly znodes: number;
  readonly seconds: number;
}

/** Writes one file for each process of the runtime, and prints where the time of all of them went. */
export async function runProfiles(plan: ProfilePlan, directory: string): Promise<void> {
  const { works, shapes, bytes, znodes, seconds } = plan;
  await mkdir(directory, { recursive: true });
  const temporary = await mkdtemp(join(tmpdir(), "bench-profile-"));
  const runtime = await inspectedRuntime(temporary);
  const target = await startEdgekeeper({ runtimeFile: runtime.runtimeFile });
  try {
    const bundle = await readFile(target.bundleFile, "utf8");
    const base = { root: "/bench", bytes, znodes };
    await prepare(target, base);
    for (const name of works) {
      for (const shape of shapes) {
        const title = `${name} ${shape.sessions}x${shape.outstanding}`;
        const watcher = new Profilers(target, await runtime.ports());
        const { requests, requestsPerSecond } = await measure(target, {
          work: { ...base, name },
          shape,
          seconds,
          watcher,
        });
        const files = await writeProfiles(join(directory, title.replace(" ", "-")), watcher.profiles);
        const summary = summarize(watcher.profiles, bundle);
        console.log(`\n${title}: ${Math.round(requestsPerSecond)} a second under the profiler; of`);
        console.log(`${Math.round(summary.spanMs)} ms the runtime was busy for ${watcher.cpuMs} ms`);
        console.log(`("native" is the runtime outside of scripts, and waiting). ${files.join(" ")}\n`);
        for (const line of summaryLines(summary, requests)) console.log(line);
      }
    }
  } finally {
    await target.stop();
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Profilers of all processes of an ensemble. */
class Profilers {
  profiles: readonly CpuProfile[] = [];
  /** Processor time of all processes meanwhile. */
  cpuMs = 0;
  readonly #target: EdgekeeperTarget;
  readonly #ports: readonly number[];
  #running: readonly Profiler[] = [];

  constructor(target: EdgekeeperTarget, ports: readonly number[]) {
    this.#target = target;
    this.#ports = ports;
  }

  async start(): Promise<void> {
    this.#running = await Promise.all(this.#ports.map(async (port) => await startProfiler(port)));
    this.cpuMs = -(await this.#cpuMs());
  }

  async stop(): Promise<void> {
    this.cpuMs += await this.#cpuMs();
    this.profiles = await Promise.all(this.#running.map(async (profiler) => await profiler.stop()));
  }

  async #cpuMs(): Promise<number> {
    return Math.round((await cpuSeconds(this.#target.processes())) * 1000);
  }
}

async function writeProfiles(name: string, profiles: readonly CpuProfile[]): Promise<readonly string[]> {
  const files = profiles.map(
    (_, index) => `${name}${profiles.length === 1 ? "" : `-${index + 1}`}.cpuprofile`,
  );
  for (const [index, profile] of profiles.entries()) {
    await writeFile(files[index] ?? name, JSON.stringify(profile));
  }
  return files;
}
