/** The bundle that `wrangler deploy` would upload, run by Miniflare: what deploys is what works. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const READY_DEADLINE_MS = 60_000;

/** The newest that Miniflare's own workerd knows, older than the one in wrangler.toml. */
const COMPATIBILITY_DATE = "2026-07-30";

let directory: string;
let bundle: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "edgekeeper-test-"));
  const wrangler = join("node_modules", ".bin", "wrangler");
  await promisify(execFile)(wrangler, ["deploy", "--dry-run", "--outdir", directory], {
    env: { ...process.env, WRANGLER_SEND_METRICS: "false", CI: "1" },
  });
  bundle = await readFile(join(directory, "worker.js"), "utf8");
});

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

describe("the bundle of a deployment", () => {
  test("serves an ensemble of three, to those who show the secret", async () => {
    const miniflare = start({ EDGEKEEPER_SECRET: "sesame, open for me" });
    try {
      const deadline = performance.now() + READY_DEADLINE_MS;
      let status = 0;
      while (status !== 200 && performance.now() < deadline) {
        const response = await miniflare.dispatchFetch("https://keeper.example/healthz", {
          headers: { authorization: "Bearer sesame, open for me" },
        });
        status = response.status;
        await response.text();
      }

      expect(status).toBe(200);
      const stranger = await miniflare.dispatchFetch("https://keeper.example/healthz");
      expect(stranger.status).toBe(401);
      // The page that asks for a secret is given before one is shown; it holds nothing.
      const page = await miniflare.dispatchFetch("https://keeper.example/main/");
      expect(page.status).toBe(200);
      expect(page.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
    } finally {
      await miniflare.dispose();
    }
  });

  test("serves nobody without a secret", async () => {
    const miniflare = start({});
    try {
      const response = await miniflare.dispatchFetch("http://localhost/healthz");

      expect(response.status).toBe(403);
      expect(await response.text()).toContain("wrangler secret put");
      expect((await miniflare.dispatchFetch("http://localhost/main/")).status).toBe(403);
    } finally {
      await miniflare.dispose();
    }
  });
});

function start(secrets: Record<string, string>): Miniflare {
  return new Miniflare({
    modules: [{ type: "ESModule", path: "worker.js", contents: bundle }],
    compatibilityDate: COMPATIBILITY_DATE,
    compatibilityFlags: ["nodejs_compat"],
    durableObjects: {
      REPLICA: { className: "Replica", useSQLite: true },
      REGISTER: { className: "Register", useSQLite: true },
    },
    bindings: { VOTERS: "1,2,3", ...secrets },
  });
}
