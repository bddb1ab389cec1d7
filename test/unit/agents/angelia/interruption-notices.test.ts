import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type InterruptionNoticesOptions,
  openInterruptionNotices,
} from '../../../../src/agents/angelia/interruption-notices.ts';
import type { Message } from '../../../../src/agents/angelia/message.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';
import { recordChanges } from '../../../support/faults/record-calls.ts';
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

test('a held message is on the disk before it counts, and is off the disk once it was withdrawn', async (context) => {
  const directory = join(temporaryDirectory(), 'held');
  const { held } = await start(context as never, directory);
  const kept = await recordChanges(directory, () => held.keep(run, message('begun'), 30));
  assert.deepEqual(kept.slice(-3), [`sync ${run}.json.new`, `rename ${run}.json`, 'sync ./']);
  const withdrawn = await recordChanges(directory, () => held.withdraw(run, 'cert=rip'));
  assert.deepEqual(withdrawn, [`rm ${run}.json`, 'sync ./']);
  rmSync(directory, { recursive: true });
  await assert.rejects(held.keep(run, message('not stored'), 30), { code: 'ENOENT' });
  assert.equal(await held.withdraw(run, 'cert=rip'), false, 'what is not on the disk is not held');
});

test('a held message is not tried again after the daemon has stopped', async (context) => {
  const { promise, reject } = Promise.withResolvers<void>();
  let tries = 0;
  const { held } = await start(context as never, join(temporaryDirectory(), 'held'), () => {
    tries++;
    return promise;
  });
  await held.keep(run, message('begun'), 30);
  context.mock.timers.tick(30_000);
  held.stop();
  reject(new Error('the disk is full'));
  await promise.catch(() => {});
  await new Promise((resolve) => setImmediate(resolve));
  context.mock.timers.tick(100_000);
  assert.equal(tries, 1);
});
