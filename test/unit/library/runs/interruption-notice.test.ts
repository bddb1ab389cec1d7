import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mock, test } from 'node:test';
import { startNotice } from '../../../../src/library/runs/interruption-notice.ts';
import type { Outcome } from '../../../../src/core/request/reply.ts';
import { someTurns } from '../../../support/mock-delays.ts';

const ok = (node: string): Outcome => ({
  node,
  outcome: 'ok',
  status: 0,
  code: '',
  message: '',
  hint: '',
  data: {},
  elapsed: 0,
});

test('a notice is withdrawn after a renewal in progress, so that none is left on the node', async () => {
  const asked: unknown[] = [];
  const first = Promise.withResolvers<void>();
  const notice = await startNotice({
    nodes: ['notify1', 'notify2'],
    input: { recipient: 'webhook:ops' },
    hold: 30,
    message: () => 'as it is',
    warn: assert.fail,
    ask: async (node, { hold }) => {
      // Only the renewal takes its time: a withdrawal that did not wait for it would come first.
      if (asked.length === 1 && hold === 30) await first.promise;
      asked.push(`${node} ${String(hold)}`);
      return ok(node);
    },
  });
  notice.refresh();
  const withdrawn = notice.withdraw();
  notice.refresh();
  await someTurns();
  first.resolve();
  await withdrawn;
  assert.deepEqual(asked, ['notify1 30', 'notify1 30', 'notify1 0']);
});

test('another node keeps a notice when the first one is gone, and the person is warned if none does', async () => {
  const gone = new Set(['notify1']);
  const warned: string[] = [];
  const options = {
    nodes: ['notify1', 'notify2'],
    input: {},
    hold: 30,
    message: () => 'as it is',
    warn: (line: string) => void warned.push(line),
    ask: async (node: string): Promise<Outcome> =>
      gone.has(node) ? { ...ok(node), outcome: 'no-response', message: 'gone' } : ok(node),
  };
  await (await startNotice(options)).withdraw();
  assert.deepEqual(warned, []);
  gone.add('notify2');
  await (await startNotice(options)).withdraw();
  assert.match(warned.join(''), /no node keeps a notice: notify2: gone/);
});

test('nobody is warned of a notice that no node keeps once the run has ended', async () => {
  const hanging = Promise.withResolvers<void>();
  let renewals = 0;
  const asked: string[] = [];
  const notice = await startNotice({
    nodes: ['notify1', 'notify2'],
    input: {},
    hold: 30,
    message: () => 'as it is',
    warn: assert.fail,
    ask: async (node, { hold }) => {
      asked.push(`${node} ${String(hold)}`);
      if (hold === 0 || ++renewals === 1) return ok(node);
      // The renewal fails, and the search for another keeper hangs at the end of the run.
      if (renewals === 3) await hanging.promise;
      return { ...ok(node), outcome: 'no-response', message: 'gone' };
    },
  });
  notice.refresh();
  await someTurns();
  const withdrawn = notice.withdraw();
  hanging.resolve();
  await withdrawn;
  assert.deepEqual(asked, ['notify1 30', 'notify1 30', 'notify1 30', 'notify1 0'], 'no other node is asked to keep it');
});

test('a notice is withdrawn on every node that has kept it, also on one that was gone for a while', async () => {
  let isGone = false;
  const asked: string[] = [];
  const notice = await startNotice({
    nodes: ['notify1', 'notify2'],
    input: {},
    hold: 30,
    message: () => 'as it is',
    warn: assert.fail,
    ask: async (node, { hold }) => {
      asked.push(`${node} ${String(hold)}`);
      return isGone && node === 'notify1' ? { ...ok(node), outcome: 'no-response', message: 'gone' } : ok(node);
    },
  });
  isGone = true;
  notice.refresh();
  await someTurns();
  isGone = false;
  asked.length = 0;
  await notice.withdraw();
  assert.deepEqual(asked.sort(), ['notify1 0', 'notify2 0']);
});

test('a notice is renewed three times in the time that a node waits, and never after it is withdrawn', async () => {
  mock.timers.enable({ apis: ['setInterval'] });
  try {
    const asked: string[] = [];
    const notice = await startNotice({
      nodes: ['notify1'],
      input: {},
      hold: 30,
      message: () => 'as it is',
      warn: assert.fail,
      ask: async (node, { hold }) => {
        asked.push(String(hold));
        return ok(node);
      },
    });
    for (let passed = 0; passed < 3; passed++) {
      mock.timers.tick(10_000);
      await someTurns();
    }
    assert.deepEqual(asked, ['30', '30', '30', '30']);
    await notice.withdraw();
    mock.timers.tick(60_000);
    notice.refresh();
    await someTurns();
    assert.deepEqual(asked.slice(4), ['0']);
  } finally {
    mock.timers.reset();
  }
});

/** Two nodes keep it, of which the first hangs from then on; `over` ends the time for the withdrawal. */
async function startHanging() {
  const over = Promise.withResolvers<void>();
  const gone = new Set<string>();
  const hanging = new Set<string>();
  const warned: string[] = [];
  const asked: string[] = [];
  const notice = await startNotice({
    nodes: ['notify1', 'notify2'],
    input: {},
    hold: 30,
    message: () => 'as it is',
    warn: (line) => void warned.push(line),
    pause: (_milliseconds, signal) => Promise.race([over.promise, once(signal, 'abort')]),
    ask: async (node, { hold }) => {
      asked.push(`${node} ${String(hold)}`);
      if (hanging.has(node)) await new Promise(() => {});
      return gone.has(node) ? { ...ok(node), outcome: 'no-response', message: 'gone' } : ok(node);
    },
  });
  gone.add('notify1');
  notice.refresh();
  await someTurns();
  hanging.add('notify1');
  asked.length = 0;
  return { notice, over, hanging, warned, asked };
}

test('a node that hangs does not delay the end: it is named, and the others no longer keep the notice', async () => {
  const { notice, over, warned, asked } = await startHanging();
  const withdrawn = notice.withdraw();
  await someTurns();
  assert.deepEqual([asked.sort(), warned], [['notify1 0', 'notify2 0'], []]);
  over.resolve();
  await withdrawn;
  assert.deepEqual(warned, ['warning: notify1 may report this run as interrupted: no answer']);
});

test('a renewal that hangs does not delay the end either', async () => {
  const { notice, over, hanging, warned, asked } = await startHanging();
  hanging.add('notify2');
  notice.refresh();
  const withdrawn = notice.withdraw();
  await someTurns();
  assert.deepEqual(asked, ['notify2 30'], 'the withdrawal waits for it, as long as there is time');
  over.resolve();
  await withdrawn;
  assert.deepEqual(asked.slice(1).sort(), ['notify1 0', 'notify2 0']);
  assert.deepEqual(warned, ['warning: notify1, notify2 may report this run as interrupted: no answer']);
});

test('a notice is left where nobody else could notify of the end', async () => {
  const { notice, warned, asked } = await startHanging();
  notice.leave();
  notice.refresh();
  await someTurns();
  assert.deepEqual(asked, []);
  assert.deepEqual(warned, ['warning: nobody was notified yet; notify1, notify2 may report the run as interrupted']);
});
