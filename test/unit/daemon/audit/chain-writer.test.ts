import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, mock, test } from 'node:test';
import {
  type AuditEvent,
  type AuditRecord,
  type ChainState,
  chainStart,
  hashLine,
} from '../../../../src/core/audit/record.ts';
import type { AuditFileWriter, FileBefore } from '../../../../src/daemon/audit/audit-file.ts';
import { type ChainEntry, startChainWriter } from '../../../../src/daemon/audit/chain-writer.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';
import { certificateOf } from '../../../support/node/audit-lines.ts';

let fleet: Fleet;
let node: Member;
before(async () => {
  fleet = await makeFleet();
  node = await fleet.node('dev2.devco.net');
});
after(() => fleet.remove());
beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }));
afterEach(() => mock.timers.reset());

const turn = () => new Promise((resolve) => setImmediate(resolve));
const entry = (durable: boolean): ChainEntry => ({
  event: { kind: 'recovered', torn_bytes: 1, torn: '' } as AuditEvent,
  durable,
});

/** The writer over a file in memory; `heard` has what its listeners received. */
function startWriter({ previous, from }: { previous?: FileBefore; from?: ChainState } = {}) {
  const written: { lines: string[]; durable: boolean; first: number; time: number }[] = [];
  const heard: unknown[] = [];
  let fault: Error | undefined;
  let syncs = 0;
  let held: Promise<void> = Promise.resolve();
  const file = {
    state: chainStart,
    before: () => (written.length === 0 ? previous : undefined),
    write: async (bytes: Buffer, durable: boolean, first: number, time: number) => {
      if (fault !== undefined) throw fault;
      written.push({ lines: bytes.toString().split('\n').slice(0, -1), durable, first, time });
    },
    sync: async () => {
      syncs++;
      await held;
      if (fault !== undefined) throw fault;
    },
  } as unknown as AuditFileWriter;
  const listeners = {
    onSync: (why: string | undefined) => heard.push(['sync', why]),
    onRecord: ({ sequence }: ChainState) => heard.push(['record', sequence]),
    onSafe: () => heard.push('safe'),
  };
  const chain = startChainWriter(
    file,
    () => node.credentials,
    () => 5000,
    listeners,
    from,
  );
  const hold = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    held = promise;
    return resolve;
  };
  const fail = (error: Error | undefined) => {
    fault = error;
  };
  const records = () => written.flatMap(({ lines }) => lines.map((line) => JSON.parse(line) as AuditRecord));
  return { chain, written, heard, hold, fail, records, syncs: () => syncs };
}

describe('the end of the chain', () => {
  test('is after each record, linked to the previous one, and safe when it was synced', async () => {
    const { chain, written, heard, records } = startWriter();
    assert.deepEqual([chain.end(), chain.safe()], [chainStart, chainStart]);
    assert.deepEqual(await chain.write([entry(false), entry(true)]), [1, 2]);
    const [first = '', second = ''] = written[0]?.lines ?? [];
    assert.deepEqual(
      records().map(({ sequence, previous, time }) => [sequence, previous, time]),
      [
        [1, chainStart.hash, '1970-01-01T00:00:05.000Z'],
        [2, hashLine(first), '1970-01-01T00:00:05.000Z'],
      ],
    );
    const end = { sequence: 2, hash: hashLine(second) };
    assert.deepEqual([chain.end(), chain.safe()], [end, end]);
    assert.deepEqual(
      written.map(({ durable, first: number, time }) => [durable, number, time]),
      [[true, 1, 5000]],
    );
    assert.deepEqual(heard, [['record', 1], ['record', 2], 'safe']);
    assert.deepEqual(await chain.write([entry(true)]), [3]);
    assert.deepEqual([written[1]?.first, chain.end().sequence], [3, 3]);
  });

  test('continues from the given position', async () => {
    const from = { sequence: 7, hash: 'a'.repeat(64) };
    const { chain, records } = startWriter({ from });
    assert.deepEqual([chain.end(), chain.safe()], [from, from]);
    assert.deepEqual(await chain.write([entry(true)]), [8]);
    assert.equal(records()[0]?.previous, from.hash);
  });

  test('has in a new file a record of the previous file first, which is synced with it', async () => {
    const previous = { file: 'audit-000000000001.jsonl', first: 1, last: 7 };
    const { chain, written, records, heard } = startWriter({ previous, from: { sequence: 7, hash: 'a'.repeat(64) } });
    assert.deepEqual(await chain.write([entry(false), entry(false)]), [9, 10]);
    const [rotated] = records();
    assert.ok(rotated?.kind === 'rotated');
    const { file, first, last, certificate } = rotated;
    assert.deepEqual({ file, first, last }, previous);
    assert.equal(certificate, certificateOf(node));
    assert.deepEqual([written[0]?.first, written[0]?.durable, chain.safe().sequence], [8, true, 10]);
    assert.deepEqual(heard, [['record', 8], ['record', 9], ['record', 10], 'safe']);
    assert.deepEqual(await chain.write([entry(true)]), [11]);
  });

  test('is unchanged if nothing could be written', async () => {
    const { chain, fail, heard } = startWriter();
    fail(new Error('no'));
    await assert.rejects(chain.write([entry(true)]), { message: 'no' });
    assert.deepEqual([chain.end(), chain.safe(), heard], [chainStart, chainStart, []]);
    fail(undefined);
    assert.deepEqual(await chain.write([entry(true)]), [1]);
  });
});

describe('records that are not synced at once', () => {
  test('are safe when they were synced a moment later: those that were written before it', async () => {
    const { chain, heard, hold, syncs } = startWriter();
    await chain.write([entry(false)]);
    assert.deepEqual([chain.end().sequence, chain.safe().sequence, syncs()], [1, 0, 0]);
    const letGo = hold();
    mock.timers.tick(50);
    assert.deepEqual([syncs(), chain.safe().sequence], [1, 0]);
    await chain.write([entry(false)]);
    letGo();
    await turn();
    assert.deepEqual([chain.safe().sequence, chain.end().sequence], [1, 2]);
    assert.deepEqual(heard, [['record', 1], ['record', 2], 'safe', ['sync', undefined]]);
    mock.timers.tick(50);
    await turn();
    assert.deepEqual([chain.safe().sequence, syncs()], [2, 2]);
  });

  test('are not behind what was synced meanwhile', async () => {
    const { chain, heard, hold } = startWriter();
    await chain.write([entry(false)]);
    const letGo = hold();
    mock.timers.tick(50);
    await chain.write([entry(true)]);
    assert.equal(chain.safe().sequence, 2);
    letGo();
    await turn();
    assert.equal(chain.safe().sequence, 2);
    assert.deepEqual(heard.slice(-2), ['safe', ['sync', undefined]], 'no more became safe');
    await chain.write([entry(false)]);
    await chain.write([entry(true)]);
    mock.timers.tick(50);
    await turn();
    assert.deepEqual(heard.slice(-3), [['record', 4], 'safe', ['sync', undefined]], 'nor did more, when all was safe');
  });

  test('are reported if they could not be synced, until they are', async () => {
    const { chain, heard, fail } = startWriter();
    await chain.write([entry(false)]);
    fail(Object.assign(new Error('EIO: x'), { code: 'EIO' }));
    mock.timers.tick(50);
    await turn();
    assert.equal(chain.safe().sequence, 0);
    const [what, why] = heard.at(-1) as string[];
    assert.equal(what, 'sync');
    assert.match(why ?? '', /\S/);
    fail(undefined);
    await chain.write([entry(false)]);
    mock.timers.tick(50);
    await turn();
    assert.deepEqual([chain.safe().sequence, heard.at(-1)], [2, ['sync', undefined]]);
  });

  test('are left to the end of the log once it is stopped', async () => {
    const { chain, syncs } = startWriter();
    await chain.write([entry(false)]);
    chain.stop();
    mock.timers.tick(50);
    assert.equal(syncs(), 0);
  });
});
