/** Of which program, and on which machine, figures are. */
import { execFile } from "node:child_process";
import { cpus, release, totalmem } from "node:os";
import { promisify } from "node:util";

/** What stands beside all figures. */
export interface Provenance {
  /** A day of UTC: 2026-11-30. */
  readonly date: string;
  readonly machine: string;
  /** Of this tree, with a mark where files are changed. */
  readonly commit: string;
}

/** Of what is measured here and now. */
export async function provenance(): Promise<Provenance> {
  const memory = Math.round(totalmem() / 2 ** 30);
  const { stdout } = await promisify(execFile)("git", ["describe", "--always", "--dirty"], {
    cwd: import.meta.dirname,
  });
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} cores (${cpus()[0]?.model ?? "unknown"}), ${memory} GiB, Linux ${release()}`,
    commit: stdout.trim(),
  };
}
