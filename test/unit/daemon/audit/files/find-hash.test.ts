import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { hashLine } from '../../../../../src/core/audit/record.ts';
import { findHash, keepHashes } from '../../../../../src/daemon/audit/files/find-hash.ts';
import { watchFileCalls } from '../../../../support/faults/file-calls.ts';
import { recordChanges } from '../../../../support/faults/record-calls.ts';
import { openFiles } from '../../../../support/faults/open-files.ts';

const line = (sequence: number) => `{"v":1,"sequence":${sequence},"x":"${'x'.repeat((sequence * 7919) % 3000)}"}`;

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync('/dev/shm/mco-hashes-');
  file = join(directory, 'audit.jsonl');
});
afterEach(() => rmSync(directory, { recursive: true }));

const path = (name: string) => join(directory, name);
const write = (name: string, from: number, to: number) =>
  writeFileSync(path(name), Array.from({ length: to - from + 1 }, (_, index) => `${line(from + index)}\n`).join(''));
const remove = async (name: string) => {
  await keepHashes(path(name));
  rmSync(path(name));
};

describe('the hash of a record', () => {
  beforeEach(() => {
    write('audit-000000000001.jsonl', 1, 400);
    write('audit-000000000401.jsonl', 401, 500);
    write('audit.jsonl', 501, 620);
  });

  const all = async () => {
    const ends = [2, 399, 400, 401, 402, 499, 500, 501, 502, 619, 620];
    for (const sequence of [...ends, ...Array.from({ length: 62 }, (_, index) => 10 * index + 1)]) {
      assert.equal(await findHash(file, sequence), hashLine(line(sequence)), String(sequence));
    }
    for (const none of [0, 621, 700]) assert.equal(await findHash(file, none), undefined, `${none}`);
  };

  test('is found in each file, and the files are closed', async () => {
    await all();
    assert.deepEqual(openFiles(directory), []);
  });

  test('is found when its file was deleted, at 32 bytes per record', async () => {
    const umask = process.umask(0);
    try {
      for (const name of ['audit-000000000001.jsonl', 'audit-000000000401.jsonl']) await remove(name);
    } finally {
      process.umask(umask);
    }
    await all();
    const kept = readdirSync(directory).filter((name) => name.endsWith('.hashes'));
    assert.deepEqual(
      kept.map((name) => [name, statSync(path(name)).size, statSync(path(name)).mode & 0o777]),
      [
        ['audit-000000000001.jsonl.hashes', 400 * 32, 0o640],
        ['audit-000000000401.jsonl.hashes', 100 * 32, 0o640],
      ],
    );
  });

  test('is found if its file is deleted in that moment', async () => {
    await keepHashes(path('audit-000000000001.jsonl'));
    using _watch = watchFileCalls(directory, ({ name, path: at }, _args, real) => {
      if (name === 'open' && at.endsWith('000001.jsonl')) rmSync(at);
      return real();
    });
    assert.equal(await findHash(file, 7), hashLine(line(7)));
    assert.equal(readdirSync(directory).includes('audit-000000000001.jsonl'), false);
  });

  test('is not found between two files, nor after the records of a deleted one', async () => {
    write('audit-000000000401.jsonl', 401, 450);
    for (const missing of [451, 500]) assert.equal(await findHash(file, missing), undefined, `${missing}`);
    await remove('audit-000000000401.jsonl');
    assert.equal(await findHash(file, 450), hashLine(line(450)));
    for (const missing of [451, 500]) assert.equal(await findHash(file, missing), undefined, `${missing}`);
  });

  test('is of a whole line only', async () => {
    appendFileSync(file, line(621));
    assert.equal(await findHash(file, 621), undefined);
    appendFileSync(file, '\n');
    assert.equal(await findHash(file, 621), hashLine(line(621)));
    appendFileSync(path('audit-000000000001.jsonl'), '{"v":1,"sequ');
    await remove('audit-000000000001.jsonl');
    assert.equal(statSync(path('audit-000000000001.jsonl.hashes')).size, 400 * 32);
    assert.equal(await findHash(file, 401), hashLine(line(401)));
  });

  test('is found in a line of any length', async () => {
    const long = (bytes: number) => `{"v":1,"sequence":621,"x":"${'x'.repeat(bytes - 29)}"}`;
    for (const bytes of [64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1, 128 * 1024 - 1, 128 * 1024, 200_000]) {
      write('audit.jsonl', 501, 620);
      appendFileSync(file, long(bytes));
      assert.equal(await findHash(file, 621), undefined, `${bytes}, torn`);
      appendFileSync(file, `\n${line(622)}\n`);
      assert.equal(await findHash(file, 621), hashLine(long(bytes)), `${bytes}`);
    }
  });

  test('is not found in a log that somebody removed, and a log that cannot be read is a fault', async () => {
    assert.equal(await findHash(path('none/audit.jsonl'), 1), undefined);
    await assert.rejects(findHash(join(file, 'audit.jsonl'), 1), { code: 'unreadable-file' });
    for (const [call, code] of [
      ['open', 'EIO'],
      ['readFile', 'EIO'],
    ] as const) {
      if (call === 'readFile') await remove('audit-000000000001.jsonl');
      using _watch = watchFileCalls(directory, ({ name, path: at }, _args, real) =>
        name === call && at.includes('000001') ? Promise.reject(Object.assign(new Error(code), { code })) : real(),
      );
      await assert.rejects(findHash(file, 1), { code });
    }
  });
});

describe('the stored hashes of deleted files', () => {
  for (const [name, archive, other] of [
    ['audit.jsonl', 'audit-000000000001.jsonl', 'audit-old-000000000001.jsonl'],
    ['audit.log', 'audit-000000000001.log', 'audit-000000000001.jsonl'],
    ['audit', 'audit-000000000001', 'audit-000000000001.jsonl'],
    ['audit.2.jsonl', 'audit.2-000000000001.jsonl', 'audit-000000000001.jsonl'],
  ] as const) {
    test(`are those of the log, of any name, and of no other beside it: ${name}`, async () => {
      write(archive, 1, 5);
      writeFileSync(path(other), '{"v":1,"sequence":1,"of":"another"}\n'.repeat(5));
      for (const one of [archive, other]) await remove(one);
      write(name, 6, 9);
      writeFileSync(path(`${archive.replace('1', '2')}.backup`), Buffer.alloc(5 * 32));
      for (let sequence = 1; sequence <= 9; sequence++) {
        assert.equal(await findHash(path(name), sequence), hashLine(line(sequence)), `${sequence}`);
      }
    });
  }

  test('are written whole: under a draft’s name, synced, and then renamed', async () => {
    write('audit-000000000001.jsonl', 1, 5);
    const calls = await recordChanges(directory, () => keepHashes(path('audit-000000000001.jsonl')));
    const hashes = 'audit-000000000001.jsonl.hashes';
    assert.deepEqual(calls.slice(-3), [`sync ${hashes}.new`, `rename ${hashes}`, 'sync ./']);
    assert.equal(readFileSync(path(hashes)).length, 5 * 32);
  });
});
