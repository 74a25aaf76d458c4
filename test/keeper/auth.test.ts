import { describe, expect, it } from "vitest";
import { DEFAULT_ACCESS } from "../../src/base/access-settings.ts";
import { authenticate, type AuthSettings } from "../../src/keeper/auth.ts";
import { Connection } from "../../src/keeper/connection.ts";

const SETTINGS: AuthSettings = {
  superDigest: undefined,
  sha1Base64: () => "hash",
  md5Hex: () => "",
  access: DEFAULT_ACCESS,
};
const ANN = { scheme: "x509", id: "CN=ann" };
const OPENING = {
  id: 1,
  remoteAddress: "[::1]:9",
  transport: "websocket",
  entropy: new Uint8Array(48),
  identities: [ANN],
} as const;

describe("what the platform has proven", () => {
  it("is the client's from the first moment on, beside its address", () => {
    expect(new Connection(OPENING, 0).identities).toEqual([{ scheme: "ip", id: "::1" }, ANN]);
  });

  it("may be claimed by its scheme, whatever else is sent, and nothing else may", () => {
    const auth = new TextEncoder().encode("CN=root");

    expect(authenticate({ scheme: "x509", auth }, OPENING, SETTINGS)).toEqual([ANN]);
    expect(authenticate({ scheme: "access", auth }, OPENING, SETTINGS)).toBeUndefined();
    expect(authenticate({ scheme: "x509", auth }, { remoteAddress: "1.2.3.4:5" }, SETTINGS)).toBeUndefined();
    expect(authenticate({ scheme: "sasl", auth }, OPENING, SETTINGS)).toBeUndefined();
  });
});
