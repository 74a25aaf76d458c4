/**
 * Election notifications of a machine: each a request whose answer is the other's vote. As the shell sends them, one to
 * a peer at a time, the latest waiting behind it; the network may lose, repeat and delay both request and answer.
 */
import type { Sid } from "../base/ids.ts";
import { NOTIFY_DEADLINE_MS } from "../durable/limits.ts";
import { decodeNotification, encodeNotification } from "../keeper/zab-codec.ts";
import type { Notification } from "../zab/message.ts";
import type { Objects } from "./links.ts";
import type { Machine } from "./machine.ts";
import type { Network } from "./network.ts";
import type { Setting } from "./setting.ts";

/** See the file's comment. */
export class Notifications {
  readonly #machine: Machine;
  readonly #setting: Setting;
  readonly #network: Network;
  readonly #objects: Objects;
  /** Per peer the notification under way, and the latest that waits behind it. */
  readonly #notifying = new Map<Sid, Notification | undefined>();

  constructor(
    machine: Machine,
    parts: { readonly setting: Setting; readonly network: Network; readonly objects: Objects },
  ) {
    this.#machine = machine;
    this.#setting = parts.setting;
    this.#network = parts.network;
    this.#objects = parts.objects;
  }

  /** Posts a notification; the answer comes back as one. */
  notify(to: Sid, notification: Notification): void {
    if (this.#notifying.has(to)) this.#notifying.set(to, notification);
    else this.#post(to, notification);
  }

  #post(to: Sid, notification: Notification): void {
    this.#notifying.set(to, undefined);
    this.#machine.hold(() => this.#request(to, encodeNotification(notification)));
  }

  #request(to: Sid, bytes: Uint8Array): void {
    const machine = this.#machine;
    const network = this.#network;
    const { agenda } = this.#setting;
    let isOver = false;
    const over = (answer?: Uint8Array): void => {
      if (isOver || !machine.isAlive) return;
      isOver = true;
      machine.deliver(() => {
        if (answer !== undefined) {
          machine.accept({ kind: "notification", notification: decodeNotification(answer) });
        }
        this.#next(to);
      });
    };
    agenda.later(machine.home.clock.worldMs(NOTIFY_DEADLINE_MS), over);
    for (let copies = network.copies(machine.sid, to); copies > 0; copies--) {
      agenda.later(network.notificationDelayMs(machine.sid, to), () => {
        const target = this.#objects.reach(to);
        if (target === undefined) over();
        else target.deliver(() => this.#answer(target, bytes, over));
      });
    }
  }

  /** At the receiver: its own vote is the answer, behind its output gate. */
  #answer(target: Machine, bytes: Uint8Array, over: (answer: Uint8Array) => void): void {
    const from = this.#machine.sid;
    target.notified(decodeNotification(bytes));
    if (!target.isAlive) return;
    const answer = encodeNotification(target.keeper.notification());
    target.hold(() => {
      for (let copies = this.#network.copies(target.sid, from); copies > 0; copies--) {
        this.#setting.agenda.later(this.#network.notificationDelayMs(target.sid, from), () => over(answer));
      }
    });
  }

  #next(to: Sid): void {
    const next = this.#notifying.get(to);
    this.#notifying.delete(to);
    if (next !== undefined) this.#post(to, next);
  }
}
