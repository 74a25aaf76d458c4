/** What lies between replicas: who reaches whom, and how long it takes. */
import { must } from "../base/assert.ts";
import type { Sid } from "../base/ids.ts";
import type { Rng } from "../base/rng.ts";
import type { Link } from "./links.ts";
import type { Purpose, Setting } from "./setting.ts";

const DELAY_MS = 4;

/** How election notifications fare. */
export interface NotificationWeather {
  /** Of so many one is lost, or comes twice; 0 for none. */
  readonly lose: number;
  readonly repeat: number;
  readonly delayMs: number;
}

/** See the file's comment. */
export class Network {
  /** What slow networks add, one for each such fault in force. */
  readonly slownessMs: number[] = [];
  /** Faults of notifications in force; the latest counts. */
  readonly weather: NotificationWeather[] = [];
  readonly #setting: Setting;
  /** How many faults keep one from reaching another. */
  readonly #cuts = new Map<number, number>();
  readonly #dice = new Map<number, Rng>();
  readonly #links = new Map<number, Set<Link>>();

  constructor(setting: Setting) {
    this.#setting = setting;
  }

  /** Whether anything new passes from one to the other. */
  passes(from: Sid, to: Sid): boolean {
    return (this.#cuts.get(pair(from, to)) ?? 0) === 0;
  }

  /** One more fault keeps anything from passing from one to the other. */
  cut(from: Sid, to: Sid): void {
    this.#cuts.set(pair(from, to), (this.#cuts.get(pair(from, to)) ?? 0) + 1);
  }

  /** One fault less does so. What waited on links goes on its way once there is none. */
  mend(from: Sid, to: Sid): void {
    this.#cuts.set(pair(from, to), must(this.#cuts.get(pair(from, to)), "a cut") - 1);
    for (const link of this.links(from, to)) link.resume();
  }

  /** A link has come about. */
  add(link: Link, a: Sid, b: Sid): void {
    const key = pair(Math.min(a, b), Math.max(a, b));
    const links = this.#links.get(key) ?? new Set();
    for (const one of links) if (one.isOver) links.delete(one);
    this.#links.set(key, links.add(link));
  }

  /** Those between the two, the oldest first. */
  links(a: Sid, b: Sid): readonly Link[] {
    return [...(this.#links.get(pair(Math.min(a, b), Math.max(a, b))) ?? [])].filter(({ isOver }) => !isOver);
  }

  /** How long a frame takes. */
  delayMs(from: Sid, to: Sid): number {
    const known = this.#knownMs(from, to);
    if (known !== undefined) return Math.max(known, ...this.slownessMs);
    const extraMs = Math.max(this.#setting.options.networkDelayMs ?? DELAY_MS, ...this.slownessMs);
    return 1 + this.rng("network", from, to).below(extraMs + 1);
  }

  /** How long a notification takes. */
  notificationDelayMs(from: Sid, to: Sid): number {
    const known = this.#knownMs(from, to);
    if (known !== undefined) return Math.max(known, this.weather.at(-1)?.delayMs ?? 0, ...this.slownessMs);
    const extraMs = this.weather.at(-1)?.delayMs ?? this.#setting.options.networkDelayMs ?? DELAY_MS;
    return 1 + this.rng("notifications", from, to).below(Math.max(extraMs, ...this.slownessMs) + 1);
  }

  #knownMs(from: Sid, to: Sid): number | undefined {
    const roundTripMs = this.#setting.options.roundTripMs?.(from, to);
    return roundTripMs === undefined ? undefined : Math.max(1, Math.round(roundTripMs / 2));
  }

  /** How many copies of a notification arrive: 0, 1 or 2. */
  copies(from: Sid, to: Sid): number {
    if (!this.passes(from, to)) return 0;
    const weather = this.weather.at(-1);
    if (weather === undefined) return 1;
    const rng = this.rng("notifications", from, to);
    const isLost = weather.lose > 0 && rng.below(weather.lose) === 0;
    const isRepeated = weather.repeat > 0 && rng.below(weather.repeat) === 0;
    if (isLost) return 0;
    return isRepeated ? 2 : 1;
  }

  /** Dice for what goes from one to the other. */
  rng(purpose: Purpose & ("network" | "notifications"), from: Sid, to: Sid): Rng {
    const key = pair(from, to) * 2 + (purpose === "network" ? 0 : 1);
    const rng = this.#dice.get(key) ?? this.#setting.rng(purpose, from, to);
    this.#dice.set(key, rng);
    return rng;
  }
}

function pair(from: Sid, to: Sid): number {
  return from * 1024 + to;
}
