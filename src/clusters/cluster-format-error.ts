/** A znode of another system that does not hold what that system writes there. */
import { EdgekeeperError } from "../client/errors.ts";

/** See the file's comment: a version of the system that this one does not know, or somebody else's znode. */
export class ClusterFormatError extends EdgekeeperError {
  override readonly name = "ClusterFormatError";
  readonly code = "cluster-format";
  constructor(path: string, detail: string) {
    super("the znode does not hold what is written there by the versions that are known here", {
      path,
      detail,
    });
  }
}
