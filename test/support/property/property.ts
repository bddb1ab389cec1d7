import fc from 'fast-check';
import { oneOf } from '../points.ts';

/** How long each property is tried, if a test sets it (test/soak); else it is tried a number of times. */
const seconds = Number(process.env.MCO_FUZZ_SECONDS ?? 0);

/** The least share of the cases that must come as far as what the property is about. */
const leastShare = 1 / 3;

let cases = 0;

/** Called by a property where its case is one of those that the property is about: once for each case. */
export function reached(): void {
  cases++;
}

/**
 * Tries a property on made-up values. Fails when fewer than a third of the cases call {@link reached}: a property that is
 * seldom exercised shows nothing. A failure prints the seed and the path that repeat it.
 */
export function holds<Values>(property: fc.IProperty<Values>, times?: number): void;
export function holds<Values>(property: fc.IAsyncProperty<Values>, times?: number): Promise<void>;
export function holds<Values>(property: fc.IRawProperty<Values>, times = 300): Promise<void> | void {
  const limits =
    seconds > 0
      ? { numRuns: Number.POSITIVE_INFINITY, interruptAfterTimeLimit: seconds * 1000, markInterruptAsFailure: false }
      : { numRuns: Math.min(times, Math.max(50, times / oneOf)) };
  cases = 0;
  const details = fc.check(property as fc.IProperty<Values>, limits) as unknown;
  return details instanceof Promise ? details.then(assertHeld) : assertHeld(details as fc.RunDetails<Values>);
}

function assertHeld<Values>(details: fc.RunDetails<Values>): void {
  if (details.failed) throw new Error(fc.defaultReportMessage(details), { cause: details.errorInstance });
  // The cases that a precondition rejects count, too.
  const all = details.numRuns + details.numSkips;
  const share = `${cases} of ${all} cases (seed ${details.seed}) are what the property is about`;
  if (process.env.MCO_SHOW_SHARES !== undefined) process.stderr.write(`${share}\n`);
  // Of few cases the share can be lower by chance: by three standard deviations at most.
  const least = oneOf === 1 ? leastShare : leastShare - 1.5 / Math.sqrt(all);
  if (cases < all * least) throw new Error(`${share}: aim its values better`);
}

/** Bytes of the same length with one or two of them changed: what a length or a tag says of them stays as it was, mostly. */
export function tweaked(good: Uint8Array): fc.Arbitrary<Buffer> {
  const change = fc.tuple(fc.nat(Math.max(0, good.length - 1)), fc.nat(255));
  return fc.array(change, { minLength: 1, maxLength: 2 }).map((changes) => {
    const bytes = Buffer.from(good);
    for (const [at, byte] of changes) bytes[at] = byte;
    return bytes;
  });
}

/** Changes that a stranger may make to bytes: cut, repeat, change and insert, several times. */
export function mutated(good: Uint8Array): fc.Arbitrary<Buffer> {
  const change = fc.record({
    kind: fc.constantFrom('set', 'flip', 'cut', 'drop', 'insert', 'repeat'),
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    length: fc.integer({ min: 1, max: 12 }),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
  });
  return fc.array(change, { minLength: 1, maxLength: 4 }).map((changes) => {
    let bytes = Buffer.from(good);
    for (const { kind, at, length, bytes: fresh } of changes) {
      const place = Math.floor(at * bytes.length);
      const [head, tail] = [bytes.subarray(0, place), bytes.subarray(place)];
      if (kind === 'set') bytes = Buffer.concat([head, fresh, tail.subarray(fresh.length)]);
      else if (kind === 'flip')
        bytes = Buffer.concat([head, tail.subarray(0, 1).map((byte) => byte ^ (1 << (length % 8))), tail.subarray(1)]);
      else if (kind === 'cut') bytes = head;
      else if (kind === 'drop') bytes = Buffer.concat([head, tail.subarray(length)]);
      else if (kind === 'insert') bytes = Buffer.concat([head, fresh, tail]);
      else bytes = Buffer.concat([head, tail.subarray(0, length), tail]);
    }
    return bytes;
  });
}
