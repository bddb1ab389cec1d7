import type { Member, Part } from './load.ts';

/**
 * The places in the packed program: [offset, length] of each part's source, then of V8's code for it, where there is
 * some; or the name of the group that the part lies in.
 */
export type Index = Readonly<Record<string, readonly number[] | string>>;

/**
 * All parts in one block: what is not needed is never read from the disk.
 * Each begins where V8 takes its code without copying it first.
 */
export function pack(parts: ReadonlyMap<string, Part | Member>): { index: Index; block: Buffer } {
  const pieces: Buffer[] = [];
  let end = 0;
  const put = (piece: Buffer): number[] => {
    const start = end;
    const padding = Buffer.alloc(-piece.length & 15);
    pieces.push(piece, padding);
    end += piece.length + padding.length;
    return [start, piece.length];
  };
  const index = [...parts].map(([name, part]) => {
    if ('group' in part) return [name, part.group] as const;
    const { source, code } = part;
    const place = put(Buffer.from(source));
    return [name, code === undefined ? place : [...place, ...put(code)]] as const;
  });
  return { index: Object.fromEntries(index), block: Buffer.concat(pieces) };
}

/** @param block as `pack` made it */
export function unpack(index: Index, block: ArrayBuffer, name: string): Part | Member | undefined {
  const place = Object.hasOwn(index, name) ? index[name] : undefined;
  if (place === undefined) return undefined;
  if (typeof place === 'string') return { group: place };
  const [start = 0, length = 0, codeStart, codeLength] = place;
  const source = Buffer.from(block, start, length).toString();
  return { source, code: codeStart === undefined ? undefined : Buffer.from(block, codeStart, codeLength) };
}
