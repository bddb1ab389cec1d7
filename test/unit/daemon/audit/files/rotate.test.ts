import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { hashLine } from '../../../../../src/core/audit/record.ts';
import type { AuditFileWriter } from '../../../../../src/daemon/audit/audit-file.ts';
import type { ChainWriter } from '../../../../../src/daemon/audit/chain-writer.ts';
import { type AuditLimits, endless, rotateWhenDue } from '../../../../../src/daemon/audit/files/rotate.ts';
import { watchFileCalls } from '../../../../support/faults/file-calls.ts';
import { recordChanges } from '../../../../support/faults/record-calls.ts';

const day = 24 * 60 * 60_000;
const now = 100 * day;
const systemError = (code: string) => Object.assign(new Error(`${code}: x`), { code, syscall: 'x', path: '/x' });

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync('/dev/shm/mco-rotate-');
  file = join(directory, 'audit.jsonl');
});
afterEach(() => rmSync(directory, { recursive: true }));

/** A log that is rotated: `done` lists the calls, in order. A call that is named in `fails` fails with that error. */
function startLog({ size = 0, age = 0 as number | 'none', fails = {} as Record<string, Error> } = {}) {
  const done: unknown[] = [];
  const call = async (name: string, what: unknown) => {
    await new Promise((resolve) => setImmediate(resolve));
    if (fails[name] !== undefined) throw fails[name];
    done.push([name, what]);
  };
  const active = {
    size: () => size,
    begun: () => (age === 'none' ? undefined : now - age),
    rotate: (last: number) => call('rotate', last),
  };
  const chain = { end: () => ({ sequence: 8, hash: '' }), write: (entries: unknown) => call('record', entries) };
  const rotate = (limits: Partial<AuditLimits>) =>
    rotateWhenDue(active as unknown as AuditFileWriter, chain as unknown as ChainWriter, {
      file,
      limits: { ...endless, ...limits },
      now: () => now,
    });
  return { done, rotate };
}

const line = (sequence: number, time: number) => JSON.stringify({ v: 1, sequence, time: new Date(time).toISOString() });
const names = ['audit-000000000001.jsonl', 'audit-000000000002.jsonl', 'audit-000000000003.jsonl'] as const;
/** Full files of one record each, three, two and one days old. */
function placeFiles(): void {
  for (const [index, name] of names.entries()) {
    writeFileSync(join(directory, name), `${line(index + 1, now - (3 - index) * day)}\n`);
  }
}
const deletion = (...sequences: number[]) => {
  const files = sequences.map((sequence) => {
    const hash = hashLine(line(sequence, now - (4 - sequence) * day));
    return { file: names[sequence - 1], first: sequence, last: sequence, hash };
  });
  return ['record', [{ event: { kind: 'deleted', files }, durable: true }]];
};
const full = { maxBytes: 0 };

describe('a file of the audit log', () => {
  test('is full at its size or at its age, and not before', async () => {
    const limits = { maxBytes: 1000, maxAge: day };
    for (const [size, age, due] of [
      [999, day - 1, false],
      [1000, 0, true],
      [0, day, true],
      [999, 'none', false],
      [1000, 'none', true],
    ] as const) {
      const { done, rotate } = startLog({ size, age });
      assert.deepEqual(await rotate(limits), due ? [] : undefined, `${size} ${age}`);
      assert.deepEqual(done, due ? [['rotate', 8]] : []);
    }
  });

  test('that cannot be rotated grows, is reported, and nothing is deleted', async () => {
    placeFiles();
    const { done, rotate } = startLog({ fails: { rotate: systemError('ENOSPC') } });
    assert.deepEqual(await rotate({ ...full, keep: { files: 0 } }), [
      `the audit log ${file} cannot be rotated and grows: no space left on the device`,
    ]);
    assert.deepEqual([done, readdirSync(directory)], [[], [...names]]);
  });
});

describe('old files of the audit log', () => {
  test('are recorded durably, and then deleted, the oldest first, each after its hashes are stored', async () => {
    placeFiles();
    const { done, rotate } = startLog();
    const calls = await recordChanges(directory, async () =>
      assert.deepEqual(await rotate({ ...full, keep: { files: 1 } }), []),
    );
    assert.deepEqual(done, [['rotate', 8], deletion(1, 2)]);
    const renamed = calls.filter((call) => /^(rename|rm) /.test(call));
    assert.deepEqual(
      renamed,
      names.slice(0, 2).flatMap((name) => [`rename ${name}.hashes`, `rm ${name}`]),
    );
    assert.deepEqual(readdirSync(directory).sort(), [`${names[0]}.hashes`, `${names[1]}.hashes`, names[2]]);
  });

  test('are untouched until the record of their deletion is written', async () => {
    placeFiles();
    const { done, rotate } = startLog({ fails: { record: systemError('EIO') } });
    const [fault = '', ...more] = (await rotate({ ...full, keep: { files: 1 } })) ?? [];
    assert.match(fault, new RegExp(`^old files of the audit log ${file} are not deleted: `));
    assert.deepEqual([more, done, readdirSync(directory)], [[], [['rotate', 8]], [...names]]);
  });

  test('are kept by number, by days, and for receivers that do not have them', async () => {
    placeFiles();
    for (const [limits, expected] of [
      [{ keep: {} }, []],
      [{ keep: { files: 3 } }, []],
      [{ keep: { days: 3 } }, []],
      [{ keep: { files: 1 }, sent: () => 0 }, []],
      [{ keep: { files: 1 }, sent: () => 1 }, [deletion(1)]],
      [{ keep: { days: 1.5 } }, [deletion(2)]],
    ] as const) {
      const { done, rotate } = startLog();
      assert.deepEqual(await rotate({ ...full, ...limits }), []);
      assert.deepEqual(done, [['rotate', 8], ...expected], JSON.stringify(limits));
    }
  });

  test('are not even listed if all are kept', async () => {
    rmSync(directory, { recursive: true });
    const { rotate } = startLog();
    assert.deepEqual(await rotate(full), []);
    const [fault] = (await rotate({ ...full, keep: { days: 1 } })) ?? [];
    assert.equal(
      fault,
      `old files of the audit log ${file} are not deleted: ${directory} cannot be read: no such file or directory`,
    );
    writeFileSync(directory, '');
  });

  test('stay if they cannot be read, with the reason', async () => {
    placeFiles();
    const { rotate } = startLog();
    appendFileSync(join(directory, names[1]), 'x\n');
    const [fault] = (await rotate({ ...full, keep: { files: 1 } })) ?? [];
    const words = `the last line of ${join(directory, names[1])} is not a record of an audit log`;
    assert.equal(
      fault,
      `old files of the audit log ${file} are not deleted: ${words}: keep the file as evidence, and move it away`,
    );
    using _watch = watchFileCalls(directory, ({ name }, _args, real) =>
      name === 'open' ? Promise.reject(systemError('EACCES')) : real(),
    );
    assert.deepEqual(await rotate({ ...full, keep: { files: 1 } }), [
      `old files of the audit log ${file} are not deleted: permission denied`,
    ]);
    assert.deepEqual(readdirSync(directory), [...names]);
  });

  test('are deleted up to the first that cannot be', async () => {
    placeFiles();
    const { rotate } = startLog();
    using _watch = watchFileCalls(directory, ({ name, path }, _args, real) =>
      name === 'rm' && path.endsWith(names[1]) ? Promise.reject(systemError('EROFS')) : real(),
    );
    assert.deepEqual(await rotate({ ...full, keep: { files: 0 } }), [
      `old files of the audit log ${file} are not deleted: the file system is read-only`,
    ]);
    assert.deepEqual(
      readdirSync(directory).filter((name) => name.endsWith('.jsonl')),
      names.slice(1),
    );
  });
});
