/**
 * The register of a world: who founded the ensemble. It outlives every disk but its own, which nobody loses here. What
 * a machine asks it may get lost on the way, there or back, as election notifications do, and comes late.
 */
import type { Sid } from "../base/ids.ts";
import type { Machine } from "./machine.ts";
import type { Network } from "./network.ts";
import type { Setting } from "./setting.ts";

/** What it holds. */
export interface Register {
  founders: readonly Sid[] | undefined;
}

/** No replica has this number: faults of the network between replicas leave the register alone. */
const REGISTER_SID = 0;

/** What one machine asks the register. */
export class RegisterCalls {
  readonly #machine: Machine;
  readonly #parts: {
    readonly setting: Setting;
    readonly network: Network;
    readonly register: Register;
  };

  constructor(
    machine: Machine,
    parts: { readonly setting: Setting; readonly network: Network; readonly register: Register },
  ) {
    this.#machine = machine;
    this.#parts = parts;
  }

  /** Asks who founded the ensemble, telling first that these do, if anybody. The request waits behind the gate. */
  consult(founders: readonly Sid[] | undefined): void {
    const { register } = this.#parts;
    const machine = this.#machine;
    machine.hold(() =>
      this.#travel(machine.sid, REGISTER_SID, () => {
        register.founders ??= founders;
        const answer = register.founders;
        this.#travel(REGISTER_SID, machine.sid, () => {
          if (!machine.isAlive) return;
          machine.deliver(() => machine.accept({ kind: "founders", founders: answer }));
        });
      }),
    );
  }

  #travel(from: Sid, to: Sid, arrive: () => void): void {
    const { network, setting } = this.#parts;
    for (let copies = network.copies(from, to); copies > 0; copies--) {
      setting.agenda.later(network.notificationDelayMs(from, to), arrive);
    }
  }
}
