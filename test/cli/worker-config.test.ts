import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterAll, expect, test } from "vitest";

import { renderRuntimeConfig } from "../../src/cli/runtime-config.ts";
import { type WorkerConfig, readWorkerConfig } from "../../src/cli/worker-config.ts";

const directory = mkdtempSync(join(tmpdir(), "edgekeeper-config-"));

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

const PLACES = {
  httpPort: 8787,
  tcpPorts: [2181],
  storageDirectory: "/data/storage",
  bundleFile: "worker.js",
};

const SMALL = `name = "small"
main = "worker.ts"
compatibility_date = "2026-10-01"
`;

test("the product's own wrangler.toml is understood whole", () => {
  const config = readWorkerConfig(fileURLToPath(new URL("../../wrangler.toml", import.meta.url)));

  expect(config.tcpPorts).toEqual([2181, 2182, 2183]);
  expect(config.durableObjects.map((binding) => binding.className)).toEqual(config.sqliteClasses);
  expect(config.vars.has("EDGEKEEPER_DEV")).toBe(false);
  expect(config.keepsNames).toBe(false);
});

test("a key that the starter does not know is an error, a key for deployments is not", () => {
  expect(() => read(`${SMALL}[[kv_namespaces]]\nbinding = "KV"\nid = "x"\n`)).toThrow(
    `cannot give what "kv_namespaces" asks for`,
  );
  expect(read(`${SMALL}workers_dev = true\n`).name).toBe("small");
});

test("who names something else than a wrangler.toml is told what is wanted, by which option", () => {
  const missing = join(directory, "missing.toml");
  expect(() => readWorkerConfig(missing)).toThrow("--config takes the wrangler.toml of a Worker");
  expect(() => readWorkerConfig(missing, [], "--worker")).toThrow("--worker takes the wrangler.toml");
  expect(() => readWorkerConfig(directory, [], "--worker")).toThrow(
    `--worker ${join(directory, "wrangler.toml")}`,
  );
  expect(() => readWorkerConfig("wrangler.jsonc")).toThrow("JSON is not read here");
});

test("an object class without SQLite storage is an error", () => {
  const binding = `[[durable_objects.bindings]]\nname = "A"\nclass_name = "A"\n`;

  expect(() => read(SMALL + binding)).toThrow("no migration lists A in new_sqlite_classes");
});

test("a service of another Worker is an error, one of its own is bound to the entrypoint", () => {
  const service = (name: string): string =>
    `${SMALL}[[services]]\nbinding = "SELF"\nservice = "${name}"\nentrypoint = "Api"\n`;

  expect(() => read(service("other"))).toThrow("the service other is another Worker");
  expect(render(read(service("small")))).toContain(
    `(name = "SELF", service = (name = "main", entrypoint = "Api"))`,
  );
});

test("a Worker beside ours has a door of its own, a way outside, and its binding with its props", () => {
  const service =
    `[[services]]\nbinding = "KEEPER"\nservice = "ours"\nentrypoint = "Api"\n` +
    `props = { ensemble = "a" }\n`;
  const ours = { ...read(SMALL), name: "ours" };
  const beside = { worker: read(SMALL + service, ["ours"]), httpPort: 8788, bundleFile: "beside-0.js" };

  const rendered = renderRuntimeConfig(ours, PLACES, [beside]);

  expect(rendered).toContain(
    `service = (name = "main", entrypoint = "Api", props = (json = "{\\x22ensemble\\x22:\\x22a\\x22}"))),`,
  );
  expect(rendered).toContain(`address = "127.0.0.1:8788", http = (), service = "beside-0"`);
  expect(rendered.match(/globalOutbound = "outside"/g)).toHaveLength(1);
});

test("a TCP port outside its range and a door that is not TCP are errors", () => {
  expect(() => read(`${SMALL}[[connect]]\nprotocol = "tcp"\nport = 70000\n`)).toThrow(
    "a port from 1 to 65535",
  );
  expect(() => read(`${SMALL}[[connect]]\nprotocol = "udp"\nport = 53\n`)).toThrow(`protocol = "tcp"`);
});

test("doors are on loopback, storage is where it was said, and the Worker reaches no network", () => {
  const text = render(read(SMALL));

  expect(text.match(/address = "[^"]*"/g)).toEqual([
    `address = "127.0.0.1:8787"`,
    `address = "127.0.0.1:2181"`,
  ]);
  expect(text).toContain(`disk = (path = "/data/storage", writable = true)`);
  expect(text).toContain(`(name = "internet", network = (allow = []))`);
});

test("a text of any characters is one literal: nothing in a variable can add to the configuration", () => {
  const text = render(read(`${SMALL}[vars]\nA = 'a"), (name = "B", text = "é'\n`));

  expect(text).toContain(String.raw`(name = "A", text = "a\x22), (name = \x22B\x22, text = \x22\xc3\xa9")`);
});

function read(toml: string, beside: readonly string[] = []): WorkerConfig {
  const file = join(directory, "wrangler.toml");
  writeFileSync(file, toml);
  return readWorkerConfig(file, beside);
}

function render(worker: WorkerConfig): string {
  return renderRuntimeConfig(worker, PLACES);
}
