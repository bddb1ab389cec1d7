import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { chainStart, hashLine } from '../../../../../src/core/audit/record.ts';
import { startKnownEnds } from '../../../../../src/daemon/audit/files/known-ends.ts';

const line = (sequence: number) => `{"v":1,"sequence":${sequence},"x":""}`;
const endAt = (sequence: number) => ({ sequence, hash: hashLine(line(sequence)) });

describe('a record of the log that a caller knows', () => {
  let directory: string;
  let file: string;
  beforeEach(() => {
    directory = mkdtempSync('/dev/shm/mco-ends-');
    file = join(directory, 'audit.jsonl');
    writeFileSync(file, Array.from({ length: 5 }, (_, index) => `${line(index + 1)}\n`).join(''));
  });
  afterEach(() => rmSync(directory, { recursive: true }));
  const other = (sequence: number) => ({ sequence, hash: 'f'.repeat(64) });

  test('is found without the files if it was written since the start', async () => {
    const { add, has } = startKnownEnds(join(directory, 'no', 'audit.jsonl'), () => endAt(9));
    add(endAt(9));
    assert.deepEqual([await has(endAt(9)), await has(other(9))], [true, false]);
    assert.deepEqual([await has(chainStart), await has(other(0))], [true, false], 'where every log begins');
  });

  test('is looked up in the files if it is older', async () => {
    const { has } = startKnownEnds(file, () => endAt(5));
    for (let sequence = 1; sequence <= 5; sequence++) {
      for (const _ of [1, 2]) {
        assert.equal(await has(endAt(sequence)), true);
        assert.equal(await has(other(sequence)), false);
      }
    }
  });

  test('is never found if it is yet to be written', async () => {
    const { has } = startKnownEnds(file, () => endAt(4));
    assert.deepEqual([await has(endAt(5)), await has(endAt(4))], [false, true]);
    assert.equal(await has({ sequence: 4, hash: '' }), false);
  });

  test('is not found if the files have no such record', async () => {
    const { has } = startKnownEnds(file, () => endAt(9));
    assert.deepEqual([await has(endAt(7)), await has(other(7))], [false, false]);
  });

  test('is remembered once it was found in the files, and one that was not takes no place', async () => {
    const { add, has } = startKnownEnds(file, () => endAt(5000));
    assert.equal(await has(endAt(3)), true);
    for (let sequence = 2001; sequence <= 3022; sequence++) add(endAt(sequence));
    assert.equal(await has(endAt(4000)), false);
    rmSync(file);
    assert.deepEqual([await has(endAt(3)), await has(chainStart)], [true, true]);
  });

  test('is remembered for 1024 records', async () => {
    const { add, has } = startKnownEnds(file, () => endAt(5000));
    for (let sequence = 2001; sequence <= 3023; sequence++) add(endAt(sequence));
    assert.deepEqual([await has(endAt(2001)), await has(endAt(3023))], [true, true]);
    assert.equal(await has(chainStart), true, 'the 1024th');
    add(endAt(3024));
    assert.equal(await has(endAt(2002)), true);
    assert.equal(await has(chainStart), false, 'the oldest is forgotten, and no file has it');
  });
});
