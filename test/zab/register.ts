/** Who founded an ensemble of a test's world: outside of all its replicas. */
import type { Sid } from "../../src/base/ids.ts";
import type { PeerInput } from "../../src/zab/config.ts";

/** See the file's comment. */
export class Register {
  #founders: readonly Sid[] | undefined;

  /** The answer to a replica that asks, telling first that these have founded the ensemble, if anybody. */
  consult({ founders }: { readonly founders: readonly Sid[] | undefined }): PeerInput & { kind: "founders" } {
    this.#founders ??= founders;
    return { kind: "founders", founders: this.#founders };
  }
}
