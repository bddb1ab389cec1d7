import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { after, before, describe, test } from 'node:test';
import { lockDdl } from '../../../../../src/agents/lock/ddl.ts';
import { refuseRunning } from '../../../../../src/client/commands/resume/refuse-running.ts';
import { readLease } from '../../../../../src/client/runs/fleet/await-lapse.ts';
import type { JournalLookup } from '../../../../../src/client/runs/fleet/fetch-run.ts';
import { markProcess } from '../../../../../src/core/files/process-mark.ts';
import type { VerifiedJournal } from '../../../../../src/core/journal/verify.ts';
import { okReply } from '../../../../../src/core/request/reply.ts';
import type { JournalEntry } from '../../../../../src/playbook/journal/entries.ts';
import { type Fleet, makeFleet, type Member } from '../../../../support/fleet/fleet.ts';
import { signingNode } from '../../../../support/fleet/signing-node.ts';
import { quietContext } from '../../../../support/program/quiet-context.ts';
import { run } from '../../../../support/runs/journal-lines.ts';
import { resumed, signed, stamp, started } from '../../../../support/runs/resumed-run.ts';
import { codeOfAsync } from '../../../../support/thrown.ts';

describe('a run that may still be running', () => {
  let fleet: Fleet;
  let rip: Member;
  let dev1: Member;
  let here: JournalEntry;
  before(async () => {
    fleet = await makeFleet();
    [rip, dev1] = await Promise.all([fleet.operator('rip'), fleet.node('dev1')]);
    here = { ...stamp, type: 'process', ...(await markProcess()) };
  });
  after(() => fleet.remove());

  const processOf = (more: object): JournalEntry => ({ ...here, ...more }) as JournalEntry;
  const gone = () => processOf({ start: '1' });
  const elsewhere = () => processOf({ host: `not-${hostname()}` });
  const parent = async () => processOf(await markProcess(process.ppid));

  /** @param leases what the node lists, one answer a question; the last is repeated */
  const lookup = (leases: readonly (readonly object[])[] = [[]]) => {
    const answers = [...leases];
    const node = signingNode(dev1, ['lock', 'journal'], {
      answer: () => okReply({ leases: (answers.length > 1 ? answers.shift() : answers[0]) ?? [] }),
    });
    const { context, err } = quietContext();
    const session = {
      config: { timeout: 5, concurrency: 4 },
      caller: { credentials: rip.credentials, trust: fleet.trust },
      find: async () => ({ nodes: [node.found] }),
    };
    const look = { session, catalogue: [lockDdl], options: {}, context } as unknown as JournalLookup;
    return { look, node, err };
  };
  const refuse = (
    entries: readonly JournalEntry[],
    stored: VerifiedJournal | undefined,
    how: object,
    look = lookup().look,
  ) => refuseRunning({ run, entries, stored }, look, { force: false, ...how });

  test('on this host is known by its process', async () => {
    assert.equal(await refuse([started, gone()], undefined, {}), false);
    for (const force of [false, true]) {
      const running = refuse([started, gone(), await parent()], undefined, { force });
      assert.equal(await codeOfAsync(() => running), 'run-in-progress');
    }
  });

  test('on another host is not resumed without --force, if no node stores its journal', async () => {
    assert.equal(await codeOfAsync(() => refuse([started, elsewhere()], undefined, {})), 'run-in-progress');
    assert.equal(await refuse([started, elsewhere()], undefined, { force: true }), false);
  });

  test('is resumed by the first of two that have recorded it', async () => {
    const other = await parent();
    assert.equal(await refuse([started, here, other], undefined, { force: true, isSettled: true }), false);
    const second = refuse([started, other, here], undefined, { force: true, isSettled: true });
    assert.equal(await codeOfAsync(() => second), 'run-in-progress');
    assert.equal(await refuse([started, here], undefined, {}), false, 'its own line');
    assert.equal(await codeOfAsync(() => refuse([started, here, other], undefined, {})), 'run-in-progress');
    assert.equal(await refuse([started, resumed('eve'), gone()], undefined, {}), false, 'no node has a lease of it');
  });

  test('is not its own if the host, the boot, the number or the start of the process is another', async () => {
    const other = await parent();
    for (const change of [{ host: 'elsewhere' }, { boot: 'x' }, { pid: 2 ** 22 + 1 }, { start: '1' }]) {
      const entries = [started, processOf(change), other];
      const refused = refuse(entries, undefined, { force: true, isSettled: true });
      assert.equal(await codeOfAsync(() => refused), 'run-in-progress', JSON.stringify(change));
    }
  });

  test('of another operator, or elsewhere, is awaited by its lease if nodes store its journal', async () => {
    const lease = { run, caller: 'cert=eve', from: 'there', left: 1 };
    const stored = signed([['rip', 'rip']]);
    for (const [what, entries, how, asks] of [
      ['its own, here', [started, gone()], {}, false],
      ['its own, elsewhere', [started, elsewhere()], {}, true],
      ['its own, elsewhere, with --force', [started, elsewhere()], { force: true }, false],
      ['of another, here', [started, resumed('eve'), gone()], {}, true],
      ['of another, with --force', [started, resumed('eve'), elsewhere()], { force: true }, true],
    ] as const) {
      const { look, node, err } = lookup([[lease], []]);
      assert.equal(await refuse(entries, stored, how, look), asks, what);
      assert.equal(node.calls.length > 0, asks, what);
      assert.equal(err.length, asks ? 1 : 0, what);
    }
    const none = lookup([[{ ...lease, run: 'b'.repeat(32) }]]);
    assert.equal(await refuse([started, elsewhere()], stored, {}, none.look), false, 'the lease of another run');
  });

  test('is awaited by the lease that ends last, among all that nodes list', async () => {
    const leases = [
      { run, caller: 'cert=rip', from: 'here', left: 3 },
      { run, caller: 'cert=eve', from: 'there', left: 9 },
      { run, caller: 'cert=tom', from: '', left: 1 },
      { run: 'b'.repeat(32), caller: 'cert=sue', from: '', left: 99 },
    ];
    for (const listed of [[...leases, null, 7], leases.toReversed()]) {
      const { look, node } = lookup([listed as object[]]);
      assert.deepEqual(await readLease(run, [node.found], look), { caller: 'cert=eve', from: 'there', left: 9 });
    }
    for (const listed of [[], 7, undefined]) {
      const { look, node } = lookup([listed as never]);
      assert.equal(await readLease(run, [node.found], look), undefined);
    }
  });
});
