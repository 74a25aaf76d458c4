/** Where replicas are, as an isolate of the gateway knows: who they are, and which of them answer soonest. */
import type { Context } from "hono";
import type { Sid } from "../base/ids.ts";
import { LOCATIONS, type Point, roundTripMs } from "../base/placement.ts";
import { type Members, readPlacement, sidsOf } from "../base/settings.ts";
import type { App, GatewayEnv } from "./documents.ts";
import { type Candidate, Nearness } from "./nearness.ts";
import { MembersMemory } from "./replicas.ts";

/** What became of asking one. */
export interface Watched {
  readonly answered: () => void;
  readonly failed: () => void;
  /** Another one was sooner: it takes at least as long as this. */
  readonly slower: () => void;
}

interface Name {
  readonly ensemble: string;
  readonly sid: Sid;
}

/** Where replicas were placed, and which are of the gateway's own process. */
interface Places {
  readonly placement: ReturnType<typeof readPlacement>;
  readonly home: readonly Sid[];
}

/** See the file's comment. */
export class Whereabouts {
  readonly nearness: Nearness = new Nearness(Math.random);
  readonly #members = new MembersMemory();
  /** An isolate is given the same environment with every request. */
  readonly #places = new WeakMap<GatewayEnv, Places>();
  /** The candidates for callers of whom nobody knows where they are. */
  readonly #unplaced = new WeakMap<Members, readonly Candidate[]>();

  /** All replicas of the ensemble, the one to ask first in front. */
  async order(context: Context<App>, ensemble: string): Promise<readonly Sid[]> {
    const { env } = context;
    const members = await this.#members.of(env, ensemble, (work) => context.executionCtx.waitUntil(work));
    const { placement, home } = this.#placesOf(env);
    const caller = placement.size === 0 ? undefined : pointOf(context.req.raw.cf);
    let candidates = caller === undefined ? this.#unplaced.get(members) : undefined;
    if (candidates === undefined) {
      candidates = sidsOf(members).map((sid) => {
        const location = placement.get(sid);
        const isKnown = location !== undefined && caller !== undefined;
        const guessMs = isKnown ? roundTripMs(caller, LOCATIONS[location]) : 0;
        return { sid, guessMs, isHome: home.includes(sid) };
      });
      if (caller === undefined) this.#unplaced.set(members, candidates);
    }
    return this.nearness.order(ensemble, candidates, performance.now());
  }

  #placesOf(env: GatewayEnv): Places {
    let places = this.#places.get(env);
    if (places === undefined) {
      const home = (env.HOME_REPLICAS ?? "").split(",").map(Number);
      this.#places.set(env, (places = { placement: readPlacement(env), home }));
    }
    return places;
  }

  /** Asking it begins. */
  watch({ ensemble, sid }: Name): Watched {
    const beganMs = performance.now();
    const answered = (): void => {
      const nowMs = performance.now();
      this.nearness.answered(ensemble, sid, { tookMs: nowMs - beganMs, nowMs });
    };
    return {
      answered,
      slower: answered,
      failed: () => this.nearness.failed(ensemble, sid, performance.now()),
    };
  }

  /** Nobody could serve: they may not be the members any more. */
  forget(ensemble: string): void {
    this.#members.forget(ensemble);
  }
}

/** Where the platform says that a request comes from. */
function pointOf(cf: unknown): Point | undefined {
  const told = cf as { readonly latitude?: string; readonly longitude?: string } | undefined;
  const [latitude, longitude] = [Number(told?.latitude ?? "x"), Number(told?.longitude ?? "x")];
  return Number.isFinite(latitude) && Number.isFinite(longitude) ? { latitude, longitude } : undefined;
}
