import { describe, expect, it } from "vitest";
import type { AccessSettings } from "../../src/base/access-settings.ts";
import { PERMS } from "../../src/base/acl.ts";
import { SaslExchange } from "../../src/keeper/sasl.ts";
import { hex, respond, type Saying, USERS } from "./sasl-client.ts";
import { bytes, connected, create, type TestClient } from "./test-client.ts";
import { World } from "./world.ts";

/** One that a ZooKeeper 3.9.5 made, and what it said in the end. */
const NONCE = "MfydaFaYAA7Qq+TDs2rBl11qhV8qOqdSdt6Vvmc2";
const RSPAUTH = "rspauth=e9a0f3b41ab10380d5d83aadf76a190d";

function exchange(): { readonly said: SaslExchange; readonly challenge: string } {
  const said = new SaslExchange({ users: USERS, md5Hex: hex }, NONCE);
  const first = said.answer(new Uint8Array(0));
  return { said, challenge: textOf("token" in first ? first.token : undefined) };
}

function textOf(token: Uint8Array | null | undefined): string {
  return new TextDecoder().decode(token ?? undefined);
}

describe("a DIGEST-MD5 exchange", () => {
  it("is ZooKeeper's, byte for byte", () => {
    const { said, challenge } = exchange();
    const answer = said.answer(bytes(respond(challenge).response));

    expect(challenge).toBe(`realm="zk-sasl-md5",nonce="${NONCE}",charset=utf-8,algorithm=md5-sess`);
    expect(answer.kind === "proven" && [answer.user, textOf(answer.token)]).toEqual(["ann", RSPAUTH]);
  });

  // What ZooKeeper 3.9.5 on Java 17 was seen to answer to each.
  it.each<[string, Saying, (response: string) => string, "proven" | "failed" | "broken"]>([
    ["another user", { user: "bob", password: "two" }, same, "proven"],
    ["a wrong password", { password: "x" }, same, "failed"],
    ["an unknown user", { user: "zed" }, same, "failed"],
    ["no user at all", { user: "" }, same, "broken"],
    ["neither user nor response", { user: "" }, (text) => text.slice(0, text.indexOf(",response")), "failed"],
    ["no response", {}, (text) => text.slice(0, text.indexOf(",response")), "failed"],
    ["another realm", { realm: "other" }, same, "failed"],
    ["no realm", {}, without("realm"), "failed"],
    ["two realms", {}, (text) => `${text},realm="zk-sasl-md5"`, "failed"],
    ["another service", { uri: "ldap/zk-sasl-md5" }, same, "failed"],
    ["the service in other letters", { uri: "ZooKeeper/zk-sasl-md5" }, same, "proven"],
    ["another count", {}, (text) => text.replace("nc=00000001", "nc=x"), "proven"],
    ["no count", {}, (text) => text.replace("nc=00000001,", ""), "proven"],
    ["no qop", {}, (text) => text.replace(",qop=auth", ""), "proven"],
    ["another qop", { qop: "auth-int" }, same, "failed"],
    ["somebody to act as", { authzid: "carl" }, same, "proven"],
    ["somebody to act as, not hashed", {}, (text) => `${text},authzid="carl"`, "failed"],
    [
      "digits in upper case",
      {},
      (text) => text.replace(/response=\w+/, (part) => part.toUpperCase()),
      "failed",
    ],
    ["a user twice", {}, (text) => `${text},username="ann"`, "failed"],
    ["an unknown directive", {}, (text) => `${text},foo=bar,foo=bar`, "proven"],
    ["a name alone at the end", {}, (text) => `${text},foo`, "proven"],
    ["a name and no value at the end", {}, (text) => `${text},foo=`, "failed"],
    ["empty elements", {}, (text) => `,${text.replaceAll(",", " , ")},`, "proven"],
    ["lines", {}, (text) => text.replaceAll(",", ",\t\r\n"), "proven"],
    ["spaces around the sign", {}, (text) => text.replace("username=", "username = "), "proven"],
    ["a space in a name", {}, (text) => text.replace("username=", "user name="), "failed"],
    ["names in upper case", {}, (text) => text.replace("username", "USERNAME"), "proven"],
    ["no charset", {}, (text) => text.replace("charset=utf-8,", ""), "proven"],
    ["another charset", {}, (text) => text.replace("utf-8", "UTF-8"), "failed"],
    ["no nonce", {}, without("nonce"), "failed"],
    ["another nonce", { nonce: "zzz" }, same, "failed"],
    ["no cnonce", {}, without("cnonce"), "failed"],
    ["no service", {}, without("digest-uri"), "failed"],
    ["no response", {}, (text) => text.replace(/response=\w+,/, ""), "failed"],
    ["no user's name", {}, without("username"), "failed"],
    ["a name without quotes", {}, (text) => text.replace(`"ann"`, "ann"), "proven"],
    ["quotes that need not be", {}, (text) => text.replace(/response=(\w+)/, `response="$1"`), "proven"],
    ["an escaped character", {}, (text) => text.replace(`"ann"`, `"a\\nn"`), "proven"],
    ["quotes that do not end", {}, (text) => `${text},foo="bar`, "failed"],
    ["something behind quotes", {}, (text) => text.replace(`"ann"`, `"ann"x`), "failed"],
    ["no number for a size", {}, (text) => text.replace("65536", "zz"), "broken"],
    ["a word", {}, () => "garbage", "failed"],
    ["nothing", {}, () => "", "failed"],
    ["more than any response", {}, (text) => `${text},foo=${"x".repeat(4000)}`, "failed"],
  ])("with %s", (_, saying, change, kind) => {
    const { said, challenge } = exchange();

    expect(said.answer(bytes(change(respond(challenge, saying).response))).kind).toBe(kind);
  });

  it("is over when it is over: nobody gets a second chance, or a second name", () => {
    const lucky = exchange();
    const right = bytes(respond(lucky.challenge).response);
    lucky.said.answer(right);
    const unlucky = exchange();
    unlucky.said.answer(bytes("garbage"));

    expect([lucky.said.answer(right).kind, unlucky.said.answer(right).kind]).toEqual(["failed", "failed"]);
  });
});

const SASL: Partial<AccessSettings> = { saslUsers: USERS, saslSuperUsers: ["bob"] };

function ensemble(access: Partial<AccessSettings>): World {
  const world = new World({ voters: 1 });
  const { auth } = world.replica(1);
  world.replica(1).auth = { ...auth, access: { ...auth.access, ...access } };
  world.startAll().untilServing();
  return world;
}

/** Logs in; gives the error and the last token. */
function logIn(client: TestClient, saying: Saying = {}): readonly [number, string] {
  const first = client.ask({ op: "sasl", token: new Uint8Array(0) });
  if (first.response.op !== "sasl") return [first.header.error, ""];
  const { response } = respond(textOf(first.response.token), saying);
  const last = client.ask({ op: "sasl", token: bytes(response) });
  return [last.header.error, last.response.op === "sasl" ? textOf(last.response.token) : ""];
}

describe("a client that logs in with SASL", () => {
  it("is sasl:user from then on, for auth lines too", () => {
    const world = ensemble(SASL);
    const [ann, other] = [connected(world, 1), connected(world, 1)];
    const acl = [{ perms: PERMS.all, scheme: "auth", id: "" }];

    expect(logIn(ann)).toEqual([0, expect.stringMatching(/^rspauth=[0-9a-f]{32}$/)]);
    expect(ann.get(create("/a", { acl }))).toMatchObject({ path: "/a" });
    expect(ann.get({ op: "getACL", path: "/a" })).toMatchObject({
      acl: [{ perms: PERMS.all, scheme: "sasl", id: "ann" }],
    });
    expect(ann.get({ op: "whoAmI" })).toMatchObject({
      identities: [{ scheme: "ip" }, { scheme: "sasl", id: "ann" }],
    });
    expect(other.ask({ op: "getData", path: "/a", watch: false }).header.error).toBe(-102);
  });

  it("may do everything where it is a super user", () => {
    const world = ensemble(SASL);
    const [ann, bob] = [connected(world, 1), connected(world, 1)];
    logIn(ann);
    ann.get(create("/a", { acl: [{ perms: PERMS.all, scheme: "sasl", id: "ann" }] }));

    expect(logIn(bob, { user: "bob", password: "two" })[0]).toBe(0);
    expect(bob.get({ op: "getData", path: "/a", watch: false })).toMatchObject({ op: "getData" });
  });

  it("is hung up on with -115 and a null token where it fails", () => {
    const client = connected(ensemble(SASL), 1);

    expect(logIn(client, { password: "x" })).toEqual([-115, ""]);
    expect([client.isClosed, client.frameLengths.at(-1)]).toEqual([true, 20]);
  });

  it("is hung up on without a word where it sends no token at all", () => {
    const client = connected(ensemble(SASL), 1);
    client.send({ op: "sasl", token: null });
    client.world.until("it is closed", () => client.isClosed);

    expect(client.replies).toEqual([]);
  });

  it("stays as nobody where it fails and the settings let it", () => {
    const client = connected(ensemble({ ...SASL, staysAfterFailedSasl: true }), 1);

    expect(logIn(client, { password: "x" })).toEqual([0, ""]);
    expect(client.get({ op: "whoAmI" })).toMatchObject({ identities: [{ scheme: "ip" }] });
  });

  it("gets no token where nobody can log in", () => {
    const client = connected(ensemble({}), 1);
    const { header, response } = client.ask({ op: "sasl", token: new Uint8Array(0) });

    expect([header.error, response, client.isClosed]).toEqual([0, { op: "sasl", token: null }, false]);
  });

  it("gets a nonce of its own on each connection", () => {
    const world = ensemble(SASL);
    const challenges = [1, 2].map(() => connected(world, 1).get({ op: "sasl", token: new Uint8Array(0) }));

    expect(challenges[0]).not.toEqual(challenges[1]);
  });
});

describe("where clients must be of a scheme", () => {
  const MUST = { ...SASL, requiredSchemes: ["sasl"] };

  it("whoever asks before it has proven that is told -124 and hung up on", () => {
    const client = connected(ensemble(MUST), 1);

    expect(client.ask({ op: "exists", path: "/", watch: false }).header).toMatchObject({
      error: -124,
      zxid: { epoch: 0, counter: 0 },
    });
    expect(client.isClosed).toBe(true);
  });

  it("even a ping, or what is unknown, is asking", () => {
    const world = ensemble(MUST);
    const [pinger, stranger] = [connected(world, 1), connected(world, 1)];

    expect(pinger.ask({ op: "ping" }).header.error).toBe(-124);
    expect(stranger.untilReply(stranger.sendFrame(77, new Uint8Array(0))).header.error).toBe(-124);
  });

  it("who has logged in may ask, and whose login failed is told -124", () => {
    const world = ensemble(MUST);
    const [ann, liar] = [connected(world, 1), connected(world, 1)];
    logIn(ann);

    expect(ann.get({ op: "exists", path: "/", watch: false })).toMatchObject({ op: "stat" });
    expect(logIn(liar, { password: "x" })).toEqual([-124, ""]);
  });

  it("one of several schemes is enough", () => {
    const client = connected(ensemble({ requiredSchemes: ["sasl", "digest"] }), 1);
    client.get({ op: "auth", type: 0, scheme: "digest", auth: bytes("ann:one") });

    expect(client.get({ op: "exists", path: "/", watch: false })).toMatchObject({ op: "stat" });
  });
});

describe("where access control lists do not count", () => {
  it("everybody may everything, and is no more than before", () => {
    const world = ensemble({ ...SASL, skipsAcl: true });
    const client = connected(world, 1);
    client.get(create("/a", { acl: [{ perms: PERMS.admin, scheme: "digest", id: "ann:x" }] }));

    expect(client.get({ op: "getACL", path: "/a" })).toMatchObject({ acl: [{ id: "ann:x" }] });
    expect(client.get(create("/a/b"))).toMatchObject({ path: "/a/b" });
    expect(client.get({ op: "whoAmI" })).toMatchObject({ identities: [{ scheme: "ip" }] });
    expect(client.ask(create("/b", { acl: [{ perms: 31, scheme: "auth", id: "" }] })).header.error).toBe(
      -114,
    );
  });
});

function same(text: string): string {
  return text;
}

function without(name: string): (text: string) => string {
  return (text) => text.replace(new RegExp(`,${name}="[^"]*"`), "");
}
