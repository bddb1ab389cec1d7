/** The serials of a revocation list, found by their bytes. */
export interface SerialIndex {
  /** The number of serials in the list. */
  readonly size: number;
  readonly has: (serial: Uint8Array) => boolean;
}

/**
 * Indexes serials at the first lookup: so reading a long list and indexing it happen in different turns of the event
 * loop.
 */
export function laterIndex(bytes: Uint8Array, positions: Uint32Array, count: number): SerialIndex {
  let index: SerialIndex['has'] | undefined;
  return {
    size: count,
    has: (serial) => {
      index ??= indexSerials(bytes, positions, count);
      return index(serial);
    },
  };
}

/**
 * Indexes serials by their positions in the list, in flat arrays: tens of thousands of strings or objects would block a
 * daemon for too long.
 * @param positions the start and the end of each serial in the bytes, in turn
 * @param count of serials
 */
function indexSerials(bytes: Uint8Array, positions: Uint32Array, count: number): SerialIndex['has'] {
  const slots = 2 ** Math.ceil(Math.log2(Math.max(2, count * 2)));
  // One more than the number of the serial; 0 is free.
  const table = new Uint32Array(slots);

  function isAt(entry: number, serial: Uint8Array, from: number, to: number): boolean {
    const start = positions[2 * entry] as number;
    if ((positions[2 * entry + 1] as number) - start !== to - from) return false;
    for (let at = from; at < to; at++) if (bytes[start + at - from] !== serial[at]) return false;
    return true;
  }

  function find(serial: Uint8Array, from: number, to: number): number {
    let slot = hash(serial, from, to) & (slots - 1);
    for (let entry = table[slot] as number; entry !== 0; entry = table[slot] as number) {
      if (isAt(entry - 1, serial, from, to)) return slot;
      slot = (slot + 1) & (slots - 1);
    }
    return slot;
  }

  for (let entry = 0; entry < count; entry++) {
    const slot = find(bytes, positions[2 * entry] as number, positions[2 * entry + 1] as number);
    table[slot] = entry + 1;
  }
  return (serial) => table[find(serial, 0, serial.length)] !== 0;
}

/** FNV-1a (32 bits). */
function hash(bytes: Uint8Array, from: number, to: number): number {
  let value = 0x811c9dc5;
  for (let at = from; at < to; at++) value = Math.imul(value ^ (bytes[at] as number), 0x01000193);
  return value >>> 0;
}
