import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Message } from '../../../../src/agents/angelia/message.ts';
import { openSpool } from '../../../../src/agents/angelia/spool.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';

const day = 86400_000;

function message(id: string, caller = 'cert=rip@devco.net'): Message {
  return {
    id,
    recipient: 'mailto:a@devco.net',
    subject: 's',
    message: 'secret text',
    priority: 'normal',
    caller,
    acceptedAt: 1000,
    attempts: 0,
    nextAt: 1000,
    lastError: '',
  };
}

describe('the spool', () => {
  test('keeps messages over a restart', async () => {
    const directory = temporaryDirectory();
    await (await openSpool(directory, 0)).put(message('a1'));
    assert.deepEqual([...(await openSpool(directory, 0)).queued.values()], [message('a1')]);
  });

  test('remembers a delivered message without its text, and for a limited time', async () => {
    const directory = temporaryDirectory();
    const spool = await openSpool(directory, 0);
    await spool.put(message('a1'));
    await spool.settle(message('a1'), 1000, '');
    assert.equal(readFileSync(join(directory, 'delivered', 'a1.json'), 'utf8').includes('secret text'), false);
    assert.equal((await openSpool(directory, 6 * day)).delivered.size, 1);
    assert.equal((await openSpool(directory, 8 * day)).delivered.size, 0);
    assert.deepEqual(readdirSync(join(directory, 'delivered')), []);
  });

  test('forgets nobody’s messages for those of another caller, over a restart, too', async () => {
    const directory = temporaryDirectory();
    const settle = async (id: string, at: number, caller: string, reason: string) => {
      const spool = await openSpool(directory, 0, 3);
      const one = message(id, caller);
      await spool.put(one);
      await spool.settle(one, at, reason);
      return [...(reason === '' ? spool.delivered : spool.dead).keys()];
    };
    for (const reason of ['', 'no such user']) {
      await settle('a1', 1000, 'cert=rip@devco.net', reason);
      for (const id of ['e1', 'e2']) await settle(id, 2000, 'cert=eve@devco.net', reason);
      assert.deepEqual(await settle('e3', 3000, 'cert=eve@devco.net', reason), ['a1', 'e2', 'e3']);
      assert.deepEqual(readdirSync(join(directory, reason === '' ? 'delivered' : 'dead')).sort(), [
        ...['a1.json', 'e2.json', 'e3.json'],
      ]);
    }
  });

  test('keeps dead letters whole, with the reason', async () => {
    const directory = temporaryDirectory();
    const spool = await openSpool(directory, 0);
    await spool.put(message('a1'));
    await spool.settle(message('a1'), 1000, 'no such user');
    const kept = JSON.parse(readFileSync(join(directory, 'dead', 'a1.json'), 'utf8'));
    assert.equal(kept.message, 'secret text');
    const later = await openSpool(directory, 99 * day);
    assert.equal(later.dead.get('a1')?.reason, 'no such user');
    // Nor does another one that ends later remove it.
    for (const [id, reason] of [
      ['a2', ''],
      ['a3', 'no such user'],
    ] as const) {
      await later.put(message(id));
      await later.settle(message(id), 99 * day, reason);
    }
    assert.deepEqual([...later.dead.keys()], ['a1', 'a3']);
    assert.deepEqual(readdirSync(join(directory, 'dead')), ['a1.json', 'a3.json']);
  });

  test('treats a message that a crash left in both places as finished', async () => {
    const directory = temporaryDirectory();
    const spool = await openSpool(directory, 0);
    await spool.put(message('a1'));
    const queued = readFileSync(join(directory, 'queue', 'a1.json'));
    await spool.settle(message('a1'), 1000, '');
    writeFileSync(join(directory, 'queue', 'a1.json'), queued);
    assert.equal((await openSpool(directory, 0)).queued.size, 0);
    assert.equal(existsSync(join(directory, 'queue', 'a1.json')), false);
  });

  test('sets aside a file that is not a message, and removes a half-written one after a crash', async () => {
    const directory = temporaryDirectory();
    await openSpool(directory, 0);
    const queue = join(directory, 'queue');
    for (const [name, text] of [
      ['a1.json', '{"id":"a1"'],
      ['a2.json', JSON.stringify(message('other'))],
      ['a3.json', '[]'],
      ['a4.json.new', 'half'],
      ['a5.json', 'null'],
    ] as const) {
      writeFileSync(join(queue, name), text);
    }
    const spool = await openSpool(directory, 0);
    assert.equal(spool.queued.size, 0);
    assert.deepEqual(readdirSync(queue), []);
    assert.deepEqual(readdirSync(join(directory, 'dead')), ['a1.damaged', 'a2.damaged', 'a3.damaged', 'a5.damaged']);
  });

  test('refuses an id that could be a path', async () => {
    const spool = await openSpool(temporaryDirectory(), 0);
    for (const id of ['../x', '', 'a/b', 'a.b', 'x'.repeat(65)]) {
      await assert.rejects(spool.put(message(id)), { code: 'bad-id' }, id);
    }
  });
});
