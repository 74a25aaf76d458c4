/**
 * The part of node-zookeeper-client's surface that the checks use, typed, as promises; the package itself is
 * loaded unmodified.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { expectEqual, waitFor } from "./harness.ts";

/** A Stat as the package decodes it: 64-bit fields are 8-byte buffers. */
export interface RawStat {
  readonly czxid: Buffer;
  readonly mzxid: Buffer;
  readonly pzxid: Buffer;
  readonly ctime: Buffer;
  readonly mtime: Buffer;
  readonly version: number;
  readonly cversion: number;
  readonly aversion: number;
  readonly ephemeralOwner: Buffer;
  readonly dataLength: number;
  readonly numChildren: number;
}

/** An access control entry of the package; opaque but for what the checks compare. */
export interface RawAcl {
  readonly permission: number;
  readonly id: { readonly scheme: string; readonly id: string };
}

interface RawEvent {
  getName(): string;
  getPath(): string;
}

/** One result of a transaction. */
export interface RawResult {
  readonly type: number;
  readonly err?: number;
  readonly path?: string;
  readonly stat?: RawStat;
}

type Callback<Rest extends unknown[]> = (error: unknown, ...rest: Rest) => void;
type RawWatcher = (event: RawEvent) => void;

interface RawTransaction {
  create(path: string, data: Buffer, mode?: number): RawTransaction;
  check(path: string, version: number): RawTransaction;
  setData(path: string, data: Buffer, version: number): RawTransaction;
  remove(path: string, version: number): RawTransaction;
  commit(callback: Callback<[RawResult[]]>): void;
}

/** The client object of the package. */
export interface RawClient {
  on(event: "state", listener: (state: { readonly name: string }) => void): void;
  connect(): void;
  close(): void;
  getSessionId(): Buffer;
  getSessionPassword(): Buffer;
  getSessionTimeout(): number;
  addAuthInfo(scheme: string, auth: Buffer): void;
  create(
    path: string,
    data: Buffer | null,
    acls: readonly RawAcl[],
    mode: number,
    callback: Callback<[string]>,
  ): void;
  remove(path: string, version: number, callback: Callback<[]>): void;
  setData(path: string, data: Buffer, version: number, callback: Callback<[RawStat]>): void;
  getData(
    path: string,
    watcher: RawWatcher | undefined,
    callback: Callback<[Buffer | undefined, RawStat]>,
  ): void;
  exists(path: string, watcher: RawWatcher | undefined, callback: Callback<[RawStat | null]>): void;
  getChildren(path: string, watcher: RawWatcher | undefined, callback: Callback<[string[], RawStat]>): void;
  getACL(path: string, callback: Callback<[RawAcl[], RawStat]>): void;
  setACL(path: string, acls: readonly RawAcl[], version: number, callback: Callback<[RawStat]>): void;
  transaction(): RawTransaction;
}

interface RawModule {
  createClient(
    hosts: string,
    options: { sessionTimeout: number; spinDelay: number; retries: number },
  ): RawClient;
  readonly ACL: {
    new (permission: number, id: unknown): RawAcl;
    readonly OPEN_ACL_UNSAFE: readonly RawAcl[];
  };
  readonly Id: new (scheme: string, id: string) => unknown;
}

/** The package, from the directory that the suite installed it into. */
export function loadModule(): RawModule {
  const directory = process.env["COMPAT_NODE_CLIENT"];
  if (directory === undefined)
    throw new Error("COMPAT_NODE_CLIENT names the directory of node-zookeeper-client");
  return createRequire(join(directory, "package.json"))("node-zookeeper-client") as RawModule;
}

/** CreateMode of the package. */
export const MODES: Readonly<
  Record<"persistent" | "ephemeral" | "persistentSequential" | "ephemeralSequential", number>
> = {
  persistent: 0,
  ephemeral: 1,
  persistentSequential: 2,
  ephemeralSequential: 3,
};

/** Watch events in the order they came, as "NAME path". */
export class Events {
  readonly seen: string[] = [];
  #taken = 0;
  readonly watcher: RawWatcher = (event) => {
    this.seen.push(`${event.getName()} ${event.getPath()}`);
  };

  async next(): Promise<string> {
    const event = await waitFor("a watch event", () => this.seen[this.#taken]);
    this.#taken += 1;
    return event;
  }
}

/** The client with promises instead of callbacks, and the states it told. */
export class Connection {
  readonly raw: RawClient;
  readonly states: string[] = [];
  readonly #module: RawModule;

  constructor(hosts: string, sessionTimeout: number) {
    this.#module = loadModule();
    this.raw = this.#module.createClient(hosts, { sessionTimeout, spinDelay: 200, retries: 0 });
    this.raw.on("state", (state) => this.states.push(state.name));
    this.raw.connect();
  }

  async connected(): Promise<this> {
    await waitFor("connected", () => (this.states.includes("SYNC_CONNECTED") ? true : undefined));
    return this;
  }

  get session(): string {
    return this.raw.getSessionId().toString("hex");
  }

  acl(permission: number, scheme: string, id: string): readonly RawAcl[] {
    return [new this.#module.ACL(permission, new this.#module.Id(scheme, id))];
  }

  async create(path: string, data: string | Buffer | null, mode: number = MODES.persistent): Promise<string> {
    return await this.createWith(path, data, { mode, acl: this.#module.ACL.OPEN_ACL_UNSAFE });
  }

  async createWith(
    path: string,
    data: string | Buffer | null,
    options: { readonly mode?: number; readonly acl: readonly RawAcl[] },
  ): Promise<string> {
    const bytes = typeof data === "string" ? Buffer.from(data) : data;
    const mode = options.mode ?? MODES.persistent;
    return await call((done) => this.raw.create(path, bytes, options.acl, mode, done));
  }

  async remove(path: string, version = -1): Promise<void> {
    await call<undefined>((done) => this.raw.remove(path, version, (error) => done(error, undefined)));
  }

  async set(path: string, data: string | Buffer, version = -1): Promise<RawStat> {
    return await call((done) => this.raw.setData(path, Buffer.from(data), version, done));
  }

  async get(path: string, events?: Events): Promise<{ data: Buffer | undefined; stat: RawStat }> {
    return await call((done) =>
      this.raw.getData(path, events?.watcher, (error, data, stat) => done(error, { data, stat })),
    );
  }

  async read(path: string): Promise<string | undefined> {
    return (await this.get(path)).data?.toString();
  }

  async exists(path: string, events?: Events): Promise<RawStat | null> {
    // The package leaves the Stat out where there is no znode.
    return await call((done) =>
      this.raw.exists(path, events?.watcher, (error, stat) => done(error, stat ?? null)),
    );
  }

  async children(path: string, events?: Events): Promise<{ names: string[]; stat: RawStat }> {
    return await call((done) =>
      this.raw.getChildren(path, events?.watcher, (error, names, stat) =>
        done(error, { names: names?.sort(), stat }),
      ),
    );
  }

  async getAcl(path: string): Promise<{ acls: RawAcl[]; stat: RawStat }> {
    return await call((done) => this.raw.getACL(path, (error, acls, stat) => done(error, { acls, stat })));
  }

  async setAcl(path: string, acls: readonly RawAcl[], version = -1): Promise<RawStat> {
    return await call((done) => this.raw.setACL(path, acls, version, done));
  }

  /** The package has no sync: a second client asks until it sees what the first one wrote. */
  async sees(path: string): Promise<void> {
    await waitFor(`${path} is seen`, async () => (await this.exists(path)) ?? undefined);
  }
}

/** Expects a call to fail with ZooKeeper's name of an error. */
export async function expectError(what: string, expected: string, asked: Promise<unknown>): Promise<void> {
  let answer: unknown;
  try {
    answer = await asked;
  } catch (error) {
    expectEqual(what, expected, errorName(error));
    return;
  }
  throw new Error(`${what}: expected ${expected}, saw the answer ${JSON.stringify(answer)}`);
}

/** The name that the package gives an error, or its text for any other. */
export function errorName(error: unknown): string {
  if (error instanceof Error && "getName" in error && typeof error.getName === "function") {
    return String((error as { getName(): unknown }).getName());
  }
  return String(error);
}

async function call<T>(start: (done: (error: unknown, answer: T) => void) => void): Promise<T> {
  return await new Promise((resolve, reject) => {
    start((error, answer) => {
      if (error === null || error === undefined) resolve(answer);
      // The package's errors are Error objects by inheritance of old; errorName reads them.
      else reject(error instanceof Error ? error : new Error(JSON.stringify(error)));
    });
  });
}
