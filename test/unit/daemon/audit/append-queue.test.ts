import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AuditEvent } from '../../../../src/core/audit/record.ts';
import { Problem } from '../../../../src/core/errors.ts';
import { startAppendQueue } from '../../../../src/daemon/audit/append-queue.ts';
import type { AuditFileWriter } from '../../../../src/daemon/audit/audit-file.ts';
import type { ChainEntry, ChainWriter } from '../../../../src/daemon/audit/chain-writer.ts';

const event = (kind: string) => ({ kind }) as unknown as AuditEvent;
const diskFull = Object.assign(new Error('ENOSPC: x'), { code: 'ENOSPC' });
const broken = Object.assign(new Error('EIO: x'), { code: 'EIO' });

const turn = () => new Promise((resolve) => setImmediate(resolve));

interface Options {
  readonly hasRoom?: boolean;
  /** The error of each write, in turn. */
  readonly fails?: readonly (Error | undefined)[];
  readonly before?: () => Promise<void>;
}

/** A queue over a chain in memory. `steps` has what it did; each write waits until it is let go. */
function startQueue({ hasRoom = true, fails = [], before = async () => {} }: Options = {}) {
  const steps: string[] = [];
  const failures = [...fails];
  let sequence = 0;
  let held: Promise<void> = Promise.resolve();
  const write = async (entries: readonly ChainEntry[]) => {
    await held;
    await turn();
    steps.push(entries.map(({ event: { kind }, durable }) => `${kind}${durable ? '!' : ''}`).join(' '));
    const error = failures.shift();
    if (error !== undefined) throw error;
    return entries.map(() => ++sequence);
  };
  const active = {
    hasRoom: async () => {
      steps.push('looks for room');
      return hasRoom;
    },
    useReserve: async () => {
      // As long as a write and more: that must wait for it.
      await turn();
      await turn();
      steps.push('gives up the reserve');
    },
  } as unknown as AuditFileWriter;
  const queue = startAppendQueue('audit.jsonl', active, { write } as unknown as ChainWriter, before);
  const hold = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    held = promise;
    return resolve;
  };
  /** The number of the record, or why there is none. */
  const append = (kind: string, durable = false) =>
    queue.append(event(kind), durable).catch((error: Problem) => `${error.code}: ${error.message}`);
  return { ...queue, append, steps, hold };
}

describe('records that wait for the audit log', () => {
  test('are written together with all that arrived meanwhile, in their order', async () => {
    const { append, steps, hold } = startQueue();
    const letGo = hold();
    const first = append('a', true);
    await turn();
    const others = [append('b'), append('c', true)];
    letGo();
    assert.deepEqual([await first, ...(await Promise.all(others))], [1, 2, 3]);
    assert.deepEqual(steps, ['looks for room', 'a!', 'looks for room', 'b c!']);
    assert.equal(await append('d'), 4);
  });

  test('are written 256 at a time', async () => {
    const { append, steps } = startQueue();
    // The first is taken before the others come.
    const numbers = await Promise.all(Array.from({ length: 1 + 256 + 1 }, () => append('stopped')));
    assert.deepEqual(numbers.at(-1), 258);
    assert.deepEqual(
      steps.map((step) => step.split(' ').length),
      [1, 256, 1],
    );
  });

  test('are written before the queue is closed, which then accepts no more', async () => {
    const { append, close, steps, hold } = startQueue();
    const letGo = hold();
    const appended = append('outcome');
    let closed = false;
    const closing = close().then(() => {
      closed = true;
    });
    await turn();
    assert.equal(closed, false);
    assert.equal(await append('outcome'), 'audit-failed: the audit log audit.jsonl is closed');
    letGo();
    await closing;
    assert.deepEqual([await appended, steps], [1, ['outcome']]);
    await startQueue().close();
  });

  test('are refused if the log is not at its path, and the next ones are tried', async () => {
    let times = 0;
    const { append, steps } = startQueue({
      before: async () => {
        if (++times === 1) throw broken;
      },
    });
    const words = 'audit-failed: the audit log audit.jsonl cannot be written: ';
    const [first, second] = await Promise.all([append('outcome'), append('outcome')]);
    assert.ok(String(first).startsWith(words), String(first));
    assert.deepEqual([second, steps], [1, ['outcome']]);
  });
});

describe('a full disk under the audit log', () => {
  const full = 'audit-failed: the audit log audit.jsonl cannot be written: no space left on the device';

  test('accepts the ends of what was begun, and nothing else', async () => {
    const { append, steps } = startQueue({ hasRoom: false });
    for (const kind of ['outcome', 'ended', 'stopped']) assert.equal(typeof (await append(kind)), 'number', kind);
    assert.deepEqual(steps, ['outcome', 'ended', 'stopped'], 'nobody has to look for room');
    for (const kind of ['intent', 'started', 'served']) assert.equal(await append(kind), full, kind);
    const mixed = await Promise.all(['stopped', 'intent', 'outcome', 'intent'].map((kind) => append(kind)));
    assert.deepEqual(mixed, [4, full, 5, full]);
    assert.deepEqual(steps.slice(-2), ['looks for room', 'outcome']);
  });

  test('makes the queue release its reserve for these, when it is found full', async () => {
    const { append, close, steps, hold } = startQueue({ fails: [undefined, diskFull] });
    const letGo = hold();
    const waits = append('stopped');
    const mixed = ['intent', 'outcome', 'intent', 'ended'].map((kind) => append(kind, true));
    letGo();
    await waits;
    await close();
    assert.equal(steps.at(-1), 'outcome! ended!', 'before the end of the log');
    const [intent, outcome, other, ended] = await Promise.all(mixed);
    assert.deepEqual([outcome, ended], [2, 3]);
    assert.match(String(intent), /^audit-failed: .*no space left/);
    assert.match(String(other), /^audit-failed: /);
    const writes = ['intent! outcome! intent! ended!', 'gives up the reserve', 'outcome! ended!'];
    assert.deepEqual(steps, ['stopped', 'looks for room', ...writes]);
  });

  test('is reported to all if even those do not fit', async () => {
    const { append, steps } = startQueue({ fails: [diskFull, diskFull] });
    assert.match(String(await append('outcome')), /^audit-failed: .*no space left/);
    assert.deepEqual(steps, ['outcome', 'gives up the reserve', 'outcome']);
    assert.equal(await append('outcome'), 1, 'the next is tried again');
  });

  test('does not use the reserve for records that may not, nor does another fault', async () => {
    const full = startQueue({ fails: [diskFull] });
    assert.match(String(await full.append('intent')), /^audit-failed: /);
    assert.deepEqual(full.steps, ['looks for room', 'intent']);
    const other = startQueue({ fails: [broken] });
    assert.match(
      String(await other.append('outcome')),
      /^audit-failed: the audit log audit\.jsonl cannot be written: /,
    );
    assert.deepEqual(other.steps, ['outcome']);
  });

  test('is not reported for a problem with another code', async () => {
    const own = startQueue({ fails: [new Problem('unreadable-file', 'x')] });
    assert.equal(await own.append('outcome'), 'unreadable-file: x');
  });
});
