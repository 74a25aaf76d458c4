/** Who may come in as whom: the variables about logins, read into what they mean. */
import type { VariableName, Variables } from "./variables.ts";

/** What the variables say about logins, with the defaults filled in. */
export interface AccessSettings {
  /** Who may log in with SASL: lower-case hex of md5(user:zk-sasl-md5:password), by user. */
  readonly saslUsers: ReadonlyMap<string, string>;
  /** Those of them who may do everything. Source: ZooKeeper's zookeeper.superUser. */
  readonly saslSuperUsers: readonly string[];
  /** Whether a client whose login failed may stay, as nobody. Source: zookeeper.allowSaslFailedClients. */
  readonly staysAfterFailedSasl: boolean;
  /** Of one of these schemes a client must be before it may ask for anything; empty asks for nothing. */
  readonly requiredSchemes: readonly string[];
  /** The subject, as RFC 2253 writes it, of the certificate whose bearer may do everything. */
  readonly x509SuperUser: string | undefined;
  /** The team of Cloudflare Access whose tokens count, and the audience that they must be for. */
  readonly accessTeam: string | undefined;
  readonly accessAudience: string | undefined;
  /** Whether nobody is refused anything by an access control list. Source: zookeeper.skipACL. */
  readonly skipsAcl: boolean;
}

/** What holds where nothing is set. */
export const DEFAULT_ACCESS: AccessSettings = {
  saslUsers: new Map(),
  saslSuperUsers: [],
  staysAfterFailedSasl: false,
  requiredSchemes: [],
  x509SuperUser: undefined,
  accessTeam: undefined,
  accessAudience: undefined,
  skipsAcl: false,
};

/** What a client can be: the schemes that may be asked for. */
const SCHEMES: readonly string[] = ["sasl", "digest", "ip", "x509", "access", "token", "jwt"];

/** Ends the reading: names the variable, tells its value, and says what it may be. */
type Refuse = (name: VariableName, value: string, remedy: string) => Error;

/** What all variables are read with. */
interface Readers {
  readonly refuse: Refuse;
  /** Whether the variable is 1; throws what `refuse` makes of what is neither that nor 0 nor nothing. */
  readonly isOn: (name: VariableName) => boolean;
}

/** Reads them all. Throws what `refuse` makes of the first that makes no sense. */
export function readAccess(variables: Variables, { refuse, isOn }: Readers): AccessSettings {
  const saslUsers = readSaslUsers(variables.SASL_USERS ?? "", refuse);
  const saslSuperUsers = items(variables.SASL_SUPER_USERS ?? "");
  const stranger = saslSuperUsers.find((user) => !saslUsers.has(user));
  if (stranger !== undefined) {
    throw refuse("SASL_SUPER_USERS", saslSuperUsers.join(","), `"${stranger}" is not in SASL_USERS`);
  }
  const requiredSchemes = items(variables.ENFORCE_AUTH_SCHEMES ?? "");
  const unknown = requiredSchemes.find((scheme) => !SCHEMES.includes(scheme));
  if (unknown !== undefined) {
    throw refuse(
      "ENFORCE_AUTH_SCHEMES",
      requiredSchemes.join(","),
      `it must list some of ${SCHEMES.join(", ")}`,
    );
  }
  if (requiredSchemes.includes("sasl") && saslUsers.size === 0) {
    throw refuse(
      "ENFORCE_AUTH_SCHEMES",
      requiredSchemes.join(","),
      "SASL_USERS is empty, so nobody could come in",
    );
  }
  const accessTeam = variables.ACCESS_TEAM || undefined;
  const accessAudience = variables.ACCESS_AUD || undefined;
  if (accessTeam !== undefined && !/^[a-z0-9][a-z0-9-]*$/.test(accessTeam)) {
    throw refuse("ACCESS_TEAM", accessTeam, "it must be the name before .cloudflareaccess.com");
  }
  if ((accessTeam === undefined) !== (accessAudience === undefined)) {
    throw refuse(
      "ACCESS_AUD",
      accessAudience ?? "",
      "ACCESS_TEAM and ACCESS_AUD must be set together, or not at all",
    );
  }
  return {
    saslUsers,
    saslSuperUsers,
    staysAfterFailedSasl: isOn("SASL_ALLOW_FAILED_CLIENTS"),
    requiredSchemes,
    x509SuperUser: variables.X509_SUPER_USER || undefined,
    accessTeam,
    accessAudience,
    skipsAcl: isOn("SKIP_ACL"),
  };
}

/**
 * Reads `user:hash` pairs. The values stay out of the message, as they are as good as passwords. A user's name is what
 * `sasl` lines of access control lists name, where ZooKeeper cuts off what stands behind an @.
 */
function readSaslUsers(text: string, refuse: Refuse): ReadonlyMap<string, string> {
  const users = new Map<string, string>();
  for (const item of items(text)) {
    const [, user, hash] = /^([^\s:,"\\@]+):([0-9a-fA-F]{32})$/.exec(item) ?? [];
    if (user === undefined || hash === undefined || users.has(user) || !/^[\x21-\x7e]+$/.test(user)) {
      throw refuse(
        "SASL_USERS",
        "...",
        `it must list different user:hash, hash being md5(user:zk-sasl-md5:password) in hex, which ` +
          `printf %s USER:zk-sasl-md5:PASSWORD | md5sum prints, and user ASCII without spaces and @ : , " \\`,
      );
    }
    users.set(user, hash.toLowerCase());
  }
  return users;
}

function items(text: string): readonly string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}
