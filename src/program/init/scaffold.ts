/** A new Worker with an ensemble in it: its files. */
import { tomlPieces } from "./config-edit.ts";
import { missingPieces } from "./pieces.ts";

/** The wrangler that a scaffold asks for: the one with which this version was tested, or a later one. */
export const WRANGLER_RANGE = "^4.164.0";

const NAMES = ["Edgekeeper", "Register", "Replica"] as const;

/** What a Worker must export for the ensemble. */
const EXPORTS = exportLine(NAMES);

function exportLine(names: readonly string[]): string {
  return `export { ${names.join(", ")} } from "edgekeeper/worker";`;
}

/** The export that a module lacks; undefined where it has all of it. */
export function missingExport(code: string): string | undefined {
  const lists = [...code.matchAll(/export\s*\{([^}]*)\}\s*from\s*["']edgekeeper\/worker["']/g)];
  const there = lists.flatMap(([, list = ""]) => list.split(",").map((name) => name.trim()));
  const missing = NAMES.filter((name) => !there.includes(name));
  return missing.length === 0 ? undefined : exportLine(missing);
}

const WORKER = `/** A Worker with an ensemble of Edgekeeper in it. */
import { app, keeperOf } from "edgekeeper/worker";

// The objects of the ensemble, and what other Workers of the account are bound to.
${EXPORTS}

export default {
  async fetch(request: Request, env: object, ctx: ExecutionContext): Promise<Response> {
    if (new URL(request.url).pathname === "/hello") {
      // Your own code goes here. The lock is renewed by itself for as long as this block runs, and then released.
      using lease = await keeperOf(ctx).lock("hello", { waitMs: 10_000 });
      return new Response(\`held under token \${await lease.token}\\n\`);
    }
    // The doors: HTTP API, WebSockets for clients, /docs.
    return await app.fetch(request, env, ctx);
  },
  // ZooKeeper's clients, on a machine of one's own.
  connect: (socket: Socket, env: object): Promise<void> => app.connect(socket, env),
};
`;

const IGNORED = `node_modules/
.wrangler/
.edgekeeper/
.dev.vars
`;

/** For \`wrangler dev\` alone. */
const DEV_VARS = `# Of this machine: no secret is asked for. It is not deployed.
EDGEKEEPER_DEV="1"
`;

/** The files of a new Worker, by their paths. */
export function scaffold(name: string, version: string): ReadonlyMap<string, string> {
  const { top, vars, tables } = tomlPieces(missingPieces({}));
  const config = [
    `name = ${JSON.stringify(name)}`,
    `main = "src/worker.ts"`,
    ...top,
    "",
    "# A port for ZooKeeper's clients, on a machine of one's own: hosted Workers take no TCP.",
    "[[connect]]",
    `protocol = "tcp"`,
    "port = 2181",
    "",
    "[vars]",
    "# One voter to begin with. Once there are data this line is not changed: members come by reconfig.",
    ...vars,
    `TCP_PORTS = "2181"`,
    tables.trimEnd(),
    "",
  ];
  const manifest = {
    name,
    private: true,
    type: "module",
    scripts: { dev: "wrangler dev", deploy: "wrangler deploy" },
    dependencies: { edgekeeper: version },
    devDependencies: { wrangler: WRANGLER_RANGE },
  };
  return new Map([
    ["package.json", `${JSON.stringify(manifest, null, 2)}\n`],
    ["wrangler.toml", config.join("\n")],
    ["src/worker.ts", WORKER],
    [".dev.vars", DEV_VARS],
    [".gitignore", IGNORED],
  ]);
}
