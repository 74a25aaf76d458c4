/** The values that streams are made of: few enough to meet again, odd enough to be refused in every way. */
import { createHash } from "node:crypto";

import { type Acl, OPEN_ACL, PERMS } from "../../src/base/acl.ts";
import type { NodeData } from "../../src/base/request.ts";
import type { Rng } from "../../src/base/rng.ts";
import type { Saying } from "../keeper/sasl-client.ts";
import { ROOT } from "./stream.ts";

/** One of the values. */
export function pick<T>(rng: Rng, values: readonly T[]): T {
  if (values.length === 0) throw new Error("there is nothing to pick from");
  return values[rng.below(values.length)] as T;
}

/** True once in `count` times. */
export function oneIn(rng: Rng, count: number): boolean {
  return rng.below(count) === 0;
}

/** Paths below the stream's root that operations meet at. */
const PATHS: readonly string[] = [
  "@/a",
  "@/b",
  "@/c",
  "@/a/x",
  "@/a/y",
  "@/b/x",
  "@/a/x/1",
  "@/a/x/2",
  "@/a/x/1/deep",
  "@/s0000000000",
  "@/a/s0000000001",
  "@/é",
];

/** Paths that no znode may have, or that belong to the service. */
const ODD_PATHS: readonly string[] = [
  "",
  "x",
  "x/y",
  "@/",
  "@//a",
  "@/./a",
  "@/a/..",
  "@/a/.",
  "@/.../a",
  "@/..a",
  "@/a/",
  "@/a//x",
  "@/nul\u0000",
  "@/\u0001",
  "@/\u001f",
  "@/\u007f",
  "@/\u009f",
  "@/\u00a0",
  "@/\ud7ff",
  "@/\ud83d\ude00",
  "@/\ue000",
  "@/\uf8ff",
  "@/\uf900",
  "@/\uffef",
  "@/\ufff0",
  "@/\ufeff",
  "@/a/x/none/there",
  `@/${"long".repeat(100)}`,
];

/** Znodes that are there without anybody's doing. */
const SHARED_PATHS: readonly string[] = [
  "/",
  "/zookeeper",
  "/zookeeper/quota",
  "/zookeeper/config",
  "/zookeeper/none",
  "/zookeeper/",
];

/** A path, mostly of a znode that may be there. */
export function anyPath(rng: Rng): string {
  if (oneIn(rng, 14)) return pick(rng, ODD_PATHS);
  return oneIn(rng, 20) ? ROOT : pick(rng, PATHS);
}

/** A path that is told back whatever it is: ZooKeeper garbles what takes two UTF-16 units. */
export function toldPath(rng: Rng): string {
  for (;;) {
    const path = anyPath(rng);
    if (!/[\ud800-\udfff]/.test(path)) return path;
  }
}

/** A path, sometimes of a znode that all streams share. */
export function readPath(rng: Rng): string {
  return oneIn(rng, 25) ? pick(rng, SHARED_PATHS) : anyPath(rng);
}

/** Where nobody can create anything, as it is there. */
const TAKEN_PATHS: readonly string[] = ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"];

/** A path to create at: sometimes one that ends in a slash, as sequential creates may have. */
export function createPath(rng: Rng): string {
  if (oneIn(rng, 10)) return pick(rng, ["@/s", "@/a/s", "@/a/", "@/", "@/b/x-"]);
  return oneIn(rng, 40) ? pick(rng, TAKEN_PATHS) : anyPath(rng);
}

/** An expected version. */
export function anyVersion(rng: Rng): number {
  if (oneIn(rng, 3)) return pick(rng, [0, 0, 0, 1, 1, 2, 3, 5, -2, 2_147_483_647, -2_147_483_648]);
  return -1;
}

/** A znode's data: nothing, null, some bytes, now and then many. */
export function anyData(rng: Rng): NodeData {
  if (oneIn(rng, 10)) return null;
  if (oneIn(rng, 6)) return new Uint8Array(0);
  const length = oneIn(rng, 60) ? 40_000 : 1 + rng.below(40);
  return Uint8Array.from({ length }, () => rng.below(256));
}

/** The digests that streams log in with. */
export const LOGINS: readonly string[] = [
  "ann:one",
  "bob:two",
  "ann:three",
  "plain",
  "colon:in:word",
  ":",
  "",
];

/** What SASL clients say: both servers know ann, bob and the almighty carl. */
export const SASL_SAYINGS: readonly Saying[] = [
  {},
  {},
  { user: "bob", password: "two" },
  { user: "carl", password: "three" },
  { user: "bob", password: "two", authzid: "ann" },
  { uri: "ZOOKEEPER/zk-sasl-md5" },
  { password: "two" },
  { user: "nobody" },
  { user: "" },
  { realm: "other" },
  { uri: "zookeeper/other" },
  { qop: "auth-int" },
  { nonce: "made-up" },
];

/** Who may log in with SASL, and with which password. */
export const SASL_PASSWORDS: Readonly<Record<string, string>> = { ann: "one", bob: "two", carl: "three" };

/** The login of the super user, which both servers know. */
export const SUPER_LOGIN = "super:test";

/** `user:base64(sha1(user:password))`. */
export function digestOf(login: string): string {
  return `${login.split(":")[0] ?? ""}:${createHash("sha1").update(login).digest("base64")}`;
}

const LINES: readonly Omit<Acl, "perms">[] = [
  { scheme: "world", id: "anyone" },
  { scheme: "auth", id: "" },
  { scheme: "digest", id: digestOf("ann:one") },
  { scheme: "digest", id: digestOf("bob:two") },
  { scheme: "sasl", id: "ann" },
  { scheme: "sasl", id: "bob" },
  { scheme: "ip", id: "127.0.0.1" },
  { scheme: "ip", id: "127.0.0.0/8" },
  { scheme: "ip", id: "10.1.2.3" },
];

const ODD_LINES: readonly Omit<Acl, "perms">[] = [
  { scheme: "world", id: "someone" },
  { scheme: "digest", id: "nocolon" },
  { scheme: "digest", id: "too:many:colons" },
  { scheme: "digest", id: "" },
  { scheme: "digest", id: "x:" },
  { scheme: "digest", id: "x:y:" },
  { scheme: "digest", id: ":y" },
  { scheme: "ip", id: "127.0.0.1/33" },
  { scheme: "ip", id: "127.0.0.1/-1" },
  { scheme: "ip", id: "127.0.0.0/0" },
  { scheme: "ip", id: "127.0.0" },
  { scheme: "ip", id: "" },
  { scheme: "ip", id: "127.0.0.1/8/8" },
  { scheme: "auth", id: "ignored" },
  { scheme: "ip", id: "::1" },
  { scheme: "ip", id: "::/0" },
  { scheme: "ip", id: "::1/129" },
  { scheme: "ip", id: "1:2:3:4:5:6:7:8/64" },
  { scheme: "ip", id: "1:2:3:4:5:6:7" },
  { scheme: "ip", id: "1::2::3" },
  { scheme: "ip", id: "12345::" },
  { scheme: "ip", id: "::ffff:127.0.0.1" },
  { scheme: "ip", id: "+127.0.0.01/+8" },
  { scheme: "ip", id: "127.0.0.256" },
  { scheme: "ip", id: "127.0.0.1/" },
  { scheme: "sasl", id: "" },
  { scheme: "sasl", id: "super" },
  { scheme: "sasl", id: "a/b" },
  { scheme: "sasl", id: "a/b@c" },
  { scheme: "sasl", id: "a@b@c" },
  { scheme: "sasl", id: "a/b/c@d" },
  { scheme: "nobody", id: "x" },
  { scheme: "", id: "" },
  { scheme: "x509", id: "CN=a" },
  { scheme: "x509", id: "" },
  { scheme: "x509", id: "a" },
  { scheme: "x509", id: 'CN=a,OU=b\\,c,O="d,e"' },
  { scheme: "x509", id: "CN=a+UID=b" },
  { scheme: "x509", id: "CN=a," },
  { scheme: "x509", id: "cn = a , 2.5.4.3=b" },
  { scheme: "x509", id: "NONE=a" },
  { scheme: "x509", id: "CN=" },
  { scheme: "super", id: "" },
];

const SUMS: readonly number[] = [
  PERMS.all,
  PERMS.all,
  PERMS.all,
  PERMS.read,
  PERMS.read | PERMS.create,
  PERMS.read | PERMS.write | PERMS.delete,
  PERMS.admin,
  PERMS.all & ~PERMS.read,
  0,
];

/** An access control list: open, so that most is allowed, or closed to some, or wrong. */
export function anyAcl(rng: Rng): readonly Acl[] {
  if (!oneIn(rng, 5)) return OPEN_ACL;
  const count = rng.below(4);
  return Array.from({ length: count }, () => {
    const line = oneIn(rng, 4) ? pick(rng, ODD_LINES) : pick(rng, LINES);
    return { perms: oneIn(rng, 12) ? pick(rng, [32, -1, 255]) : pick(rng, SUMS), ...line };
  });
}
