/**
 * The Worker and its doors in the configuration language of workerd (workerd.capnp), the open-source
 * runtime that Cloudflare's own Workers run on.
 *
 * Why not `wrangler dev`: it puts a proxy process with a request log before the HTTP door, wraps every
 * Durable Object, and restarts the ensemble, dropping each client, when a source file changes. Between two
 * objects a fetch is about ten times faster without it.
 */

import type { WorkerConfig } from "./worker-config.ts";

/** Where the doors listen and the data lie. Doors are on loopback, always. */
export interface RuntimePlaces {
  readonly httpPort: number;
  readonly tcpPorts: readonly number[];
  /** An absolute path. */
  readonly storageDirectory: string;
  /** The bundled Worker, relative to the configuration file. */
  readonly bundleFile: string;
}

/** The name of the constant in the rendered configuration. */
export const RUNTIME_CONFIG_NAME = "edgekeeper";

/** Renders the configuration that `workerd serve FILE edgekeeper` runs. */
export function renderRuntimeConfig(worker: WorkerConfig, places: RuntimePlaces): string {
  return `# Written by the starter at each start; do not edit.
using Workerd = import "/workerd/workerd.capnp";

const ${RUNTIME_CONFIG_NAME} :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "storage", disk = (path = ${quote(places.storageDirectory)}, writable = true)),
    # The Worker calls nobody but its own objects.
    (name = "internet", network = (allow = [])),
  ],
  sockets = [
${sockets(places).join("\n")}
  ],
);

const worker :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed ${quote(places.bundleFile)})],
  compatibilityDate = ${quote(worker.compatibilityDate)},
  compatibilityFlags = [${worker.compatibilityFlags.map(quote).join(", ")}],
  durableObjectNamespaces = [
${worker.sqliteClasses.map((name) => namespace(worker.name, name)).join("\n")}
  ],
  durableObjectStorage = (localDisk = "storage"),
  bindings = [
${bindings(worker).join("\n")}
  ],
);
`;
}

function sockets(places: RuntimePlaces): readonly string[] {
  const httpAddress = `127.0.0.1:${places.httpPort}`;
  const http = `    (name = "http", address = "${httpAddress}", http = (), service = "main"),`;
  const tcp = places.tcpPorts.map(
    (port, index) =>
      `    (name = "tcp-${index}", address = "127.0.0.1:${port}", tcp = (), service = "main"),`,
  );
  return [http, ...tcp];
}

function namespace(workerName: string, className: string): string {
  const uniqueKey = quote(`${workerName}-${className}`);
  return `    (className = ${quote(className)}, uniqueKey = ${uniqueKey}, enableSql = true),`;
}

function bindings(worker: WorkerConfig): readonly string[] {
  const objects = worker.durableObjects.map(
    (binding) => `    (name = ${quote(binding.name)}, durableObjectNamespace = ${quote(binding.className)}),`,
  );
  const services = worker.services.map((binding) => {
    const entrypoint = binding.entrypoint === undefined ? "" : `, entrypoint = ${quote(binding.entrypoint)}`;
    return `    (name = ${quote(binding.name)}, service = (name = "main"${entrypoint})),`;
  });
  const vars = [...worker.vars].map(
    ([name, value]) => `    (name = ${quote(name)}, text = ${quote(value)}),`,
  );
  return [...objects, ...services, ...vars];
}

/** A text literal of Cap'n Proto's schema language: every byte outside plain ASCII is an escape. */
function quote(value: string): string {
  let literal = "";
  for (const byte of new TextEncoder().encode(value)) {
    const isPlain = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c;
    literal += isPlain ? String.fromCodePoint(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return `"${literal}"`;
}
