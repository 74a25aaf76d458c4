/**
 * Links to the other replicas of the ensemble: one WebSocket from each learner to its leader, and small requests for
 * elections. Both go through the object's binding, so nobody outside the deployment can open or send them.
 */
import type { Sid } from "../base/ids.ts";
import { SID_MAX } from "../base/limits.ts";
import { JuteError } from "../jute/jute-error.ts";
import type { KeeperInput } from "../keeper/keeper-input.ts";
import { LINK_FORMAT } from "../keeper/link-codec.ts";
import { EDGEKEEPER_VERSION } from "../keeper/status.ts";
import { decodeNotification, encodeNotification } from "../keeper/zab-codec.ts";
import type { LinkId, Notification } from "../zab/message.ts";
import { replicaStub, type ReplicaWay } from "./entry.ts";
import { LINK_DEADLINE_MS, NOTIFY_DEADLINE_MS } from "./limits.ts";
import { logLine } from "./log-line.ts";
import type { ReplicaName } from "./store.ts";

/** Spoken between replicas; a replica of another version is refused before a frame is read. */
const PEER_PROTOCOL_VERSION = 2;

/** Who asks: of links a header of the upgrade, and of notifications one of the request, checked by the other side. */
const HELLO_HEADER = "edgekeeper-peer";

/** Of replicas that did not tell which links they speak. */
const LINK_FORMAT_UNTOLD = 4;

/** The paths of the peer entry, which the gateway never asks for. */
export const PEER_PATHS = { link: "/peer/link", notification: "/peer/notification" } as const;

/** A replica that speaks as this one does; or why it is not heard, for whom to tell so. */
export type Hello = { readonly sid: Sid } | { readonly refusal: string; readonly from: Sid | undefined };

/** Reads who asks. */
function readHello(request: Request, name: ReplicaName): Hello {
  const hello = request.headers.get(HELLO_HEADER) ?? "";
  const [version, ensemble, sidText, linkFormat = LINK_FORMAT_UNTOLD, program = "of an unknown version"] =
    hello.split(" ");
  if (version !== String(PEER_PROTOCOL_VERSION)) {
    const refusal = `peer protocol "${version ?? ""}": this replica speaks ${PEER_PROTOCOL_VERSION}`;
    return { refusal, from: undefined };
  }
  const sid = Number(sidText);
  const isSid = Number.isInteger(sid) && sid >= 1 && sid <= SID_MAX;
  if (ensemble !== name.ensemble || !isSid || sid === name.sid) {
    return { refusal: `"${hello}" is no peer of ${name.ensemble}/${name.sid}`, from: undefined };
  }
  if (Number(linkFormat) === LINK_FORMAT) return { sid };
  const refusal =
    `replica ${name.sid} of ${ensemble} is Edgekeeper ${EDGEKEEPER_VERSION} with links of format ${LINK_FORMAT}, and ` +
    `replica ${sid} is ${program} with format ${linkFormat}: they do not replicate to each other. Those of one ` +
    "version serve that are a quorum; bring all to the same one (docs/upgrading.md)";
  return { refusal, from: sid };
}

/** How a replica answers one that it does not hear. */
export const REFUSED = 409;

/** Opens, feeds and closes links; what happens on them goes to `accept`. */
export class Links {
  readonly #name: ReplicaName;
  readonly #way: ReplicaWay;
  readonly #accept: (input: KeeperInput) => void;
  readonly #sockets = new Map<LinkId, WebSocket>();
  /** Of each replica with which there is no common word: why. */
  readonly #refusals = new Map<Sid, string>();
  /** Per peer the notification under way, and the latest that waits behind it. */
  readonly #notifying = new Map<Sid, Notification | undefined>();
  #nextLink = 1;

  constructor(name: ReplicaName, way: ReplicaWay, accept: (input: KeeperInput) => void) {
    this.#name = name;
    this.#way = way;
    this.#accept = accept;
  }

  /** Why some replicas are not followed or led, though they live; undefined where there are none. */
  get refusal(): string | undefined {
    return this.#refusals.size === 0 ? undefined : [...this.#refusals.values()].join("; ");
  }

  /** Who asks with this request, which is refused where it does not speak as this replica does. */
  heard(request: Request): Hello {
    const hello = readHello(request, this.#name);
    if ("sid" in hello) this.#refusals.delete(hello.sid);
    else if (hello.from !== undefined) this.#refused(hello.from, hello.refusal);
    return hello;
  }

  /** Sends a frame; on a link that has closed it is lost, as its close is on the way. */
  send(link: LinkId, bytes: Uint8Array): void {
    try {
      this.#sockets.get(link)?.send(bytes);
    } catch {
      // Closing: the peer learns it by linkClosed.
    }
  }

  /** Closes a link of ours; no linkClosed follows. */
  close(link: LinkId, reason: string): void {
    const socket = this.#sockets.get(link);
    this.#sockets.delete(link);
    try {
      socket?.close(1000, reason.slice(0, 120));
    } catch {
      // Closed already.
    }
  }

  /** Closes all links, without a word to the keeper, which is about to be replaced. */
  closeAll(reason: string): void {
    for (const link of this.#sockets.keys()) this.close(link, reason);
  }

  /** Takes a link that a learner opened; returns the answer to its upgrade. */
  takeIncoming(sid: Sid): Response {
    const pair = new WebSocketPair();
    this.#adopt(pair[1], sid, "from-learner");
    return new Response(null, { status: 101, webSocket: pair[0] });
  }

  /** Opens a link to a leader; linkOpened or linkFailed follows. */
  async open(to: Sid): Promise<void> {
    // The signal would go on to end the link itself, so it is disarmed once the link is open.
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), LINK_DEADLINE_MS);
    let socket: WebSocket | null = null;
    try {
      const response = await this.#stub(to).fetch(`http://replica${PEER_PATHS.link}`, {
        headers: {
          upgrade: "websocket",
          ...this.#hello(),
        },
        signal: deadline.signal,
      });
      socket = response.webSocket;
      if (response.status === REFUSED) this.#refused(to, await response.text());
    } catch {
      // Not there, or too slow: the peer tries again or elects.
    } finally {
      clearTimeout(timer);
    }
    if (socket === null) this.#accept({ kind: "linkFailed", to });
    else this.#adopt(socket, to, "to-leader");
  }

  /** Posts a notification; the answer comes back as one. Of several to one peer the latest alone waits. */
  async notify(to: Sid, notification: Notification): Promise<void> {
    if (this.#notifying.has(to)) {
      this.#notifying.set(to, notification);
      return;
    }
    for (let next: Notification | undefined = notification; next !== undefined;) {
      this.#notifying.set(to, undefined);
      await this.#post(to, next);
      next = this.#notifying.get(to);
    }
    this.#notifying.delete(to);
  }

  async #post(to: Sid, notification: Notification): Promise<void> {
    let answer: Uint8Array;
    try {
      const response = await this.#stub(to).fetch(`http://replica${PEER_PATHS.notification}`, {
        method: "POST",
        headers: this.#hello(),
        body: encodeNotification(notification),
        signal: AbortSignal.timeout(NOTIFY_DEADLINE_MS),
      });
      if (response.status === REFUSED) this.#refused(to, await response.text());
      if (!response.ok) return;
      this.#refusals.delete(to);
      answer = new Uint8Array(await response.arrayBuffer());
    } catch {
      // Not there, or too slow: an election asks again.
      return;
    }
    try {
      this.#accept({ kind: "notification", notification: decodeNotification(answer) });
    } catch (error) {
      if (!(error instanceof JuteError)) throw error;
      logLine(`${this.#name.ensemble}/${this.#name.sid} notification of replica ${to}: ${error.message}`);
    }
  }

  #adopt(socket: WebSocket, sid: Sid, role: "to-leader" | "from-learner"): void {
    const link = this.#nextLink++;
    socket.binaryType = "arraybuffer";
    socket.accept();
    this.#sockets.set(link, socket);
    const lost = (): void => {
      if (this.#sockets.delete(link)) this.#accept({ kind: "linkClosed", link });
    };
    socket.addEventListener("message", ({ data }) => {
      if (data instanceof ArrayBuffer) this.#accept({ kind: "linkBytes", link, bytes: new Uint8Array(data) });
    });
    socket.addEventListener("close", lost);
    socket.addEventListener("error", lost);
    this.#accept({ kind: "linkOpened", link, sid, role });
  }

  #hello(): Readonly<Record<string, string>> {
    const { ensemble, sid } = this.#name;
    const hello = [PEER_PROTOCOL_VERSION, ensemble, sid, LINK_FORMAT, EDGEKEEPER_VERSION];
    return { [HELLO_HEADER]: hello.join(" ") };
  }

  /** It is asked again and again, and told of once. */
  #refused(other: Sid, why: string): void {
    if (this.#refusals.get(other) === why) return;
    this.#refusals.set(other, why);
    logLine(`${this.#name.ensemble}/${this.#name.sid} not together with replica ${other}: ${why}`);
  }

  #stub(to: Sid): DurableObjectStub {
    return replicaStub(this.#way, { ensemble: this.#name.ensemble, sid: to });
  }
}
