/**
 * A copy in its own memory, for bytes that are kept. A part of a message keeps all of that message, and a small
 * Buffer that Node makes keeps the 8 KiB in which it makes others too (Node's documentation, Buffer.poolSize).
 */
export function ownBytes(bytes: Uint8Array): Buffer {
  const own = Buffer.allocUnsafeSlow(bytes.length);
  own.set(bytes);
  return own;
}
