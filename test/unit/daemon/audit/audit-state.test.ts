import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type FileHandle, open as openFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, mock, test } from 'node:test';
import { headVerifies } from '../../../../src/core/audit/head.ts';
import type { AuditEvent, AuditRecord } from '../../../../src/core/audit/record.ts';
import type { Credentials } from '../../../../src/core/credentials/signature.ts';
import { type AuditLog, openAuditLog } from '../../../../src/daemon/audit/audit-log.ts';
import { endless } from '../../../../src/daemon/audit/files/rotate.ts';
import { type FileCall, watchFileCalls } from '../../../support/faults/file-calls.ts';
import { runsOneByOne } from '../../../support/faults/one-by-one.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';
import { openFiles } from '../../../support/faults/open-files.ts';

const minute = 60_000;
let fleet: Fleet;
let node: Member;
before(async () => {
  fleet = await makeFleet();
  node = await fleet.node('dev2.devco.net');
});
after(() => fleet.remove());

let directory: string;
let file: string;
let notes: string;
let time: number;
let credentials: Credentials;
beforeEach(() => {
  directory = mkdtempSync('/dev/shm/mco-state-');
  file = join(directory, 'audit.jsonl');
  notes = join(directory, 'state', 'audit.json');
  time = Date.UTC(2026, 0, 1);
  credentials = node.credentials;
  mock.timers.enable({ apis: ['setTimeout'] });
});
afterEach(() => {
  mock.timers.reset();
  rmSync(directory, { recursive: true });
});

const open = () =>
  openAuditLog(
    file,
    () => credentials,
    () => time,
    endless,
    notes,
  );
const event: AuditEvent = { kind: 'recovered', torn_bytes: 1, torn: '' };
const records = () =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as AuditRecord);
const write = async (count: number, use: (log: AuditLog) => unknown = () => {}) => {
  const log = await open();
  for (let written = 0; written < count; written++) await log.append(event, true);
  await use(log);
  await log.close();
};

describe('an audit log that cannot be synced', () => {
  const isSync = ({ name, path }: FileCall) => name === 'datasync' && path === file;

  test('warns until it can, and notifies those that wait for its records when they are safe', async () => {
    const log = await open();
    let safe = 0;
    const safeAgain = new Promise<void>((resolve) => {
      log.onSafe(() => {
        safe++;
        resolve();
      });
    });
    await log.append(event, false);
    let failed = Promise.resolve();
    {
      const { promise, resolve } = Promise.withResolvers<void>();
      failed = promise;
      using _watch = watchFileCalls(directory, async (call, _args, real) => {
        if (!isSync(call)) return real();
        setImmediate(resolve);
        throw Object.assign(new Error('EIO: x'), { code: 'EIO' });
      });
      mock.timers.tick(50);
      await failed;
    }
    assert.match(log.warnings().join(), new RegExp(`^the audit log ${file} cannot be synced to the disk: `));
    assert.deepEqual([safe, log.head().sequence], [0, 0]);
    await log.append(event, false);
    mock.timers.tick(50);
    await safeAgain;
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([safe, log.head().sequence, log.safe().sequence, log.warnings()], [1, 2, 2, []]);
    await log.close();
  });

  test('is not opened', async () => {
    await write(1);
    using _watch = watchFileCalls(directory, (call, _args, real) =>
      isSync(call) ? Promise.reject(Object.assign(new Error('EIO: x'), { code: 'EIO' })) : real(),
    );
    await assert.rejects(open(), {
      code: 'audit-failed',
      message: new RegExp(`^the audit log ${file} cannot be written: `),
    });
  });
});

describe('opening an audit log', () => {
  test('fails as a problem of the log if it cannot be opened', async () => {
    mkdirSync(file);
    await assert.rejects(open(), {
      code: 'audit-failed',
      message: new RegExp(`^the audit log ${file} cannot be written: `),
    });
  });

  test('keeps the first 4 KiB of a partial line, and its length', async () => {
    await write(1);
    appendFileSync(file, 'x'.repeat(5000));
    const log = await open();
    const [, last, ...more] = records();
    assert.equal(log.safe().sequence, 2, 'it is on the disk');
    await log.close();
    assert.ok(last?.kind === 'recovered' && more.length === 0);
    assert.deepEqual([last.torn_bytes, Buffer.from(last.torn, 'base64').toString()], [5000, 'x'.repeat(4096)]);
    await write(0);
    assert.equal(records().length, 2, 'it was cut off');
  });

  test('remembers what takes some MiB', async () => {
    const record = (sequence: number) =>
      `${JSON.stringify({ v: 1, sequence, time: new Date(time).toISOString(), x: 'x'.repeat(1000) })}\n`;
    writeFileSync(file, Array.from({ length: 3000 }, (_, index) => record(index + 1)).join(''));
    await write(0, ({ recent }) => assert.equal(recent.records.length, 3000));
  });

  test('has its records known from when it was opened or rotated, even without an end', async () => {
    const known = () => (JSON.parse(readFileSync(notes, 'utf8')) as { end: { sequence: number } }).end.sequence;
    await write(2);
    rmSync(notes);
    const limits = { ...endless, maxBytes: Math.ceil(statSync(file).size * 1.75) };
    const log = await openAuditLog(
      file,
      () => credentials,
      () => time,
      limits,
      notes,
    );
    assert.equal(known(), 2);
    for (let count = 0; count < 2; count++) {
      await log.append(event, true);
      assert.equal(known(), 2, 'not with each record');
    }
    await log.append(event, true);
    assert.equal(known(), 4, 'with each file, before the next record');
    await log.close();
  });

  test('has no record known that is not on the disk, when it cannot be rotated', async (t) => {
    const known = () => (JSON.parse(readFileSync(notes, 'utf8')) as { end: { sequence: number } }).end.sequence;
    await write(1);
    const limits = { ...endless, maxBytes: statSync(file).size + 10 };
    const log = await openAuditLog(
      file,
      () => credentials,
      () => time,
      limits,
      notes,
    );
    await log.append(event, false);
    const handle = await openFile(file);
    const full = async () => Promise.reject(Object.assign(new Error('EIO: i/o error'), { code: 'EIO' }));
    const failing = t.mock.method(Object.getPrototypeOf(handle) as FileHandle, 'datasync', full);
    await handle.close();
    await log.append(event, false);
    failing.mock.restore();
    assert.deepEqual([failing.mock.callCount(), known()], [1, 1]);
    assert.match(log.warnings().join(), /cannot be rotated and grows/);
    await log.close();
    assert.equal(known(), 3);
  });

  test('contains everything appended before it was closed, with nothing left to do', async () => {
    const log = await open();
    const [first, second] = [log.append(event, false), log.append(event, false)];
    await log.close();
    assert.deepEqual([await first, await second, records().length], [1, 2, 2]);
    mock.timers.tick(50);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(log.warnings(), []);
    assert.deepEqual(openFiles(directory), []);
  });

  test('remembers half an hour', async () => {
    await write(1);
    for (const [age, remembered] of [
      [29 * minute, 1],
      [30 * minute, 1],
      [30 * minute + 1, 0],
    ] as const) {
      time = Date.UTC(2026, 0, 1) + age;
      await write(0, ({ recent }) => assert.equal(recent.records.length, remembered, `${age} ms`));
    }
  });

  test('knows nothing of the time before if it is missing and the daemon knows that it existed', async () => {
    await write(0, ({ recent }) => assert.equal(recent.completeSince, Number.NEGATIVE_INFINITY));
    await write(2);
    rmSync(file);
    await write(0, (log) => {
      assert.deepEqual(log.recent, { records: [], completeSince: time });
      assert.equal(log.warnings().length, 1);
    });
    assert.deepEqual(
      records().map(({ kind, sequence }) => [kind, sequence]),
      [['displaced', 3]],
    );
  });

  test('finds it cut if it ends before what was on the disk, or in another record, and nowhere else', async () => {
    await write(3);
    const whole = readFileSync(file, 'utf8');
    const lines = whole.split('\n');
    const known = readFileSync(notes, 'utf8');
    const { end } = JSON.parse(known) as { end: { sequence: number; hash: string } };
    assert.equal(end.sequence, 3);
    const found = async (content: string, hash = end.hash, sequence = 3) => {
      writeFileSync(file, content);
      writeFileSync(notes, JSON.stringify({ end: { sequence, hash }, incidents: [] }));
      let warnings = 0;
      await write(0, (log) => {
        warnings = log.warnings().length;
      });
      return warnings;
    };
    assert.equal(await found(whole), 0);
    assert.equal(await found(`${lines.slice(0, 2).join('\n')}\n`), 1, 'cut by one record');
    assert.equal(await found(whole, 'f'.repeat(64)), 1, 'another record of that number');
    assert.equal(await found(whole, 'f'.repeat(64), 2), 0, 'it may have grown since');
  });

  test('allows a second close, and the daemon then knows where it ended', async () => {
    const log = await open();
    await log.append(event, false);
    await Promise.all([log.close(), log.close()]);
    assert.equal((JSON.parse(readFileSync(notes, 'utf8')) as { end: { sequence: number } }).end.sequence, 1);
    await assert.rejects(log.append(event, true), { code: 'audit-failed' });
  });

  test('has all on the disk, and its file closed, before the daemon knows where it ended', async () => {
    const log = await open();
    await log.append(event, false);
    await runsOneByOne(directory, log.close);
    const { end } = JSON.parse(readFileSync(notes, 'utf8')) as { end: { sequence: number } };
    assert.equal(end.sequence, 1);
  });
});

describe('the signed end of an audit log', () => {
  test('is signed once for many replies, and again for another record or by another certificate', async () => {
    const log = await open();
    await log.append(event, true);
    const head = log.head();
    assert.equal(log.head(), head);
    assert.ok(headVerifies(head, 'dev2.devco.net', node.certificate));
    const renewed = await fleet.node('dev2.devco.net');
    credentials = renewed.credentials;
    assert.ok(headVerifies(log.head(), 'dev2.devco.net', renewed.certificate));
    assert.equal(log.head(), log.head());
    await log.append(event, true);
    assert.equal(log.head().sequence, 2);
    await log.close();
  });

  test('is accepted if the log continues it, as far as it has the record', async () => {
    await write(2);
    await write(1, async (log) => {
      const hash = log.head().hash.toString('hex');
      assert.deepEqual(
        [await log.continues({ sequence: 3, hash }), await log.continues({ sequence: 2, hash })],
        [true, false],
      );
      assert.equal(await log.continues({ sequence: 4, hash }), false);
      const [, second] = readFileSync(file, 'utf8').split('\n');
      const [, , third] = records();
      assert.equal(await log.continues({ sequence: 2, hash: third?.previous ?? '' }), true, second);
    });
  });
});
