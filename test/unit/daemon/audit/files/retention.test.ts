import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { hashLine } from '../../../../../src/core/audit/record.ts';
import { type Archive, describeArchives, planDeletion } from '../../../../../src/daemon/audit/files/retention.ts';
import { openFiles } from '../../../../support/faults/open-files.ts';

const hour = 60 * 60_000;
const day = 24 * hour;

describe('the full files of an audit log', () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync('/dev/shm/mco-retention-');
  });
  after(() => rmSync(directory, { recursive: true }));
  const place = (name: string, content: string) => {
    writeFileSync(join(directory, name), content);
    return join(directory, name);
  };

  test('are described by their last record, without the current file, and are closed again', async () => {
    const line = (sequence: number, time: number) =>
      JSON.stringify({ v: 1, sequence, time: new Date(time).toISOString() });
    const files = [
      { path: place('audit-1.jsonl', `${line(1, 1000)}\n${line(2, 2000)}\n`), first: 1 },
      { path: place('audit-3.jsonl', `${line(3, 3000)}\n`), first: 3 },
      { path: place('audit.jsonl', `${line(4, 4000)}\n`), first: undefined },
    ];
    assert.deepEqual(await describeArchives(files), [
      { path: files[0]?.path, file: 'audit-1.jsonl', first: 1, last: 2, hash: hashLine(line(2, 2000)), ended: 2000 },
      { path: files[1]?.path, file: 'audit-3.jsonl', first: 3, last: 3, hash: hashLine(line(3, 3000)), ended: 3000 },
    ]);
    assert.deepEqual(openFiles(directory), []);
  });

  test('are never old without a record, and are a fault if they do not end in one', async () => {
    const [empty] = await describeArchives([{ path: place('audit-5.jsonl', ''), first: 5 }]);
    assert.deepEqual([empty?.last, empty?.ended], [0, Number.POSITIVE_INFINITY]);
    await assert.rejects(describeArchives([{ path: place('audit-6.jsonl', 'x\n'), first: 6 }]), {
      code: 'audit-failed',
    });
    await assert.rejects(describeArchives([{ path: join(directory, 'none'), first: 7 }]), { code: 'ENOENT' });
  });
});

describe('the plan of deletions from an audit log', () => {
  const now = 1_000 * day;
  const archives = (...ages: number[]): Archive[] =>
    ages.map((age, index) => ({
      path: `/${index}`,
      file: String(index),
      first: index * 10 + 1,
      last: index * 10 + 10,
      hash: '',
      ended: now - age,
    }));
  const planned = (list: Archive[], keep: { files?: number; days?: number }) =>
    planDeletion(list, keep, now).map(({ file }) => file);

  test('includes the oldest beyond the number, or beyond the days', () => {
    const list = archives(9 * day, 8 * day, 7 * day, 2 * day);
    assert.deepEqual(planned(list, { files: 3 }), ['0']);
    assert.deepEqual(planned(list, { days: 7.5 }), ['0', '1']);
    assert.deepEqual(planned(list, { files: 3, days: 7.5 }), ['0', '1']);
    assert.deepEqual(planned(list, { files: 1, days: 8.5 }), ['0', '1', '2']);
    assert.deepEqual(planned(list, {}), []);
  });

  test('includes as many files as are too many, all if none is kept, and none if there are few', () => {
    const list = archives(9 * day, 8 * day, 7 * day);
    const kept = (files: number) => planned(list, { files }).length;
    assert.deepEqual([kept(0), kept(1), kept(2), kept(3), kept(4)], [3, 2, 1, 0, 0]);
    assert.deepEqual(planDeletion([], { files: 0 }, now), []);
  });

  test('keeps a file for its days, to the millisecond', () => {
    const planAt = (age: number) => planned(archives(age), { days: 5 });
    assert.deepEqual([planAt(5 * day), planAt(5 * day + 1)], [[], ['0']]);
    assert.deepEqual(planned(archives(5 * day + 4), { days: 5 }), ['0'], 'a day has 86,400,000 milliseconds');
  });

  test('keeps a file with records that a receiver of the log does not have', () => {
    const list = archives(9 * day, 8 * day, 7 * day);
    const going = (sent: number) => planDeletion(list, { files: 1 }, now, sent).map(({ file }) => file);
    assert.deepEqual([going(9), going(10), going(19), going(20)], [[], ['0'], ['0'], ['0', '1']]);
  });

  test('never leaves a gap, and deletes nothing younger than an hour', () => {
    assert.deepEqual(planned(archives(day, 9 * day, 9 * day), { days: 5 }), [], 'the clock was set back');
    assert.deepEqual(planned(archives(2 * hour, hour / 2, hour / 3), { files: 1 }), ['0']);
    assert.deepEqual(planned(archives(hour - 1), { files: 0 }), []);
    assert.deepEqual(planned(archives(hour), { files: 0 }), ['0']);
    assert.deepEqual(planned(archives(-hour), { files: 0 }), [], 'it is later than now');
  });
});
