import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { awaitLapse, type LeasedRun } from '../../../../../src/client/runs/fleet/await-lapse.ts';
import { codeOfAsync } from '../../../../support/thrown.ts';

/** A lease that has these seconds left at each look, on a clock on which sleeping takes no time; undefined: none. */
function looks(left: readonly (number | undefined)[], signal = new AbortController().signal) {
  const said: string[] = [];
  let clock = 0;
  let look = 0;
  const read = async (): Promise<LeasedRun | undefined> => {
    const seconds = left[Math.min(look++, left.length - 1)];
    return seconds === undefined ? undefined : { caller: 'cert=rip@devco.net', from: 'laptop 42', left: seconds };
  };
  const wait = () =>
    awaitLapse({
      read,
      report: (line) => said.push(line),
      sleep: async (milliseconds) => {
        clock += milliseconds;
      },
      clock: () => clock,
      signal,
    });
  return { wait, said };
}

describe('an operator who resumes the run of another client', () => {
  test('begins at once if no node keeps a lease of it', async () => {
    const { wait, said } = looks([undefined]);
    assert.deepEqual([await wait(), said], [false, []]);
  });

  test('waits for a lease that nobody renews, and knows that the journal may have grown', async () => {
    const { wait, said } = looks([30, 29, 20, 3, 1, undefined]);
    assert.equal(await wait(), true);
    assert.deepEqual(said, [
      'waiting: cert=rip@devco.net on laptop 42 may still be running it; its lease ends in 30 s unless it is renewed',
    ]);
  });

  test('is refused if the lease is renewed, because the client lives', async () => {
    assert.equal(await codeOfAsync(looks([22, 21, 30]).wait), 'run-in-progress');
    // A lease that is so short that its renewals can hardly be seen.
    assert.equal(await codeOfAsync(looks([3, 2, 3, 2]).wait), 'run-in-progress');
  });

  test('is interrupted by Ctrl-C', async () => {
    assert.equal(await codeOfAsync(looks([30], AbortSignal.abort()).wait), 'run-in-progress');
  });
});
