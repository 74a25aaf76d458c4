/** One delivery of a webhook, signed as Standard Webhooks (standardwebhooks.com, 1.0) has it. */
import { fromBase64, toBase64 } from "./call-record.ts";
import { HOOK_RETRY_MS, HOOK_RETRY_MS_MAX } from "./limits.ts";

/** What secrets begin with. */
export const SECRET_PREFIX = "whsec_";

/** An event as it is delivered; `id` is that of the stream of events. */
export interface HookEvent {
  readonly id: string;
  readonly told: Readonly<Record<string, unknown>>;
}

/** What is sent: its receiver tells by the id whether it has it already, and by the signature who has sent it. */
export async function signedRequest(
  hook: { readonly name: string; readonly url: string; readonly secret: string },
  events: readonly HookEvent[],
  nowMs: number,
): Promise<Request> {
  const id = `${hook.name}.${events.at(-1)?.id ?? ""}`;
  const timestamp = String(Math.floor(nowMs / 1000));
  const told = events.map((event) => ({ id: event.id, ...event.told }));
  const body = JSON.stringify({ webhook: hook.name, events: told });
  const signature = await signatureOf(hook.secret, `${id}.${timestamp}.${body}`);
  return new Request(hook.url, {
    method: "POST",
    // Where else it leads to nobody has looked at.
    redirect: "manual",
    headers: {
      "content-type": "application/json",
      "user-agent": "Edgekeeper",
      "webhook-id": id,
      "webhook-timestamp": timestamp,
      "webhook-signature": signature,
    },
    body,
  });
}

/** The header `webhook-signature` of `ID.TIMESTAMP.BODY`. */
export async function signatureOf(secret: string, text: string): Promise<string> {
  const raw = fromBase64(secret.slice(SECRET_PREFIX.length));
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", raw, algorithm, false, ["sign"]);
  const signed = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(text));
  return `v1,${toBase64(new Uint8Array(signed))}`;
}

/** How long to wait before the next attempt, after so many that failed in a row. */
export function retryDelayMs(failures: number): number {
  return Math.min(HOOK_RETRY_MS * 2 ** Math.max(0, failures - 1), HOOK_RETRY_MS_MAX);
}

/** Reads the text of a stream as it comes, in whole events: what is told, and the place up to which nothing was. */
export function readTold(
  text: string,
): readonly { readonly id: string; readonly told: HookEvent["told"] | undefined }[] {
  return text.split("\n\n").flatMap((block) => {
    const field = (name: string): string | undefined =>
      block
        .split("\n")
        .find((line) => line.startsWith(`${name}: `))
        ?.slice(name.length + 2);
    const id = field("id");
    if (id === undefined) return [];
    const data = field("event") === "open" ? undefined : field("data");
    return [{ id, told: data === undefined ? undefined : (JSON.parse(data) as HookEvent["told"]) }];
  });
}
