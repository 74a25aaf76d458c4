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
  /** undefined where another process has the HTTP door. */
  readonly httpPort: number | undefined;
  readonly tcpPorts: readonly number[];
  /** The path of the socket on which it takes trunks to its replicas; undefined where its TCP ports are its own. */
  readonly trunkSocket?: string | undefined;
  /** Which of several processes this is; undefined where it is the only one. */
  readonly among?: Among | undefined;
  /** An absolute path. */
  readonly storageDirectory: string;
  /** The bundled Worker, relative to the configuration file. */
  readonly bundleFile: string;
}

/** A process among several, counted from 0, which reach each other by sockets in their directory. */
export interface Among {
  readonly at: number;
  readonly count: number;
  readonly socketOf: (at: number) => string;
  /** The bundled modules of src/local, relative to the configuration file. */
  readonly namespaceFile: string;
  readonly switchboardFile: string;
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
${others(places.among).map(processService).join("")}\
${places.among === undefined ? "" : `    (name = "switchboard", worker = .switchboard),\n`}\
  ],
  sockets = [
${sockets(places, beside).join("\n")}
  ],
${places.among === undefined ? "" : extension(places.among)}\
);

${workerConstant("worker", worker, { names, bundleFile: places.bundleFile, among: places.among })}
${places.among === undefined ? "" : switchboard(worker, places.among)}\
${beside
  .map((one, index) =>
    workerConstant(`beside${index}`, one.worker, { names, bundleFile: one.bundleFile, outbound: "outside" }),
  )
  .join("\n")}`;
}

/** The processes besides this one. */
function others(among: Among | undefined): readonly { readonly at: number; readonly socket: string }[] {
  if (among === undefined) return [];
  return Array.from({ length: among.count }, (_, at) => ({ at, socket: among.socketOf(at) })).filter(
    ({ at }) => at !== among.at,
  );
}

/** How this process asks another. */
function processService({ at, socket }: { readonly at: number; readonly socket: string }): string {
  const address = quote(`unix:${socket}`);
  return `    (name = "process-${at}", external = (address = ${address}, http = ())),\n`;
}

/** The module that stands in the place of each namespace of the Worker. */
const NAMESPACE_MODULE = "edgekeeper-local:namespace";

function extension({ namespaceFile }: Among): string {
  return `  extensions = [(modules = [
    (name = ${quote(NAMESPACE_MODULE)}, esModule = embed ${quote(namespaceFile)}, internal = true),
  ])],
`;
}

/** The Worker that answers the other processes for the objects of this one. */
function switchboard(worker: WorkerConfig, { switchboardFile }: Among): string {
  const bindings = worker.durableObjects.map(
    ({ name, className }) =>
      `    (name = ${quote(name)}, durableObjectNamespace = ` +
      `(className = ${quote(className)}, serviceName = "${MAIN}")),`,
  );
  return `
const switchboard :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed ${quote(switchboardFile)})],
  compatibilityDate = ${quote(worker.compatibilityDate)},
  compatibilityFlags = [${[...worker.compatibilityFlags, NO_COMPRESSION].map(quote).join(", ")}],
  bindings = [
${bindings.join("\n")}
  ],
);
`;
}

/** To compress what goes from one process to the next would cost far more than it saves. */
const NO_COMPRESSION = "no_web_socket_compression";

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
    among,
  }: {
    readonly names: ReadonlyMap<string, string>;
    readonly bundleFile: string;
    readonly outbound?: string;
    readonly among?: Among | undefined;
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
${bindings(worker, names, among).join("\n")}
  ],
${outbound === undefined ? "" : `  globalOutbound = ${quote(outbound)},\n`});
`;
}

/**
 * Whom the Worker may call besides its own objects: nobody, unless it has to fetch the keys of an issuer of tokens, or
 * webhooks or a collector of traces are set, which under `npm start` may be anywhere.
 */
function outbound(vars: ReadonlyMap<string, string>): string {
  const keysUrl = vars.get("JWT_JWKS_URL") ?? "";
  // As webhooks, a collector may be anywhere.
  const hasHooks = vars.get("WEBHOOKS_ENABLED") === "1" || (vars.get("OTLP_ENDPOINT") ?? "") !== "";
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
  const besides = beside.map(({ httpPort }, index) => http(`http-${index}`, httpPort, `beside-${index}`));
  const { among, httpPort, trunkSocket } = places;
  const inner = among === undefined ? [] : [innerSocket(among.socketOf(among.at))];
  const door = httpPort === undefined ? [] : [http("http", httpPort, MAIN)];
  const trunks = trunkSocket === undefined ? [] : [trunkDoor(trunkSocket)];
  return [...door, ...inner, ...trunks, ...tcp, ...besides];
}

/** Where the starter's doors open their trunks. */
function trunkDoor(socket: string): string {
  return `    (name = "trunks", address = ${quote(`unix:${socket}`)}, tcp = (), service = "${MAIN}"),`;
}

/** Where the other processes ask for the objects of this one. */
function innerSocket(socket: string): string {
  return `    (name = "inner", address = ${quote(`unix:${socket}`)}, http = (), service = "switchboard"),`;
}

function namespace(workerName: string, className: string): string {
  const uniqueKey = quote(`${workerName}-${className}`);
  return `    (className = ${quote(className)}, uniqueKey = ${uniqueKey}, enableSql = true),`;
}

function bindings(
  worker: WorkerConfig,
  names: ReadonlyMap<string, string>,
  among: Among | undefined,
): readonly string[] {
  const objects = worker.durableObjects.map(({ name, className }) => {
    const local = `durableObjectNamespace = ${quote(className)}`;
    return `    (name = ${quote(name)}, ${among === undefined ? local : wrapped(name, local, among)}),`;
  });
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

/** The module of src/local in the place of a namespace, with what it is given. */
function wrapped(binding: string, local: string, among: Among): string {
  const doors = others(among).map(({ at }) => `(name = "PROCESS_${at}", service = "process-${at}")`);
  const inner = [
    `(name = "LOCAL", ${local})`,
    `(name = "BINDING", text = ${quote(binding)})`,
    `(name = "AT", text = "${among.at}")`,
    `(name = "PROCESSES", text = "${among.count}")`,
    ...doors,
  ];
  return `wrapped = (moduleName = ${quote(NAMESPACE_MODULE)}, innerBindings = [${inner.join(", ")}])`;
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
