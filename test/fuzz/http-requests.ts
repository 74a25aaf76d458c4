/** HTTP requests as text, right and wrong, from a seed: the request line, headers, a blank line and a body. */
import type { Dice } from "./dice.ts";
import { mutated } from "./mutate.ts";

const METHODS = [
  "GET",
  "GET",
  "GET",
  "GET",
  "POST",
  "POST",
  "PUT",
  "DELETE",
  "HEAD",
  "OPTIONS",
  "PATCH",
  "QUERY",
  "get",
];
const PATHS = [
  "/",
  "/healthz",
  "/metrics",
  "/main/metrics",
  "/main/v1/status",
  "/main/commands",
  "/main/commands/move_leader",
  "/main/commands/ruok",
  "/main/commands/stat",
  "/main/commands/set_trace_mask",
  "/main/commands/watches",
  "/main/zk",
  "/other/v1/status",
  "/main/commands/snapshot",
  "/main/commands/restore",
  "/main/commands/__proto__",
  "/main/commands/%00",
  "/peer/link",
  "/peer/notification",
  "/gateway/zk",
  "/gateway/status",
  "/gateway/move-leader?to=1",
  "/main/../peer/link",
  "/main/commands/..%2f..%2fpeer%2flink",
  "//peer/link",
  "/main/commands/ruok/",
  "/%",
  "/%ff/zk",
  "/main%00/zk",
  "/constructor/v1/status",
  "/main/v1/nodes/a",
  "/v1/nodes/a/%2e%2e/peer",
  "/main/v1/multi",
  "/main/v1/sessions",
  "/main/v1/locks/a",
  "/main/v1/locks/%2Fa/acquire",
  "/main/v1/elections/a?wait=1",
  "/main/v1/config/a/history/00000000000000000007",
  "/main/v1/watch/a",
  "/main/v1/webhooks",
  "/other/v1/nodes/a",
  "/openapi.json",
  "/docs",
  `/main/commands/${"x".repeat(8000)}`,
];
const QUERIES = [
  "",
  "",
  "",
  "sid=1",
  "sid=2",
  "sid=3",
  "sid=4",
  "sid=",
  "sid=0x1",
  "sid=1e0",
  "sid=NaN",
  "sid=1&sid=2",
  "sid=-1",
  "to=1",
  "to=2",
  "to=3",
  "to=9",
  "to=255",
  "to=0001",
  "to=2&to=3",
  "to=%32",
  "to=٢",
  "traceMask=1",
  "traceMask=99999999999999999999",
  "traceMask=-1",
  "command=stat_reset",
  "sid=1&command=stat_reset",
  "traceMask=1&to=2&sid=3",
  "%",
  "=",
  "&&&",
  "a".repeat(5e3),
];
/** One that has the form of a token. */
const A_TOKEN = "ek_5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a6d7d615e";

const HEADERS = [
  ["upgrade", "websocket"],
  ["upgrade", "WebSocket"],
  ["upgrade", "h2c"],
  ["connection", "Upgrade"],
  ["sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="],
  ["sec-websocket-version", "13"],
  ["origin", "http://localhost:1234"],
  ["origin", "https://evil.example"],
  ["origin", "null"],
  ["authorization", "Bearer correct horse battery"],
  ["authorization", "Bearer correct horse battery"],
  ["authorization", "Bearer correct horse batter"],
  ["authorization", "Basic Zm9vOmJhcg=="],
  ["authorization", "Bearer ek_"],
  ["authorization", `Bearer ${A_TOKEN}`],
  ["authorization", `bearer ${A_TOKEN}0`],
  ["sec-websocket-protocol", "edgekeeper, edgekeeper.bearer.ZWtf"],
  ["sec-websocket-protocol", "edgekeeper.bearer.!"],
  ["cf-access-jwt-assertion", "TOKEN"],
  ["cf-access-jwt-assertion", "FORGED"],
  ["cf-access-jwt-assertion", "EXPIRED"],
  ["cf-access-jwt-assertion", "eyJhbGciOiJub25lIn0.eyJlbWFpbCI6ImFubkBleGFtcGxlLm9yZyJ9."],
  ["cf-access-jwt-assertion", "..."],
  ["cf-access-jwt-assertion", "a.b.c.d.e"],
  ["cf-connecting-ip", "192.0.2.1"],
  ["cf-connecting-ip", "2001:db8::1"],
  ["cf-connecting-ip", "nonsense, 1.2.3.4"],
  ["edgekeeper-client", "127.0.0.1:1"],
  ["edgekeeper-client-identities", "%5B%7B%22scheme%22%3A%22super%22%2C%22id%22%3A%22%22%7D%5D"],
  ["edgekeeper-peer", "2 main 2"],
  ["content-type", "application/json"],
  ["accept-encoding", "gzip"],
  ["x-forwarded-for", "1.1.1.1"],
] as const;
const HOSTS = [
  "127.0.0.1:8787",
  "127.0.0.1:8787",
  "localhost",
  "keeper.example",
  "[::1]:1",
  "127.0.0.1.evil.example",
  "localhost.evil",
];

/** Requests that make sense, with a header that most need. */
const SENSIBLE = [
  "GET http://127.0.0.1:8787/main/zk?parks=1\nupgrade: websocket",
  "GET http://127.0.0.1:8787/main/zk?sid=2\nupgrade: websocket\ncf-access-jwt-assertion: TOKEN",
  "POST http://127.0.0.1:8787/main/commands/move_leader?to=2\naccept: */*",
  "POST http://127.0.0.1:8787/main/commands/move_leader?to=3\naccept: */*",
  "GET http://127.0.0.1:8787/main/commands/stat_reset?sid=1\naccept: */*",
  "GET http://127.0.0.1:8787/main/commands/set_trace_mask?traceMask=7\naccept: */*",
  "GET http://127.0.0.1:8787/main/metrics?sid=1\naccept: */*",
  "GET http://127.0.0.1:8787/main/v1/status\naccept: */*",
  "GET http://127.0.0.1:8787/main/v1/webhooks\naccept: */*",
  "GET http://127.0.0.1:8787/main/v1/watch/a\naccept: text/event-stream",
  "GET http://127.0.0.1:8787/main/v1/watch/a?since=7\naccept: text/event-stream",
  "GET http://127.0.0.1:8787/main/v1/nodes/a?children&limit=2\nmin-zxid: 7",
  'PUT http://127.0.0.1:8787/main/v1/nodes/a\nif-match: "3"\nidempotency-key: k\nif-held: l@00000000000000000007',
  "DELETE http://127.0.0.1:8787/main/v1/sessions\nsession: 0000000000000001-00000000000000000000000000000001",
  'POST http://127.0.0.1:8787/main/v1/locks/a/acquire\ncontent-type: application/json\n\n{"waitMs": 10}',
  'PUT http://127.0.0.1:8787/main/v1/config/a/schema\ncontent-type: application/json\n\n{"$ref": "#/x", "x": {"pattern": "("}}',
];

/** One request; a third of them have something wrong in their text. */
export function requestText(dice: Dice): Uint8Array {
  if (dice.once(2)) return sensibleText(dice);
  const query = dice.pick(QUERIES);
  const path = dice.pick(PATHS);
  const target = query === "" ? path : `${path}${path.includes("?") ? "&" : "?"}${query}`;
  const lines = [`${dice.pick(METHODS)} http://${dice.pick(HOSTS)}${target}`];
  for (let left = dice.below(5); left > 0; left--) lines.push(headerLine(dice));
  const body = dice.once(4) ? Buffer.from(dice.bytes(dice.below(100))).toString("latin1") : "";
  const text = Buffer.from(`${lines.join("\n")}\n\n${body}`, "utf8");
  return dice.once(3) ? mutated(text, dice) : text;
}

function sensibleText(dice: Dice): Uint8Array {
  const lines = [dice.pick(SENSIBLE), "authorization: Bearer correct horse battery"];
  if (dice.once(2)) lines.push(headerLine(dice));
  const text = Buffer.from(`${lines.join("\n")}\n\n`, "utf8");
  return dice.once(3) ? mutated(text, dice) : text;
}

function headerLine(dice: Dice): string {
  const [name, value] = dice.pick(HEADERS);
  if (!dice.once(4) || value.length < 2) return `${name}: ${value}`;
  // A character of the token that stands for it is changed when it is known: by where, and to what.
  if (["TOKEN", "FORGED", "EXPIRED"].includes(value))
    return `${name}: ${value}@${dice.below(700)}=${dice.pick(["A", ".", "x", "_"])}`;
  const at = dice.below(value.length);
  return `${name}: ${value.slice(0, at)}${String.fromCharCode(dice.between(32, 126))}${value.slice(at + 1)}`;
}

/** A request taken apart. */
export interface RequestParts {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

/** Takes a text apart. Header values keep whatever they hold. */
export function requestParts(bytes: Uint8Array): RequestParts {
  const text = Buffer.from(bytes).toString("latin1");
  const end = text.indexOf("\n\n");
  const [first = "", ...lines] = (end === -1 ? text : text.slice(0, end)).split("\n");
  const space = first.indexOf(" ");
  const headers = lines.map((line) => {
    const colon = line.indexOf(": ");
    return colon === -1 ? ([line, ""] as const) : ([line.slice(0, colon), line.slice(colon + 2)] as const);
  });
  return {
    method: first.slice(0, space),
    url: first.slice(space + 1),
    headers,
    body: end === -1 ? "" : text.slice(end + 2),
  };
}
