/**
 * The server's side of SASL's DIGEST-MD5, as ZooKeeper clients speak it: a challenge, the client's response, and our
 * own proof that we know the password's hash too. Where the RFC leaves a choice, or Java's server takes more than it
 * should, this does what ZooKeeper 3.9.5 on Java 17 was seen to do. Source: RFC 2831; ZooKeeperServer.processSasl.
 */
import { assert } from "../base/assert.ts";
import { equalBytes } from "../base/bytes.ts";
import { parseDirectives, textBytes } from "./sasl-text.ts";

/** Realm and service are part of ZooKeeper's protocol: clients have them built in. */
const SASL_REALM = "zk-sasl-md5";
const DIGEST_URI = `zookeeper/${SASL_REALM}`;

/** Who may log in, and the hash that it takes, made by the shell. */
export interface SaslSettings {
  /** Lower-case hex of md5(user:SASL_REALM:password), by user. */
  readonly users: ReadonlyMap<string, string>;
  /** Hex of the MD5 of the bytes, in lower case. */
  readonly md5Hex: (bytes: Uint8Array) => string;
}

/** What a client's token is answered with. */
export type SaslAnswer =
  | { readonly kind: "challenge"; readonly token: Uint8Array }
  /** The client is who it says, and the token shows the same of us. */
  | { readonly kind: "proven"; readonly token: Uint8Array; readonly user: string }
  | { readonly kind: "failed" }
  /** What makes Java's server stumble: ZooKeeper hangs up without an answer. */
  | { readonly kind: "broken" };

/** One connection's exchange: one challenge, one chance. */
export class SaslExchange {
  readonly #settings: SaslSettings;
  readonly #nonce: string;
  #step: "begin" | "challenged" | "over" = "begin";

  /** `nonce`: a text of random characters that no other exchange has. */
  constructor(settings: SaslSettings, nonce: string) {
    assert(nonce !== "", "an exchange has a nonce");
    this.#settings = settings;
    this.#nonce = nonce;
  }

  /** Takes the client's next token; the first may hold anything, and is empty. */
  answer(token: Uint8Array): SaslAnswer {
    const step = this.#step;
    if (step === "begin") {
      this.#step = "challenged";
      const challenge = `realm="${SASL_REALM}",nonce="${this.#nonce}",charset=utf-8,algorithm=md5-sess`;
      return { kind: "challenge", token: textBytes(challenge) };
    }
    this.#step = "over";
    return step === "challenged" ? this.#check(token) : { kind: "failed" };
  }

  #check(token: Uint8Array): SaslAnswer {
    const directives = parseDirectives(token);
    if (directives === undefined) return { kind: "failed" };
    const field = (name: string): string | undefined => directives.get(name);
    if (!/^[+-]?\d{1,10}$/.test(field("maxbuf") ?? "65536")) return { kind: "broken" };
    const user = field("username");
    const uri = field("digest-uri") ?? "";
    const cnonce = field("cnonce");
    const response = field("response");
    const isFitting =
      (field("charset") ?? "utf-8") === "utf-8" &&
      field("realm") === SASL_REALM &&
      field("nonce") === this.#nonce &&
      (field("qop") ?? "auth") === "auth" &&
      uri.toLowerCase() === DIGEST_URI;
    if (!isFitting || user === undefined || cnonce === undefined || response === undefined)
      return { kind: "failed" };
    if (user === "") return { kind: "broken" };
    const secret = this.#settings.users.get(user);
    if (secret === undefined) return { kind: "failed" };
    const proof = this.#proofs({ secret, cnonce, uri, authzid: field("authzid") });
    if (!equalBytes(textBytes(response), textBytes(proof("AUTHENTICATE")))) return { kind: "failed" };
    // Whatever the client wants to act as, it is who it has proven to be: as ZooKeeper decides.
    return { kind: "proven", token: textBytes(`rspauth=${proof("")}`), user };
  }

  /** The value that proves knowledge of the secret; the method tells the client's from ours (RFC 2831, 2.1.2.1). */
  #proofs(session: {
    readonly secret: string;
    readonly cnonce: string;
    readonly uri: string;
    readonly authzid: string | undefined;
  }): (method: "AUTHENTICATE" | "") => string {
    const { md5Hex } = this.#settings;
    const { secret, cnonce, uri, authzid } = session;
    const tail = `:${this.#nonce}:${cnonce}${authzid === undefined ? "" : `:${authzid}`}`;
    const pairs = secret.match(/../g) ?? [];
    const head = Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16));
    const key = md5Hex(Uint8Array.of(...head, ...textBytes(tail)));
    // The count of the nonce is always 1: an exchange is not repeated. Java's server does not look at what is sent.
    return (method) =>
      md5Hex(
        textBytes(`${key}:${this.#nonce}:00000001:${cnonce}:auth:${md5Hex(textBytes(`${method}:${uri}`))}`),
      );
  }
}
