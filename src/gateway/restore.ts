/**
 * `POST /ENSEMBLE/commands/restore`: a snapshot of ZooKeeper's, or of ours, takes the place of everything. The file
 * passes through here once, a piece at a time, to every replica at the pace of the slowest; then the leader proposes
 * it. src/durable/restore-command.ts says what that makes of it.
 */
import type { Sid } from "../base/ids.ts";
import { sidsOf } from "../base/settings.ts";
import type { Zxid } from "../base/zxid.ts";
import { zxidToBigInt } from "../base/zxid.ts";
import {
  COMMAND_PARAMETER,
  GATEWAY_PATHS,
  PERMIT_PARAMETER,
  replicaStub,
  type RestoreProposal,
  type Staged,
  STEP_PARAMETER,
} from "../durable/entry.ts";
import type { GatewayEnv } from "./documents.ts";
import { leaderOf, membersOf, statuses } from "./replicas.ts";

/** Where a new epoch is needed first, and until there is a leader again behind the restore: so often, and so long. */
const LEADER_POLL_MS = 200;
const LEADER_POLLS_MAX = 100;

/** How the command is answered. */
export interface RestoreAnswer {
  readonly status: number;
  readonly error: string | null;
  /** At which zxid it came about. */
  readonly lastZxid?: bigint;
}

/** A step was refused. */
class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** One restore of one ensemble. */
export class Restore {
  readonly #env: GatewayEnv;
  readonly #ensemble: string;

  constructor(env: GatewayEnv, ensemble: string) {
    this.#env = env;
    this.#ensemble = ensemble;
  }

  /** Stages the file everywhere under a permit of the leader's, and has it proposed. */
  async run(permit: Zxid, request: Request): Promise<RestoreAnswer> {
    try {
      const { voters, observers } = await membersOf(this.#env, this.#ensemble);
      const staged = await this.#stageAll(sidsOf({ voters, observers }), permit, request);
      const first = await this.#agreed(voters, staged);
      const at = await this.#propose({ permit, ...first, sids: await sidsThatStaged(staged) });
      await this.#untilServing();
      return { status: 200, error: null, lastZxid: zxidToBigInt(at) };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { status: error.status, error: error.message };
    }
  }

  /** Sends all of them each piece, and asks for the next once all have taken it. */
  async #stageAll(
    sids: readonly Sid[],
    permit: Zxid,
    request: Request,
  ): Promise<ReadonlyMap<Sid, Promise<Staged>>> {
    const pipes = sids.map((sid) => {
      const { readable, writable } = new IdentityTransformStream();
      const staged = this.#ask<Staged>(sid, "stage", { permit, body: readable });
      // Heard once all is sent; until then it must not count as unhandled.
      staged.catch(() => undefined);
      return { sid, staged, writer: writable.getWriter(), isOpen: true };
    });
    for await (const piece of piecesOf(request)) {
      await Promise.all(
        pipes.map(async (pipe) => {
          if (pipe.isOpen) pipe.isOpen = await settled(pipe.writer.write(piece));
        }),
      );
      if (pipes.every(({ isOpen }) => !isOpen)) break;
    }
    await Promise.all(pipes.map(async ({ writer }) => await settled(writer.close())));
    return new Map(pipes.map(({ sid, staged }) => [sid, staged]));
  }

  /** What every voter has staged. Throws Refusal where one has not, or has something else. */
  async #agreed(voters: readonly Sid[], staged: ReadonlyMap<Sid, Promise<Staged>>): Promise<Staged> {
    const all = await Promise.all(voters.map(async (sid) => await staged.get(sid)));
    const [first] = all;
    if (first === undefined) throw new Refusal(500, "there is no voter");
    if (all.every((one) => one?.digest === first.digest)) return first;
    throw new Refusal(500, "the voters have made different trees of the file");
  }

  async #propose(proposal: RestoreProposal): Promise<Zxid> {
    for (let poll = 0; poll < LEADER_POLLS_MAX; poll++) {
      const leader = leaderOf(await statuses(this.#env, this.#ensemble));
      if (leader !== undefined && leader.status?.serving === true) {
        const body = JSON.stringify(proposal);
        const { at } = await this.#ask<{ at?: Zxid }>(leader.sid, "propose", { body });
        if (at !== undefined) return at;
      }
      await pause();
    }
    throw new Refusal(503, "no leader in an epoch above the file's");
  }

  /** Those who have restored look for a leader: whoever asked may go on once there is one. */
  async #untilServing(): Promise<void> {
    for (let poll = 0; poll < LEADER_POLLS_MAX; poll++) {
      if (leaderOf(await statuses(this.#env, this.#ensemble))?.status?.serving === true) return;
      await pause();
    }
  }

  async #ask<T>(
    sid: Sid,
    step: string,
    { permit, body }: { readonly permit?: Zxid; readonly body: BodyInit },
  ): Promise<T> {
    const parameters = new URLSearchParams({ [COMMAND_PARAMETER]: "restore", [STEP_PARAMETER]: step });
    if (permit !== undefined) parameters.set(PERMIT_PARAMETER, JSON.stringify(permit));
    const stub = replicaStub(this.#env, { ensemble: this.#ensemble, sid });
    const url = `http://replica${GATEWAY_PATHS.bulk}?${parameters.toString()}`;
    let answer: Response;
    try {
      answer = await stub.fetch(url, { method: "POST", body });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Refusal(503, `replica ${sid} does not answer: ${reason}`);
    }
    if (answer.ok) return await answer.json<T>();
    const { error } = await answer.json<{ error: string }>();
    throw new Refusal(answer.status, `replica ${sid}: ${error}`);
  }
}

/** What comes with the request. */
function piecesOf({ body }: Request): AsyncIterable<Uint8Array> {
  return (body ?? new Blob([]).stream()) as ReadableStream<Uint8Array>;
}

async function sidsThatStaged(staged: ReadonlyMap<Sid, Promise<Staged>>): Promise<readonly Sid[]> {
  const all = await Promise.all(
    Array.from(staged, async ([sid, one]) => ((await settled(one)) ? sid : undefined)),
  );
  return all.filter((sid) => sid !== undefined);
}

/** Whether it came to something. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  try {
    await promise;
    return true;
  } catch {
    // Its own answer says why.
    return false;
  }
}

async function pause(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, LEADER_POLL_MS));
}
