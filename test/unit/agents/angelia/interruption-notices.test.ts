import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type InterruptionNoticesOptions,
  openInterruptionNotices,
} from '../../../../src/agents/angelia/interruption-notices.ts';
import type { Message } from '../../../../src/agents/angelia/message.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';
import { keepingLog } from '../../../support/node/quiet-log.ts';

const run = 'a'.repeat(32);
const message = (text: string, id = 'one', caller = 'cert=rip'): Message => ({
  id,
  recipient: 'webhook:ops',
  subject: 's',
  message: text,
  priority: 'normal',
  caller,
  acceptedAt: 0,
  attempts: 0,
  nextAt: 0,
  lastError: '',
});

/** Holds messages on a clock that the test moves. */
async function start(
  context: { mock: typeof import('node:test').mock },
  directory: string,
  send?: InterruptionNoticesOptions['send'],
) {
  const sent: Message[] = [];
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const held = await openInterruptionNotices({
    directory,
    most: 1,
    log: keepingLog(),
    send: send ?? (async (one) => void sent.push(one)),
  });
  return { held, sent };
}

test('a held message is sent with its latest text and its first id if it is not renewed in time', async (context) => {
  const { held, sent } = await start(context as never, join(temporaryDirectory(), 'held'));
  await held.keep(run, message('begun'), 30);
  context.mock.timers.tick(29_000);
  assert.deepEqual(await held.keep(run, message('further', 'two'), 30), { id: 'one' });
  context.mock.timers.tick(29_000);
  assert.equal(sent.length, 0);
  context.mock.timers.tick(1000);
  assert.deepEqual(
    sent.map(({ id, message: text }) => [id, text]),
    [['one', 'further']],
  );
  context.mock.timers.tick(100_000);
  assert.equal(sent.length, 1);
  held.stop();
});

test('a withdrawn message is never sent, and only its caller may withdraw it', async (context) => {
  const { held, sent } = await start(context as never, join(temporaryDirectory(), 'held'));
  await held.keep(run, message('begun'), 30);
  await assert.rejects(held.withdraw(run, 'cert=eve'), { code: 'not-yours' });
  await assert.rejects(held.keep(run, message('mine', 'x', 'cert=eve'), 30), { code: 'not-yours' });
  await assert.rejects(held.keep('b'.repeat(32), message('one too many'), 30), { code: 'queue-full' });
  await assert.rejects(held.keep('', message('of no run'), 30), { code: 'no-run' });
  assert.equal(await held.withdraw(run, 'cert=rip'), true);
  assert.equal(await held.withdraw(run, 'cert=rip'), false);
  context.mock.timers.tick(100_000);
  assert.equal(sent.length, 0);
});

test('a held message outlives a restart of the daemon, and waits its full time again', async (context) => {
  const directory = join(temporaryDirectory(), 'held');
  const first = await start(context as never, directory);
  await first.held.keep(run, message('begun'), 30);
  first.held.stop();
  context.mock.timers.reset();
  const { held, sent } = await start(context as never, directory);
  context.mock.timers.tick(29_999);
  assert.equal(sent.length, 0);
  context.mock.timers.tick(1);
  assert.deepEqual(
    sent.map(({ message: text }) => text),
    ['begun'],
  );
  held.stop();
});
