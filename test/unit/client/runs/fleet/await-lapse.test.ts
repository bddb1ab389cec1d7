import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { awaitLapse, type LeasedRun } from '../../../../../src/client/runs/fleet/await-lapse.ts';
import { codeOfAsync } from '../../../../support/thrown.ts';

/** A lease that has these seconds left at each look, on a clock on which sleeping takes no time; undefined: none. */
function looks(left: readonly (number | undefined)[], signal = new AbortController().signal, from = 'laptop 42') {
  const said: string[] = [];
  let clock = 0;
  let look = 0;
  const read = async (): Promise<LeasedRun | undefined> => {
    const seconds = left[Math.min(look++, left.length - 1)];
    return seconds === undefined ? undefined : { caller: 'cert=rip@devco.net', from, left: seconds };
  };
  const wait = () =>
    awaitLapse({
      read,
      report: (line) => said.push(line),
      sleep: async (milliseconds) => {
        await new Promise((resolve) => setImmediate(resolve));
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

  test('is refused from the first second that only a renewal explains: each node rounds up by up to two', async () => {
    assert.equal(await looks([20, 10, 12, 12, undefined]).wait(), true);
    await assert.rejects(looks([20, 10, 13, undefined]).wait, {
      code: 'run-in-progress',
      message: 'the run is still in progress: cert=rip@devco.net on laptop 42 has renewed its lease',
      hint: 'wait for it to end, or stop it',
    });
    assert.equal(await codeOfAsync(looks([20, 10, 11, 13, undefined]).wait), 'run-in-progress', 'the least counts');
  });

  test('is refused if the lease lasts for longer than it said, and two seconds', async () => {
    // It looks twice a second: for the 10th time at 5 s.
    const lasting = (times: number) => looks([3, ...Array(times).fill(3), undefined]);
    assert.equal(await lasting(10).wait(), true);
    assert.equal(await codeOfAsync(lasting(11).wait), 'run-in-progress');
  });

  test('names the holder without a place if it gave none', async () => {
    const { wait, said } = looks([1, undefined], undefined, '');
    await wait();
    assert.match(said[0] ?? '', /^waiting: cert=rip@devco\.net may still be running it; its lease ends in 1 s/);
  });

  test('is interrupted by Ctrl-C', async () => {
    await assert.rejects(looks([30], AbortSignal.abort()).wait, {
      code: 'cancelled',
      message: 'interrupted while waiting for the lease of the run',
    });
  });
});
