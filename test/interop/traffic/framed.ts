/** A frame's body with its length in front. */
export function framed(body: Uint8Array): Uint8Array {
  const frame = Buffer.alloc(4 + body.length);
  frame.writeInt32BE(body.length);
  frame.set(body, 4);
  return frame;
}
