import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { listAuditFiles } from '../../../../src/core/audit/files.ts';
import { type AuditLog, openAuditLog } from '../../../../src/daemon/audit/audit-log.ts';
import { endless } from '../../../../src/daemon/audit/files/rotate.ts';
import { defineAutoResetEvent } from '../../../../src/daemon/shipping/auto-reset-event.ts';
import { openCursor } from '../../../../src/daemon/shipping/cursor.ts';
import { bytesAfter, readRecords } from '../../../../src/daemon/shipping/read-records.ts';
import { startShipper } from '../../../../src/daemon/shipping/shipper.ts';
import { silentLog } from '../../../../src/daemon/system/silent-log.ts';
import type { Log } from '../../../../src/core/ports.ts';
import { mockDelays } from '../../../support/mock-delays.ts';
import { keepingLog } from '../../../support/node/quiet-log.ts';
import { until } from '../../../support/until.ts';
import { eventually } from '../../../support/eventually.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';
import { openFiles } from '../../../support/faults/open-files.ts';

let fleet: Fleet;
let node: Member;
let directory: string;
let file: string;
let log: AuditLog;

before(async () => {
  fleet = await makeFleet();
  node = await fleet.node('dev2.devco.net');
});

after(() => fleet.remove());

const openLog = async () => {
  directory = await mkdtemp(join(tmpdir(), 'mco-ship-'));
  file = join(directory, 'audit.jsonl');
  log = await openAuditLog(file, () => node.credentials, Date.now, { ...endless, maxBytes: 4000 });
};

const closeLog = async () => {
  await log.close();
  await rm(directory, { recursive: true });
};

const write = async (records: number) => {
  for (let written = 0; written < records; written++)
    await log.append({ kind: 'recovered', torn_bytes: 1, torn: 'x'.repeat(100) }, true);
};

/** A receiver in memory that takes what it is given, or fails while `fails` says so. */
const start = async (overlap: number, fails: () => boolean = () => false, settle = 0, to: Log = silentLog) => {
  const received: number[] = [];
  let isOpen = false;
  let lost = () => {};
  const cursor = await openCursor(directory, 'siem');
  const shipper = startShipper({
    ...{ receiver: 'siem', file, audit: log, cursor, log: to },
    open: (onLost) => ({
      settle,
      open: async () => {
        if (isOpen) return 0;
        isOpen = true;
        lost = onLost;
        return overlap;
      },
      send: async (records) => {
        if (fails()) throw new Error('it is full');
        received.push(...records.map(({ record }) => record.sequence));
      },
      close: () => {
        isOpen = false;
      },
    }),
  });
  const lose = () => {
    isOpen = false;
    lost();
  };
  return { received, shipper, isOpen: () => isOpen, lose };
};

const upTo = (last: number, from = 1) => Array.from({ length: last - from + 1 }, (_, index) => from + index);

describe('the sent copy of the audit log', () => {
  beforeEach(openLog);
  afterEach(closeLog);

  test('is read over rotated files, in order, up to what is on the disk', async () => {
    await write(40);
    const { sequence: last } = log.safe();
    const sequences: number[] = [];
    for (let after = 0; after < last; ) {
      const records = await readRecords(file, after, last);
      sequences.push(...records.map(({ record }) => record.sequence));
      after = sequences.at(-1) ?? last;
    }
    assert.deepEqual(sequences, upTo(last));
    assert.deepEqual(
      (await readRecords(file, 3, 7)).map(({ record }) => record.sequence),
      [4, 5, 6, 7],
    );
    assert.equal(await bytesAfter(file, last), 0);
    const text = (await Promise.all((await listAuditFiles(file)).map(({ path }) => readFile(path, 'utf8')))).join('');
    const lengths = text.split('\n').map((line) => Buffer.byteLength(line) + 1);
    const bytesOf = (records: number) => lengths.slice(last - records, last).reduce((sum, one) => sum + one, 0);
    for (const records of [1, 2, 30]) assert.equal(await bytesAfter(file, last - records), bytesOf(records));
  });

  test('is read in parts of 256 records', async () => {
    await log.close();
    log = await openAuditLog(file, () => node.credentials, Date.now, endless);
    await Promise.all(Array.from({ length: 260 }, () => write(1)));
    assert.deepEqual(
      (await readRecords(file, 0, 260)).map(({ record }) => record.sequence),
      upTo(256),
    );
    assert.equal((await readRecords(file, 256, 260)).length, 4);
    await bytesAfter(file, 0);
    assert.deepEqual(openFiles(file), [file], 'only the log itself has its file open');
  });

  test('is read in parts of 256 KiB, without a line that has no end yet', async () => {
    await log.close();
    log = await openAuditLog(file, () => node.credentials, Date.now, endless);
    const torn = 'x'.repeat(100_000);
    for (let written = 0; written < 4; written++) await log.append({ kind: 'recovered', torn_bytes: 1, torn }, true);
    const read = async (after: number, end: number) =>
      (await readRecords(file, after, end)).map(({ record }) => record.sequence);
    assert.deepEqual([await read(0, 4), await read(3, 4)], [upTo(3), [4]]);
    const [last] = await readRecords(file, 3, 4);
    await appendFile(file, (last?.line ?? '').replace('"sequence":4', '"sequence":5').slice(0, 1000));
    assert.deepEqual(await read(4, 5), []);
  });

  test('is sent up to its last record when the daemon stops, if the receiver takes it', async () => {
    await write(3);
    const { received, shipper } = await start(0);
    await shipper.stop();
    assert.deepEqual([received, shipper.status().waiting], [upTo(3), 0]);
    await write(1);
    const failing = await start(0, () => true);
    await failing.shipper.stop();
    assert.deepEqual([failing.received, failing.shipper.status().waiting], [[], 1]);
  });

  test('continues after the last record that was received, after a restart, with the overlap of a new connection', async () => {
    await write(5);
    const first = await start(0);
    await eventually(async () => assert.equal(first.shipper.status().waiting, 0));
    assert.deepEqual([first.received, first.shipper.status().sent, first.isOpen()], [upTo(5), 5, true]);
    await first.shipper.stop();
    assert.equal(first.isOpen(), false, 'its connection is closed');
    await write(1);
    const second = await start(2);
    await eventually(async () => assert.deepEqual(second.received, upTo(log.safe().sequence, 4)));
    await second.shipper.stop();
  });

  test('starts over if the cursor belongs to another log or cannot be read: twice rather than not at all', async () => {
    await write(3);
    for (const text of ['{"sequence":900,"hash":"00"}', '{"sequence":2,"hash":"00"}', '{"sequence":', '']) {
      const { received, shipper } = await start(0);
      await eventually(async () => assert.deepEqual(received, upTo(3)));
      await shipper.stop();
      const { sequence } = JSON.parse(await readFile(join(directory, 'audit-ship/siem.json'), 'utf8'));
      assert.equal(sequence, 3, 'the log keeps what is to be sent again');
      await writeFile(join(directory, 'audit-ship/siem.json'), text);
    }
  });

  test('moves its cursor only past received records, and reports the fault until then', async () => {
    let fails = true;
    await write(3);
    const { received, shipper } = await start(0, () => fails);
    await eventually(async () => assert.equal(shipper.status().fault, 'it is full'));
    await eventually(async () => assert.equal(shipper.status().waitingBytes, await bytesAfter(file, 0)));
    assert.deepEqual([shipper.status().waiting, received], [3, []]);
    await assert.rejects(readFile(join(directory, 'audit-ship/siem.json')), { code: 'ENOENT' });
    fails = false;
    await eventually(async () => assert.deepEqual([shipper.status().fault, received], [undefined, upTo(3)]));
    await shipper.stop();
    assert.deepEqual([shipper.status().waiting, shipper.status().waitingBytes], [0, 0]);
  });

  test('is sent again after pauses that double up to a minute, and begin again with a second once it was taken', async () => {
    using delays = mockDelays();
    const warned = keepingLog();
    let fails = true;
    await write(1);
    const { received, shipper, isOpen } = await start(0, () => fails, 0, warned);
    const pauses = (failures: number) =>
      until(`failure ${failures}`, () => shipper.status().failures === failures && !isOpen(), 0);
    await pauses(1);
    for (const [index, seconds] of [1, 2, 4, 8, 16, 32, 60, 60].entries()) {
      await delays.pass(seconds * 1000 - 1);
      assert.equal(shipper.status().failures, index + 1, `before ${seconds} s`);
      await delays.pass(1);
      await pauses(index + 2);
    }
    const complaints = () => warned.lines.filter((line) => String(line).includes('cannot be sent')).length;
    assert.equal(complaints(), 1, 'it is logged once');
    fails = false;
    await delays.pass(60_000);
    await until('the record is received', () => received.length === 1 && shipper.status().waiting === 0, 0);
    fails = true;
    await write(1);
    await pauses(10);
    assert.equal(complaints(), 2);
    await delays.pass(1000);
    await pauses(11);
    fails = false;
    let stopped = false;
    void shipper.stop().then(() => {
      stopped = true;
    });
    await delays.pass(0);
    await until('it has stopped in a pause, at once', () => stopped, 0);
  });

  test('does not delay the end of the daemon if its receiver fails then', async () => {
    using _delays = mockDelays();
    await write(1);
    const { shipper } = await start(0, () => true);
    let stopped = false;
    void shipper.stop().then(() => {
      stopped = true;
    });
    await until('it has stopped', () => stopped, 0);
    assert.equal(shipper.status().waiting, 1);
  });

  test('has no record that is not on the disk yet', async () => {
    using _delays = mockDelays();
    await write(2);
    await log.append({ kind: 'recovered', torn_bytes: 1, torn: 'x' }, false);
    const { received, shipper } = await start(0);
    await until('it has sent what is there', () => received.length >= 2 && shipper.status().waiting === 0, 0);
    assert.deepEqual(received, [1, 2]);
    await write(1);
    await until('the rest', () => received.length === 4, 0);
    await shipper.stop();
  });

  test('counts nothing as received while the connection is not stable', async () => {
    await write(3);
    const { received, shipper } = await start(1, () => false, 60_000);
    await eventually(async () => assert.deepEqual(received, upTo(3)));
    assert.equal(shipper.status().waiting, 3);
    await shipper.stop();
    const again = await start(1, () => false, 10);
    await eventually(async () => assert.equal(again.shipper.status().waiting, 0));
    assert.deepEqual(again.received, upTo(3));
    await again.shipper.stop();
  });

  test('counts what a lost connection took as not received', async (context) => {
    let clock = 0;
    context.mock.method(performance, 'now', () => clock);
    await write(3);
    const { received, shipper, lose } = await start(2, () => false, 1000);
    await eventually(async () => assert.deepEqual(received, upTo(3)));
    clock = 999;
    lose();
    await eventually(async () => assert.deepEqual(received, [...upTo(3), ...upTo(3)]));
    clock = 1001;
    await write(1);
    await eventually(async () => assert.equal(received.at(-1), 4));
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(shipper.status().waiting, 4, 'the new connection has not lasted long enough');
    clock = 2001;
    await write(1);
    await eventually(async () => assert.equal(shipper.status().waiting, 1));
    await shipper.stop();
  });

  test('loses nothing of its position when a new connection begins with more than one part', async () => {
    await log.close();
    log = await openAuditLog(file, () => node.credentials, Date.now, endless);
    await Promise.all(Array.from({ length: 260 }, () => write(1)));
    const waiting: number[] = [];
    const { received, shipper, lose } = await start(260, () => {
      waiting.push(shipper.status().waiting);
      return false;
    });
    await eventually(async () => assert.deepEqual([received.length, shipper.status().waiting], [260, 0]));
    lose();
    await eventually(async () => assert.equal(received.length, 520));
    await shipper.stop();
    assert.deepEqual(waiting, [260, 4, 0, 0]);
  });

  test('names the records that others removed before they were sent', async () => {
    await write(3);
    const first = await start(0);
    await eventually(async () => assert.equal(first.received.length, 3));
    await first.shipper.stop();
    await write(60);
    await rm(join(directory, 'audit-000000000001.jsonl'));
    const second = await start(0);
    await eventually(async () => assert.equal(second.shipper.status().waiting, 0));
    assert.match(second.shipper.status().missing ?? '', /^records 4 to \d+$/);
    await second.shipper.stop();
  });

  test('waits until the bell rings, or its signal aborts', async () => {
    const ending = new AbortController();
    const bell = defineAutoResetEvent(ending.signal);
    let heard = 0;
    const wait = () => bell.wait().then(() => heard++);
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const first = wait();
    await turn();
    assert.equal(heard, 0);
    bell.set();
    await first;
    bell.set();
    await wait();
    assert.equal(heard, 2, 'a ring that nobody waited for counts');
    const third = wait();
    await turn();
    assert.equal(heard, 2, 'once');
    ending.abort();
    await third;
    await wait();
    assert.equal(heard, 4);
  });

  test('waits for records without adding a listener at each wait', async () => {
    const { signal } = new AbortController();
    const bell = defineAutoResetEvent(signal);
    for (let waits = 0; waits < 50; waits++) {
      const heard = bell.wait();
      bell.set();
      await heard;
    }
    assert.equal(getEventListeners(signal, 'abort').length, 1);
  });
});
