import { createHash } from 'node:crypto';
import { Problem } from '../../core/errors.ts';

/** A piece of a long list. */
export interface ListPart {
  /** SHA-256 of the whole, in hex. */
  readonly digest: string;
  /** From 1. */
  readonly part: number;
  readonly parts: number;
  readonly text: string;
}

/** Joins lists that come in several calls, because a message is smaller than a long list. */
export interface ListParts {
  /** @returns the whole list once its last part has arrived, else undefined @throws Problem `bad-crl` */
  readonly take: (caller: string, part: ListPart) => string | undefined;
}

interface Collection {
  readonly texts: (string | undefined)[];
  readonly until: number;
}

/** Milliseconds for all parts to come. */
const patience = 120_000;
const mostCollections = 4;
/** Characters of a list. */
const largest = 16 * 1024 * 1024;

export function startListParts(now: () => number): ListParts {
  const collections = new Map<string, Collection>();

  function drop(): void {
    for (const [key, { until }] of collections) {
      if (until > now() && collections.size <= mostCollections) break;
      collections.delete(key);
    }
  }

  return {
    take: (caller, { digest, part, parts, text }) => {
      if (part > parts) throw new Problem('bad-crl', `part ${part} of ${parts} is not a part of a revocation list`);
      const key = `${caller} ${digest} ${parts}`;
      const collection = collections.get(key) ?? { texts: new Array(parts).fill(undefined), until: now() + patience };
      collection.texts[part - 1] = text;
      collections.set(key, collection);
      drop();
      const texts = collection.texts.filter((one) => one !== undefined);
      const size = texts.reduce((sum, one) => sum + one.length, 0);
      if (size > largest) {
        collections.delete(key);
        throw new Problem('bad-crl', `the revocation list is larger than ${largest} characters`);
      }
      if (texts.length < parts) return undefined;
      collections.delete(key);
      const whole = texts.join('');
      if (createHash('sha256').update(whole).digest('hex') === digest) return whole;
      throw new Problem('bad-crl', 'the parts of the revocation list do not make the whole that was announced');
    },
  };
}
