import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { journalDdl } from '../../../../../src/agents/journal/ddl.ts';
import { lockDdl } from '../../../../../src/agents/lock/ddl.ts';
import type { JournalLookup } from '../../../../../src/client/runs/fleet/fetch-run.ts';
import { startFleetRuns } from '../../../../../src/client/runs/fleet/fleet-runs.ts';
import { Problem } from '../../../../../src/core/errors.ts';
import type { JournalLine } from '../../../../../src/core/journal/line.ts';
import type { JsonObject } from '../../../../../src/core/json.ts';
import { okReply } from '../../../../../src/core/request/reply.ts';
import { type Fleet, type Member, makeFleet } from '../../../../support/fleet/fleet.ts';
import { signingNode, unwell } from '../../../../support/fleet/signing-node.ts';
import { run as first, writeLines } from '../../../../support/runs/journal-lines.ts';

const second = 'b'.repeat(32);
/** It is listed only in replies that do not count. */
const third = 'c'.repeat(32);
const listed = (run: string, sequence: number, at: number) => ({ run, sequence, at });

/** What a node says of the runs and leases that it stores; a Problem: it refuses to. */
interface Keeper {
  readonly runs?: unknown;
  readonly leases?: unknown;
  readonly lines?: Readonly<Record<string, readonly JournalLine[] | Problem>>;
}

describe('the runs that nodes know', () => {
  let fleet: Fleet;
  let rip: Member;
  let nodes: Member[];
  let lines: JournalLine[];
  let others: JournalLine[];
  before(async () => {
    fleet = await makeFleet();
    rip = await fleet.operator('rip@devco.net');
    nodes = await Promise.all(['dev1', 'dev2', 'dev3'].map((name) => fleet.node(name)));
    lines = writeLines(rip, ['run-started', 'call', 'outcome']);
    others = writeLines(rip, ['run-started'], [], { id: second });
  });
  after(() => fleet.remove());

  /** @param keepers one after another, by the list of nodes; they may change */
  function start(keepers: readonly Keeper[], limit = 9) {
    const list = (field: string, value: unknown) =>
      value instanceof Problem
        ? { ...unwell('refused', value), data: { [field]: [listed(third, 1, 9)] } }
        : okReply({ [field]: value ?? [] } as JsonObject);
    const signing = keepers.map((keeper, index) =>
      signingNode(nodes[index] as Member, ['journal', 'lock'], {
        answer: ({ agent, action, input }) => {
          if (agent === 'lock') return list('leases', keeper.leases);
          if (action === 'list') return list('runs', keeper.runs);
          const stored = keeper.lines?.[String(input.run)] ?? [];
          if (stored instanceof Problem) return unwell('failed', stored);
          return okReply({ lines: stored.map((one) => ({ ...one })), sequence: stored.length });
        },
      }),
    );
    const session = {
      config: { concurrency: 8, timeout: 5 },
      caller: { credentials: rip.credentials, trust: fleet.trust },
    };
    const context = { signal: new AbortController().signal };
    const look = { session, catalogue: [journalDdl, lockDdl], options: {}, context } as unknown as JournalLookup;
    const readAll = startFleetRuns(limit, look);
    const read = async () => {
      const { runs, failed } = await readAll(signing.map(({ found }) => found));
      return { failed, runs: runs.map(({ run, journal, isHeld }) => [run, journal.lines.length, isHeld]) };
    };
    const asked = (action: string, agent = 'journal') =>
      signing.map(({ calls }) => calls.filter((one) => one.agent === agent && one.action === action));
    const reads = () => asked('read').map((calls) => calls.map(({ input }) => input.run));
    return { read, reads, asked };
  }

  test('are read from the node with the longest journal, the first one of several, the latest run first', async () => {
    const keepers = [
      { runs: [listed(first, 2, 5)], lines: { [first]: lines.slice(0, 2) } },
      { runs: [listed(first, 3, 5), listed(second, 1, 6)], lines: { [first]: lines, [second]: others } },
      { runs: [listed(first, 3, 5)], lines: { [first]: lines } },
    ];
    const { read, reads, asked } = start(keepers);
    const runs = [
      [second, 1, false],
      [first, 3, false],
    ];
    assert.deepEqual(await read(), { failed: [], runs });
    assert.deepEqual(reads(), [[], [second, first], []]);
    assert.deepEqual(
      asked('list').map((calls) => calls.map(({ input }) => input)),
      Array(3).fill([{ limit: 9, prefix: '' }]),
    );
    const one = start(keepers, 1);
    assert.deepEqual((await one.read()).runs, [[second, 1, false]]);
    const many = start(keepers, 500);
    await many.read();
    assert.equal(many.asked('list')[0]?.[0]?.input.limit, 100, 'no node lists more');
  });

  test('are read again only once they have grown', async () => {
    const runs = [listed(first, 2, 5)];
    const kept = { [first]: lines.slice(0, 2) };
    const { read, reads } = start([{ runs, lines: kept }]);
    await read();
    assert.deepEqual([(await read()).runs, reads()], [[[first, 2, false]], [[first]]]);
    runs[0] = listed(first, 3, 6);
    kept[first] = lines;
    assert.deepEqual([(await read()).runs, reads()], [[[first, 3, false]], [[first, first]]]);
  });

  test('are held if a node keeps a lease of them; that is unknown if none reports its leases', async () => {
    const keeper = { runs: [listed(first, 3, 5)], lines: { [first]: lines } };
    const silent = new Problem('policy-denied', 'it may not');
    for (const [leases, held] of [
      [[[{ run: first }]], true],
      [[[{ run: second }, null, 'x', { run: 7 }, { run: first }]], true],
      [[[{ run: second }]], false],
      [[7], false],
      [[silent, [{ run: first }]], true],
      [[silent, []], false],
      [[silent, silent], undefined],
      [[silent], undefined],
    ] as const) {
      const { read } = start(leases.map((some, index) => ({ ...(index === 0 ? keeper : {}), leases: some })));
      assert.deepEqual((await read()).runs, [[first, 3, held]], JSON.stringify(leases));
    }
  });

  test('are omitted if their journal is not valid or not given, and each reason is named', async () => {
    const forged = lines.map(({ text }) => ({ text, signature: 'AAAA' }));
    const { read } = start([
      { runs: [listed(first, 3, 5)], lines: { [first]: forged } },
      { runs: [listed(second, 1, 6)], lines: { [second]: new Problem('unreadable-file', 'it is broken') } },
      { runs: new Problem('policy-denied', 'it may not'), lines: { [third]: others } },
    ]);
    const { runs, failed } = await read();
    assert.deepEqual(runs, []);
    assert.deepEqual(failed.toSorted(), [
      'dev2: it is broken',
      'dev3: it may not',
      `the journal of run ${first} on dev1 is not accepted: the signature of line 1 of the journal is not valid`,
    ]);
  });

  test('are those in the replies that have the right form', async () => {
    const bad = [null, 'x', listed(7 as never, 3, 5), listed(second, '3' as never, 5), listed(second, 3, '5' as never)];
    const { read } = start([
      { runs: [...bad, listed(first, 3, 5)], lines: { [first]: lines, [second]: others } },
      { runs: bad, lines: {} },
      { runs: 7 },
    ]);
    assert.deepEqual(await read(), { failed: [], runs: [[first, 3, false]] });
  });
});
