import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { Message } from '../../../../src/agents/angelia/message.ts';
import { openSpool, type Spool } from '../../../../src/agents/angelia/spool.ts';
import { crashAtEachChange } from '../../../support/faults/crash.ts';
import { recordChanges } from '../../../support/faults/record-calls.ts';

const message: Message = {
  id: 'a1',
  recipient: 'mailto:a@devco.net',
  subject: 's',
  message: 'the text',
  priority: 'normal',
  caller: 'cert=rip@devco.net',
  acceptedAt: 1000,
  attempts: 0,
  nextAt: 1000,
  lastError: '',
};

let directory: string;
let before: string;
beforeEach(() => {
  directory = mkdtempSync('/dev/shm/mco-spool-');
  before = mkdtempSync('/dev/shm/mco-spool-before-');
});
afterEach(() => {
  for (const one of [directory, before]) rmSync(one, { recursive: true });
});

/** Cuts a work on the spool off at each of its changes of the disk, in each way, and opens the spool again. */
async function atEachChange(
  prepare: (spool: Spool) => Promise<unknown>,
  work: (spool: Spool) => Promise<unknown>,
  check: (found: Spool, where: string) => void,
): Promise<void> {
  await prepare(await openSpool(directory, 0));
  cpSync(directory, before, { recursive: true });
  let spool: Spool;
  await crashAtEachChange({
    root: directory,
    prepare: async () => {
      rmSync(directory, { recursive: true });
      cpSync(before, directory, { recursive: true });
      spool = await openSpool(directory, 0);
    },
    work: () => work(spool),
    check: async (where) => check(await openSpool(directory, 0), where),
    least: 6,
  });
}

const placesOf = ({ queued, delivered, dead }: Spool) =>
  Object.entries({ queued, delivered, dead }).flatMap(([name, place]) => (place.has('a1') ? [name] : []));

describe('a spool whose daemon is interrupted at any change of the disk', () => {
  for (const [ended, reason] of [
    ['delivered', ''],
    ['dead', 'no such user'],
  ] as const) {
    test(`has a message in the queue or ${ended}, never in neither and never in both`, async () => {
      const seen = new Set<string>();
      await atEachChange(
        (spool) => spool.put(message),
        (spool) => spool.settle(message, 2000, reason),
        (found, where) => {
          const places = placesOf(found);
          assert.ok(places.length === 1 && ['queued', ended].includes(places[0] ?? ''), `${where}: ${places}`);
          seen.add(places.join());
        },
      );
      assert.deepEqual([...seen].sort(), [ended, 'queued'].sort());
    });
  }

  test('has a dead letter back in the queue, or still as a dead letter', async () => {
    await atEachChange(
      async (spool) => {
        await spool.put(message);
        await spool.settle(message, 2000, 'no such user');
      },
      (spool) => spool.revive({ ...message, attempts: 1 }),
      (found, where) => {
        const places = placesOf(found);
        assert.ok(places.length === 1 && ['queued', 'dead'].includes(places[0] ?? ''), `${where}: ${places}`);
      },
    );
  });

  test('has a message once it was accepted, even in a new spool', async () => {
    const place = join(directory, 'state');
    await crashAtEachChange({
      root: directory,
      kinds: ['power', 'power-names'],
      prepare: () => rmSync(place, { recursive: true, force: true }),
      work: async () => (await openSpool(place, 0)).put(message),
      check: async (where, done) => {
        if (done) assert.deepEqual([...(await openSpool(place, 0)).queued.values()], [message], where);
      },
      least: 12,
    });
  });
});

describe('the record of a finished message', () => {
  test('is on the disk before its file leaves the queue', async () => {
    const spool = await openSpool(directory, 0);
    await spool.put(message);
    const calls = await recordChanges(directory, () => spool.settle(message, 2000, ''));
    assert.deepEqual(calls.slice(-3), ['rename delivered/a1.json', 'sync delivered/', 'rm queue/a1.json']);
  });

  test('is removed only once it is in the queue again', async () => {
    const spool = await openSpool(directory, 0);
    await spool.put(message);
    await spool.settle(message, 2000, 'no such user');
    const calls = await recordChanges(directory, () => spool.revive(message));
    assert.deepEqual(calls.slice(-4), ['rename queue/a1.json', 'sync queue/', 'rm dead/a1.json', 'sync dead/']);
  });
});
