import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { hashLine } from '../../../../src/core/audit/record.ts';
import { findHash, keepHashes } from '../../../../src/daemon/audit/find-hash.ts';

const line = (sequence: number) => `{"v":1,"sequence":${sequence},"x":"${'x'.repeat((sequence * 7919) % 3000)}"}`;

describe('the hash of a record', () => {
  let directory: string;
  let file: string;
  before(() => {
    directory = mkdtempSync('/dev/shm/mco-hashes-');
    file = join(directory, 'audit.jsonl');
    const write = (path: string, from: number, to: number) =>
      writeFileSync(path, Array.from({ length: to - from + 1 }, (_, index) => `${line(from + index)}\n`).join(''));
    write(join(directory, 'audit-000000000001.jsonl'), 1, 400);
    write(join(directory, 'audit-000000000401.jsonl'), 401, 500);
    write(file, 501, 620);
  });
  after(() => rmSync(directory, { recursive: true }));

  const all = async () => {
    for (let sequence = 1; sequence <= 620; sequence++) {
      assert.equal(await findHash(file, sequence), hashLine(line(sequence)), String(sequence));
    }
    assert.equal(await findHash(file, 621), undefined);
  };

  test('is found in each file', all);

  test('is found when its file was deleted, at 32 bytes per record', async () => {
    for (const name of ['audit-000000000001.jsonl', 'audit-000000000401.jsonl']) {
      await keepHashes(join(directory, name));
      rmSync(join(directory, name));
    }
    await all();
    const kept = readdirSync(directory).filter((name) => name.endsWith('.hashes'));
    assert.equal(
      kept.reduce((sum, name) => sum + readFileSync(join(directory, name)).length, 0),
      500 * 32,
    );
  });
});
