/** The one function of Node's crypto that the Worker uses: WebCrypto has no synchronous hash. */
declare module "node:crypto" {
  interface Hash {
    update(data: Uint8Array): Hash;
    digest(encoding: "base64" | "hex"): string;
  }
  export function createHash(algorithm: "sha1" | "md5"): Hash;
}
