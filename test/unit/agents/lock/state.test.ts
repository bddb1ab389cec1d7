import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { readLocks, stateFile, writeLocks } from '../../../../src/agents/lock/state.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';

const kept = { name: 'app/bravo', fence: 7, caller: 'cert=rip', runId: 'r', from: '', since: 1, ttl: 10_000 };

describe('the leases on the disk', () => {
  test('last their full time after they are read, and keep their number', async () => {
    const file = stateFile(temporaryDirectory());
    assert.deepEqual(await readLocks(file, 5000), { fence: 0, leases: [] }, 'a node that has given none');
    await writeLocks(file, { fence: 9, leases: [{ ...kept, ends: 1 }] });
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { fence: 9, leases: [kept] });
    assert.deepEqual(await readLocks(file, 5000), { fence: 9, leases: [{ ...kept, ends: 15_000 }] });
  });

  test('are refused if they were changed: with the numbers lost, a stale holder could not be detected', async () => {
    const file = stateFile(temporaryDirectory());
    const { name: _name, ...nameless } = kept;
    for (const [fence, leases] of [
      ['9', [kept]],
      [1.5, [kept]],
      [9, kept],
      [9, undefined],
      [9, [kept, nameless]],
      [9, [null]],
      [9, ['app/bravo']],
      ...['name', 'caller', 'runId', 'from'].map((key) => [9, [{ ...kept, [key]: 1 }]]),
      ...['fence', 'since', 'ttl'].map((key) => [9, [{ ...kept, [key]: '1' }]]),
    ] as const) {
      const text = JSON.stringify({ fence, leases });
      writeFileSync(file, text);
      await assert.rejects(readLocks(file, 0), { code: 'bad-state', message: /not what the lock agent wrote/ }, text);
    }
  });

  test('are refused if they cannot be read, and reported if they cannot be written', async () => {
    const file = stateFile(temporaryDirectory());
    mkdirSync(file);
    await assert.rejects(readLocks(file, 0), { code: 'bad-state', message: /leases\.json cannot be read/ });
    const nowhere = join(file, 'no', 'where');
    await assert.rejects(writeLocks(nowhere, { fence: 1, leases: [] }), { code: 'unwritable-state' });
  });
});
