import fc from 'fast-check';

/** How long each property is tried, where that is asked for (test/soak); else it is tried a number of times. */
const seconds = Number(process.env.MCO_FUZZ_SECONDS ?? 0);

/** Tries a property on made-up values. A failure prints the seed and the path that repeat it. */
export function holds<Values>(property: fc.IProperty<Values>, times?: number): void;
export function holds<Values>(property: fc.IAsyncProperty<Values>, times?: number): Promise<void>;
export function holds<Values>(property: fc.IRawProperty<Values>, times = 300): Promise<void> | void {
  const limits =
    seconds > 0
      ? { numRuns: Number.POSITIVE_INFINITY, interruptAfterTimeLimit: seconds * 1000, markInterruptAsFailure: false }
      : { numRuns: times };
  return fc.assert(property as fc.IProperty<Values>, limits);
}

/** What a stranger may do to bytes: cut, repeat, change and insert, a few times over. */
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
