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

/** A Worker beside ours, bound to it. */
export interface BesideWorker {
  readonly worker: WorkerConfig;
  readonly httpPort: number;
  /** As in RuntimePlaces. */
  readonly bundleFile: string;
}

/** The name of the constant in the rendered configuration. */
export const RUNTIME_CONFIG_NAME = "edgekeeper";

/** Renders the configuration that `workerd serve FILE edgekeeper` runs. */
export function renderRuntimeConfig(
  worker: WorkerConfig,
  places: RuntimePlaces,
  beside: readonly BesideWorker[] = [],
): string {
  const names = new Map([
    [worker.name, MAIN],
    ...beside.map((one, index) => [one.worker.name, `beside-${index}`] as const),
  ]);
  return `# Written by the starter at each start; do not edit.
using Workerd = import "/workerd/workerd.capnp";

const ${RUNTIME_CONFIG_NAME} :Workerd.Config = (
  services = [
    (name = "${MAIN}", worker = .worker),
${beside.map((_, index) => `    (name = "beside-${index}", worker = .beside${index}),\n`).join("")}\
    (name = "storage", disk = (path = ${quote(places.storageDirectory)}, writable = true)),
    (name = "internet", network = (${outbound(worker.vars)})),
${beside.length === 0 ? "" : OUTSIDE}\
  ],
  sockets = [
${sockets(places, beside).join("\n")}
  ],
);

${workerConstant("worker", worker, { names, bundleFile: places.bundleFile })}
${beside
  .map((one, index) =>
    workerConstant(`beside${index}`, one.worker, { names, bundleFile: one.bundleFile, outbound: "outside" }),
  )
  .join("\n")}`;
}

/** The service that is ours. */
const MAIN = "main";

/** Others may call whom they like, as when they are deployed. */
const OUTSIDE = `\
    (name = "outside", network = (allow = ["public", "private"],
      tlsOptions = (trustBrowserCas = true))),
`;

function workerConstant(
  name: string,
  worker: WorkerConfig,
  {
    names,
    bundleFile,
    outbound,
  }: {
    readonly names: ReadonlyMap<string, string>;
    readonly bundleFile: string;
    readonly outbound?: string;
  },
): string {
  return `const ${name} :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed ${quote(bundleFile)})],
  compatibilityDate = ${quote(worker.compatibilityDate)},
  compatibilityFlags = [${worker.compatibilityFlags.map(quote).join(", ")}],
  durableObjectNamespaces = [
${worker.sqliteClasses.map((one) => namespace(worker.name, one)).join("\n")}
  ],
  durableObjectStorage = (localDisk = "storage"),
  bindings = [
${bindings(worker, names).join("\n")}
  ],
${outbound === undefined ? "" : `  globalOutbound = ${quote(outbound)},\n`});
`;
}

/**
 * Whom the Worker may call besides its own objects: nobody, unless it has to fetch the keys of an issuer of tokens, or
 * webhooks are on, which under `npm start` may be anywhere.
 */
function outbound(vars: ReadonlyMap<string, string>): string {
  const keysUrl = vars.get("JWT_JWKS_URL") ?? "";
  const hasHooks = vars.get("WEBHOOKS_ENABLED") === "1";
  const isPublic = keysUrl.startsWith("https:") || (vars.get("ACCESS_TEAM") ?? "") !== "";
  const kinds = [
    ...(hasHooks || keysUrl.startsWith("http:") ? ["local"] : []),
    ...(hasHooks ? ["private"] : []),
    ...(hasHooks || isPublic ? ["public"] : []),
  ];
  const tls = kinds.includes("public") ? ", tlsOptions = (trustBrowserCas = true)" : "";
  return `allow = [${kinds.map(quote).join(", ")}]${tls}`;
}

function sockets(places: RuntimePlaces, beside: readonly BesideWorker[]): readonly string[] {
  const http = (name: string, port: number, service: string): string =>
    `    (name = "${name}", address = "127.0.0.1:${port}", http = (), service = "${service}"),`;
  const tcp = places.tcpPorts.map(
    (port, index) =>
      `    (name = "tcp-${index}", address = "127.0.0.1:${port}", tcp = (), service = "${MAIN}"),`,
  );
  const others = beside.map(({ httpPort }, index) => http(`http-${index}`, httpPort, `beside-${index}`));
  return [http("http", places.httpPort, MAIN), ...tcp, ...others];
}

function namespace(workerName: string, className: string): string {
  const uniqueKey = quote(`${workerName}-${className}`);
  return `    (className = ${quote(className)}, uniqueKey = ${uniqueKey}, enableSql = true),`;
}

function bindings(worker: WorkerConfig, names: ReadonlyMap<string, string>): readonly string[] {
  const objects = worker.durableObjects.map(
    (binding) => `    (name = ${quote(binding.name)}, durableObjectNamespace = ${quote(binding.className)}),`,
  );
  const services = worker.services.map(({ name, service, entrypoint, props }) => {
    const parts = [`name = ${quote(names.get(service) ?? service)}`];
    if (entrypoint !== undefined) parts.push(`entrypoint = ${quote(entrypoint)}`);
    if (props !== undefined) parts.push(`props = (json = ${quote(props)})`);
    return `    (name = ${quote(name)}, service = (${parts.join(", ")})),`;
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
