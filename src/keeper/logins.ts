/**
 * How clients prove who they are, and who may not ask before they have. A login is answered at once and out of order:
 * requests behind it have the new identity. Source: ZooKeeper ZooKeeperServer.processPacket, AuthenticationHelper.
 */
import type { Identity } from "../base/acl.ts";
import { assertNever } from "../base/assert.ts";
import { ERROR_CODES } from "../base/error-code.ts";
import type { ConnectionRequest } from "../base/request.ts";
import { addIdentities, authenticate, type AuthSettings, SUPER } from "./auth.ts";
import type { ClientOutput } from "./client-output.ts";
import type { Connection } from "./connection.ts";
import { SaslExchange } from "./sasl.ts";

/** What a client says about who it is. */
export type LoginRequest = Exclude<ConnectionRequest, { readonly op: "ping" }>;

/** The logins of one replica's clients. */
export class Logins {
  readonly #settings: AuthSettings;
  readonly #output: ClientOutput;

  constructor(settings: AuthSettings, output: ClientOutput) {
    this.#settings = settings;
    this.#output = output;
  }

  /** Takes a login; says whether the connection is over with that. */
  take(connection: Connection, xid: number, request: LoginRequest): "stays" | "ends" {
    if (request.op === "sasl") return this.#sasl(connection, xid, request.token);
    const added = authenticate(request, connection.opening, this.#settings);
    const isTaken = added !== undefined && addTo(connection, added);
    this.#output.loginReply(connection, xid, isTaken ? ERROR_CODES.ok : ERROR_CODES.authFailed, {
      op: "empty",
    });
    return isTaken ? "stays" : "ends";
  }

  /** Whether the client may ask for anything, as it has proven what it must; it is told so where not. */
  mayAsk(connection: Connection, xid: number): boolean {
    const { requiredSchemes } = this.#settings.access;
    if (requiredSchemes.length === 0) return true;
    if (connection.identities.some(({ scheme }) => requiredSchemes.includes(scheme))) return true;
    this.#output.loginReply(connection, xid, ERROR_CODES.sessionClosedRequireSaslAuth, { op: "empty" });
    return false;
  }

  #sasl(connection: Connection, xid: number, token: Uint8Array | null): "stays" | "ends" {
    const { access, md5Hex } = this.#settings;
    if (token === null) return "ends";
    // As ZooKeeper without a login of its own: the client sees by the missing token that there is nobody to log in to.
    if (access.saslUsers.size === 0) return this.#answer(connection, xid, null);
    connection.sasl ??= new SaslExchange({ users: access.saslUsers, md5Hex }, connection.nonce);
    const answer = connection.sasl.answer(token);
    switch (answer.kind) {
      case "challenge":
        return this.#answer(connection, xid, answer.token);
      case "proven":
        return addTo(connection, identitiesOf(answer.user, access.saslSuperUsers))
          ? this.#answer(connection, xid, answer.token)
          : this.#fail(connection, xid);
      case "failed":
        return this.#fail(connection, xid);
      case "broken":
        return "ends";
      default:
        return assertNever(answer);
    }
  }

  #answer(connection: Connection, xid: number, token: Uint8Array | null): "stays" {
    this.#output.loginReply(connection, xid, ERROR_CODES.ok, { op: "sasl", token });
    return "stays";
  }

  #fail(connection: Connection, xid: number): "stays" | "ends" {
    const { requiredSchemes, staysAfterFailedSasl } = this.#settings.access;
    const isRequired = requiredSchemes.includes("sasl");
    if (staysAfterFailedSasl && !isRequired) return this.#answer(connection, xid, null);
    const code = isRequired ? ERROR_CODES.sessionClosedRequireSaslAuth : ERROR_CODES.authFailed;
    this.#output.loginReply(connection, xid, code, { op: "sasl", token: null });
    return "ends";
  }
}

/** Whether there is room for what the connection has proven. */
function addTo(connection: Connection, added: readonly Identity[]): boolean {
  const all = addIdentities(connection.identities, added);
  if (all === undefined) return false;
  connection.identities = all;
  return true;
}

function identitiesOf(user: string, superUsers: readonly string[]): readonly Identity[] {
  const identity: Identity = { scheme: "sasl", id: user };
  return superUsers.includes(user) ? [identity, SUPER] : [identity];
}
