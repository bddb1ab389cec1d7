import type { ChainState } from '../../../core/audit/record.ts';
import { chainStart } from '../../../core/audit/record.ts';
import { findHash } from './find-hash.ts';

/** Hashes that are remembered without reading the files. */
const most = 1024;

/** Heads that callers may know: earlier ends of the log. */
export interface KnownEnds {
  readonly add: (end: ChainState) => void;
  /** Whether the log contains exactly this record. */
  readonly has: (end: ChainState) => Promise<boolean>;
}

export function startKnownEnds(file: string, current: () => ChainState): KnownEnds {
  const hashes = new Map<number, string>([[chainStart.sequence, chainStart.hash]]);
  const add = ({ sequence, hash }: ChainState) => {
    hashes.set(sequence, hash);
    const [oldest] = hashes.keys();
    if (hashes.size > most && oldest !== undefined) hashes.delete(oldest);
  };
  return {
    add,
    has: async ({ sequence, hash }) => {
      if (sequence > current().sequence) return false;
      const known = hashes.get(sequence) ?? (await findHash(file, sequence));
      if (known !== undefined) add({ sequence, hash: known });
      return known === hash;
    },
  };
}
