/** All that the page knows, as signals: its parts show them, and are drawn anew where one changes. */
import { type ReadonlySignal, type Signal, computed, signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";

import { begin } from "./begin.ts";
import { Api, ApiError, asApiError } from "./api.ts";
import type { Caller, Permission, StatusDocument } from "./documents.ts";
import { foremost, type Happening, inOrder, Story } from "./happenings.ts";
import { may } from "./permissions.ts";
import { hashOf, type Past, readRoute, type Route, type View } from "./route.ts";
import { Samples } from "./samples.ts";
import { applyTheme, nextTheme, storedTheme, type Theme } from "./theme.ts";

const TOKEN_KEY = "edgekeeper.token";

/** Replicas are asked so often; who looks away asks nothing. */
const LOOK_MS = 2000;

const EVENTS_MAX = 50;

const NEWS_MAX = 5;

const NOTICE_MS = 6000;

/** A word that goes by itself. */
export interface Notice {
  readonly id: number;
  readonly text: string;
  readonly kind: "good" | "bad";
}

/** How far one has come: `out` wants a token, `lost` is an ensemble or door that is not to be had. */
export type Stage = "asking" | "out" | "choosing" | "lost" | "in";

/** See the file's comment. */
export class Desk {
  readonly ensemble: string;
  readonly api: Api;
  readonly stage: Signal<Stage> = signal<Stage>("asking");
  readonly caller: Signal<Caller | undefined> = signal(undefined);
  /** Why one is not in. */
  readonly refusal: Signal<ApiError | undefined> = signal(undefined);
  /** The ensembles of the deployment, for who may know. */
  readonly ensembles: Signal<readonly string[]> = signal([]);
  readonly status: Signal<StatusDocument | undefined> = signal(undefined);
  readonly statusAtMs: Signal<number> = signal(0);
  /** Why there is no newer status. */
  readonly statusError: Signal<ApiError | undefined> = signal(undefined);
  readonly samples: Samples = new Samples();
  /** The latest first. */
  readonly happenings: Signal<readonly Happening[]> = signal([]);
  /** The foremost of those that nobody has dismissed; they stand above every part until then. */
  readonly news: Signal<readonly Happening[]> = signal([]);
  readonly notices: Signal<readonly Notice[]> = signal([]);
  readonly route: Signal<Route> = signal(readRoute(location.hash));
  readonly theme: Signal<Theme> = signal(storedTheme());
  readonly isHelpShown: Signal<boolean> = signal(false);
  /** Whether it is asked for which moment of the past is to be looked at. */
  readonly isLookBackShown: Signal<boolean> = signal(false);
  /** Whether everybody sleeps: then nothing is asked that would wake the ensemble. */
  readonly isAsleep: ReadonlySignal<boolean> = computed(() => {
    const told = this.status.value?.replicas.filter(({ status }) => status !== null) ?? [];
    return told.length > 0 && told.every(({ status }) => status?.asleep === true);
  });
  readonly #story = new Story();
  #noticeId = 0;
  #looking: ReturnType<typeof setTimeout> | undefined;

  constructor(ensemble: string) {
    this.ensemble = ensemble;
    this.api = new Api(
      () => sessionStorage.getItem(TOKEN_KEY) ?? undefined,
      () => this.#loseToken(),
    );
    applyTheme(this.theme.value);
    addEventListener("hashchange", () => void (this.route.value = readRoute(location.hash)));
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.#lookSoon(0);
    });
  }

  /** The API's path of this ensemble. */
  path(rest: string): string {
    return `/${this.ensemble}/v1${rest}`;
  }

  /** Whether the bearer may do that there. */
  may(permission: Permission, path: string): boolean {
    return may(this.caller.value, permission, path);
  }

  /** Goes elsewhere in the page. */
  go(view: View, chosen = "", past?: Past): void {
    const route = { view, chosen, past };
    const hash = hashOf(route);
    if (location.hash !== hash) location.hash = hash;
    this.route.value = route;
  }

  /** Names by its zxid the moment that was named by a time: no step back leads between the two. */
  settle(past: Past): void {
    const route = { ...this.route.value, past };
    history.replaceState(null, "", hashOf(route));
    this.route.value = route;
  }

  /** Says a word. */
  say(text: string, kind: Notice["kind"] = "good"): void {
    const id = ++this.#noticeId;
    this.notices.value = [...this.notices.value, { id, text, kind }];
    setTimeout(() => this.unsay(id), NOTICE_MS);
  }

  /** Takes it back. */
  unsay(id: number): void {
    this.notices.value = this.notices.value.filter((notice) => notice.id !== id);
  }

  /** Dark, light, or as the system has it. */
  turnTheme(): void {
    this.theme.value = nextTheme(this.theme.value);
    applyTheme(this.theme.value);
  }

  /** Comes in with a token, or with none, as in development. */
  async enter(token?: string): Promise<void> {
    if (token !== undefined) sessionStorage.setItem(TOKEN_KEY, token);
    this.stage.value = "asking";
    this.refusal.value = undefined;
    try {
      if (this.ensemble === "") return await this.#choose();
      this.caller.value = await this.api.get<Caller>(this.path("/whoami"));
      this.stage.value = "in";
      this.#lookSoon(0);
      if (this.caller.value.kind === "deployment") await this.#learnEnsembles();
    } catch (error) {
      this.#stayOut(asApiError(error));
    }
  }

  /** Forgets the token. */
  leave(): void {
    sessionStorage.removeItem(TOKEN_KEY);
    location.reload();
  }

  /** Whether a token is kept. */
  get hasToken(): boolean {
    return sessionStorage.getItem(TOKEN_KEY) !== null;
  }

  /** Replicas are asked now, as something was done about them. */
  lookNow(): void {
    this.#lookSoon(0);
  }

  async #choose(): Promise<void> {
    try {
      await this.#learnEnsembles();
    } catch (error) {
      // A token is of one ensemble: it may not know of others, and its bearer knows which.
      if (asApiError(error).status !== 403 || !this.hasToken) throw error;
    }
    const [only, ...more] = this.ensembles.value;
    if (only !== undefined && more.length === 0) location.replace(`/${only}/${location.hash}`);
    else this.stage.value = "choosing";
  }

  async #learnEnsembles(): Promise<void> {
    const { ensembles } = await this.api.get<{ readonly ensembles: readonly string[] }>("/");
    this.ensembles.value = ensembles;
  }

  #stayOut(error: ApiError): void {
    this.refusal.value = this.hasToken || error.status !== 401 ? error : undefined;
    if (error.status === 401) sessionStorage.removeItem(TOKEN_KEY);
    this.stage.value = error.status === 401 ? "out" : "lost";
  }

  /** The token was revoked, or its time is over, while the page was open. */
  #loseToken(): void {
    if (this.stage.value !== "in") return;
    sessionStorage.removeItem(TOKEN_KEY);
    this.refusal.value = new ApiError(401, "unauthorized", "the token is none any more: show another");
    this.stage.value = "out";
  }

  #lookSoon(afterMs: number): void {
    clearTimeout(this.#looking);
    this.#looking = setTimeout(() => {
      if (this.stage.value !== "in" || document.hidden || !this.may("read", "/")) return;
      begin(this.#look().finally(() => this.#lookSoon(LOOK_MS)));
    }, afterMs);
  }

  async #look(): Promise<void> {
    try {
      const status = await this.api.get<StatusDocument>(this.path("/status"));
      const atMs = Date.now();
      this.samples.add(status, atMs);
      this.status.value = status;
      this.statusAtMs.value = atMs;
      this.statusError.value = undefined;
      this.#note(this.#story.see(status, atMs));
    } catch (error) {
      this.statusError.value = asApiError(error);
    }
  }

  /** Notes what is another than it was at the last look. */
  #note(happened: readonly Happening[]): void {
    if (happened.length === 0) return;
    const latest = happened.toReversed();
    this.happenings.value = inOrder([...latest, ...this.happenings.value]).slice(0, EVENTS_MAX);
    this.news.value = foremost([...latest, ...this.news.value], NEWS_MAX);
  }
}

/** The desk, for all that is drawn. */
export const DeskContext: ReturnType<typeof createContext<Desk | undefined>> = createContext<
  Desk | undefined
>(undefined);

/** The desk. */
export function useDesk(): Desk {
  const desk = useContext(DeskContext);
  if (desk === undefined) throw new Error("nothing is drawn outside of the desk");
  return desk;
}
