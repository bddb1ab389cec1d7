import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startNotice } from '../../../../src/library/runs/interruption-notice.ts';
import type { Outcome } from '../../../../src/core/request/reply.ts';

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
      if (asked.length === 1) await first.promise;
      asked.push(`${node} ${String(hold)}`);
      return ok(node);
    },
  });
  notice.refresh();
  const withdrawn = notice.withdraw();
  notice.refresh();
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
