/**
 * How large a transaction gets, told before it is proposed and never too low: it must fit into one row of every
 * replica's log, or all of them would fail at it.
 */
import type { Acl } from "../base/acl.ts";
import { assertNever } from "../base/assert.ts";
import { KeeperError } from "../base/error-code.ts";
import { TXN_BYTES_MAX } from "../base/limits.ts";
import type { OperationTxn } from "../base/txn.ts";

/** The header of a transaction. */
const HEADER_BYTES = 64;

/** What a create holds besides texts and data: lengths, owner, the parent's count. */
const CREATE_BYTES = 28;

/** What any other operation holds besides. */
const OPERATION_BYTES = 16;

/** Perms and two lengths. */
const ACL_LINE_BYTES = 12;

/** The bytes of a text in UTF-8, or a little more. */
export function textBytes(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code >= 0x80) bytes += code < 0x800 ? 1 : 2;
  }
  return bytes;
}

/** The bytes of an access control list, in a transaction or in a znode's row. */
export function aclBytes(acl: readonly Acl[]): number {
  return acl.reduce((sum, { scheme, id }) => sum + ACL_LINE_BYTES + textBytes(scheme) + textBytes(id), 0);
}

/** The room that one transaction has, all its operations together. */
export class TxnRoom {
  #left: number = TXN_BYTES_MAX - HEADER_BYTES;

  /** Throws KeeperError marshallingError where the operation no longer fits. */
  take(txn: OperationTxn): void {
    switch (txn.kind) {
      case "create":
        return this.takeBytes(
          CREATE_BYTES + textBytes(txn.path) + (txn.data?.length ?? 0) + aclBytes(txn.acl),
        );
      case "setData":
        return this.takeBytes(OPERATION_BYTES + textBytes(txn.path) + (txn.data?.length ?? 0));
      case "delete":
      case "check":
        return this.takeBytes(OPERATION_BYTES + textBytes(txn.path));
      case "error":
        return this.takeBytes(OPERATION_BYTES);
      default:
        return assertNever(txn);
    }
  }

  /** Takes so many bytes, for what is no operation. Throws as `take`. */
  takeBytes(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0) throw new KeeperError("marshallingError", `more than ${TXN_BYTES_MAX} bytes`);
  }
}
