/** The commands snapshot and restore at one replica: who may run them, and their running. */
import { readSettings } from "../base/settings.ts";
import type { Zxid } from "../base/zxid.ts";
import type { Variables } from "../base/variables.ts";
import type { AuthSettings } from "../keeper/auth.ts";
import { adminRefusal } from "../keeper/operations/admin-access.ts";
import { type BulkCommand, NOT_SERVING } from "../keeper/operations/admin-commands.ts";
import { shedOf } from "../keeper/operations/operator.ts";
import { scopeOf } from "../tree/scope.ts";
import type { Tree } from "../tree/tree.ts";
import { bulkAnswer } from "./bulk-answer.ts";
import { PERMIT_PARAMETER } from "./entry.ts";
import { AUTHORIZATION_HEADER, readCaller } from "./handed-over.ts";
import { RestoreCommand, RestoreError, type RestorePorts, type RestoreProposal } from "./restore-command.ts";
import { SnapshotCommand, type SnapshotPorts } from "./snapshot-command.ts";

/** What it needs of its object. */
export interface AdminPorts extends SnapshotPorts, RestorePorts {
  /** Whether clients are served. */
  isServing(): boolean;
}

/** Of one object. */
export class AdminDoor {
  readonly #auth: AuthSettings;
  readonly #ports: AdminPorts;
  readonly #snapshot: SnapshotCommand;
  readonly #restore: RestoreCommand;
  #running = 0;

  constructor(env: Variables, auth: AuthSettings, ports: AdminPorts) {
    this.#auth = auth;
    this.#ports = ports;
    const { admin } = readSettings(env);
    this.#snapshot = new SnapshotCommand(admin, ports);
    this.#restore = new RestoreCommand(admin, ports);
  }

  /** Answers the command, which was asked for under the name `asked`; `step` is one of a restore. */
  async serve(command: BulkCommand, asked: string, step: string | null, request: Request): Promise<Response> {
    this.#running++;
    try {
      return step === null ? await this.#answer(command, asked, request) : await this.#step(step, request);
    } finally {
      this.#running--;
    }
  }

  async #answer(command: BulkCommand, asked: string, request: Request): Promise<Response> {
    if (!this.#ports.isServing()) return bulkAnswer(asked, { error: NOT_SERVING });
    const refusal = this.#refusal(request.headers, this.#ports.tree());
    if (refusal !== undefined) return bulkAnswer(asked, refusal);
    if (command === "shed_connections") return await this.#shed(request);
    if (command === "restore") return await this.#step("permit", request);
    return await this.#snapshot.run(new URL(request.url).searchParams.get("streaming"));
  }

  /** Source: ZooKeeper Commands.ShedConnectionsCommand (3.10, ZOOKEEPER-5015). */
  async #shed(request: Request): Promise<Response> {
    const wrong = (error: string): Response => bulkAnswer("shed_connections", { status: 400, error });
    let percentage: unknown;
    try {
      const told: unknown = await request.json();
      if (told === null || typeof told !== "object" || !("percentage" in told)) {
        return wrong("Missing required field: percentage");
      }
      ({ percentage } = told);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return wrong(`Invalid JSON or failed to read request body: ${reason}`);
    }
    if (typeof percentage !== "number" || !(percentage >= 0 && percentage <= 100)) {
      return wrong("Percentage must be between 0 and 100");
    }
    const requested = Math.trunc(percentage);
    const count = shedOf(this.#ports.keeper().status().connections, requested);
    this.#ports.accept({ kind: "operation", operation: { kind: "shedConnections", percentage: requested } });
    const fields = { connections_shed: count, percentage_requested: requested };
    return bulkAnswer("shed_connections", { fields });
  }

  /** A step of a restore: see RestoreCommand. An answer of another status than 200 says in `error` why. */
  async #step(step: string, request: Request): Promise<Response> {
    try {
      if (step === "permit") return Response.json({ permit: await this.#restore.permit() });
      if (step === "propose") {
        const at = await this.#restore.propose(await request.json<RestoreProposal>());
        return Response.json({ at });
      }
      const permit = JSON.parse(new URL(request.url).searchParams.get(PERMIT_PARAMETER) ?? "") as Zxid;
      const file = request.body ?? new Blob([]).stream();
      return Response.json(await this.#restore.stage(permit, file));
    } catch (error) {
      if (!(error instanceof RestoreError)) throw error;
      return Response.json({ error: error.message }, { status: error.status });
    }
  }

  /** Whether a command is being answered. */
  get isBusy(): boolean {
    return this.#running > 0 || this.#snapshot.isBusy;
  }

  /** The tree is another from now on. */
  abort(): void {
    this.#snapshot.abort();
  }

  #refusal(headers: Headers, tree: Tree): ReturnType<typeof adminRefusal> {
    const caller = readCaller(headers);
    const scope = scopeOf(caller.identities ?? [], tree, this.#ports.now());
    const own = scope?.identity === undefined ? [] : [scope.identity];
    const asked = {
      authorization: headers.get(AUTHORIZATION_HEADER) ?? undefined,
      caller: { ...caller, identities: [...(caller.identities ?? []), ...own] },
      rootAcl: tree.get("/")?.acl ?? [],
    };
    return adminRefusal(asked, this.#auth);
  }
}
