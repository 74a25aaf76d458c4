/** An AbortSignal for work under a lock: signals do not travel between Workers, so it is made where it is used. */
import type { Ending } from "./binding.ts";
import { EdgekeeperError } from "./problem.ts";

/**
 * A signal that is aborted when the lease, or session, is over, its release included, by an EdgekeeperError that says
 * why.
 * Where Edgekeeper itself is lost, its connection fails and the signal is aborted at once: nobody renews it any more.
 */
export function signalOf(held: { ending(): Promise<Ending> }): AbortSignal {
  const controller = new AbortController();
  const follow = async (): Promise<void> => {
    const ending = await held.ending();
    try {
      const { code, detail } = await ending.lost();
      controller.abort(new EdgekeeperError({ code, detail, status: 410 }));
    } finally {
      ending[Symbol.dispose]();
    }
  };
  follow().catch((reason: unknown) => controller.abort(reason));
  return controller.signal;
}
