/** The little of Protocol Buffers that is needed to read what Hadoop writes: numbers and texts of one message. */

/** A message's fields by their numbers; of one that comes twice, the last. */
export type ProtobufFields = ReadonlyMap<number, bigint | Uint8Array>;

const VARINT = 0;
const FIXED_64 = 1;
const LENGTH = 2;
const FIXED_32 = 5;

/** Reads a message. Undefined where the bytes are none. Source: the encoding of Protocol Buffers. */
export function readProtobuf(bytes: Uint8Array): ProtobufFields | undefined {
  const fields = new Map<number, bigint | Uint8Array>();
  let at = 0;
  const varint = (): bigint | undefined => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) return undefined;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return undefined;
  };
  const take = (count: number): Uint8Array | undefined => {
    if (count > bytes.length - at) return undefined;
    at += count;
    return bytes.subarray(at - count, at);
  };
  while (at < bytes.length) {
    const tag = varint();
    if (tag === undefined || tag >> 3n === 0n || tag >> 3n > 0x1f_ff_ff_ffn) return undefined;
    const kind = Number(tag & 7n);
    let value: bigint | Uint8Array | undefined;
    if (kind === VARINT) value = varint();
    else if (kind === FIXED_64) value = take(8);
    else if (kind === FIXED_32) value = take(4);
    else if (kind === LENGTH) {
      const length = varint();
      value = length === undefined ? undefined : take(Number(length));
    }
    if (value === undefined) return undefined;
    fields.set(Number(tag >> 3n), value);
  }
  return fields;
}

/** A field that is a text; undefined where it is missing, or is none. */
export function protobufText(fields: ProtobufFields, number: number): string | undefined {
  const value = fields.get(number);
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : undefined;
}

/** A field that is a number of 32 bits; undefined where it is missing, or is none. */
export function protobufNumber(fields: ProtobufFields, number: number): number | undefined {
  const value = fields.get(number);
  return typeof value === "bigint" ? Number(BigInt.asIntN(32, value)) : undefined;
}
