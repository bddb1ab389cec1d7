import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startJournal } from '../../../../../src/agents/journal/agent.ts';
import { type AppendTo, startHolder } from '../../../../../src/library/runs/fleet/append.ts';
import { chooseHolders } from '../../../../../src/library/runs/fleet/holders.ts';
import { startKeeping } from '../../../../../src/library/runs/fleet/kept-entries.ts';
import { startJournaling } from '../../../../../src/library/runs/fleet/journaling.ts';
import { majorityOf, startFleetJournal } from '../../../../../src/library/runs/fleet/writer.ts';
import { hashText, type JournalLine } from '../../../../../src/core/journal/line.ts';
import { verifyJournal } from '../../../../../src/core/journal/verify.ts';
import { Problem } from '../../../../../src/core/errors.ts';
import { failure, type Outcome, okReply } from '../../../../../src/core/request/reply.ts';
import type { JournalEntry } from '../../../../../src/playbook/journal/entries.ts';
import { actionContext, agentSetup } from '../../../../support/agents/agent-setup.ts';
import { type Fleet, type Member, makeFleet } from '../../../../support/fleet/fleet.ts';
import { holders, lease, run, writeLines } from '../../../../support/runs/journal-lines.ts';
import { someTurns } from '../../../../support/mock-delays.ts';
import { codeOfAsync } from '../../../../support/thrown.ts';

const config = { max_runs: 9, max_run_size: 1_000_000, max_size: 10_000_000 };
const change = (step: string) =>
  ({
    type: 'call',
    at: Date.now(),
    runId: run,
    step,
    requestId: step,
    changes: true,
    dryRun: false,
  }) as unknown as JournalEntry;

/** Real agents on three nodes, and what a test does to the way to them. */
async function startHolders() {
  const agents = new Map<string, Awaited<ReturnType<typeof startJournal>>>();
  for (const name of holders) agents.set(name, await startJournal(agentSetup(config)));
  const trouble = new Map<string, () => Promise<Outcome>>();
  const asked: string[] = [];
  const append: AppendTo = async (node, input, dryRun) => {
    asked.push(`${node} ${dryRun ? 'dry' : input.lines.length}`);
    const broken = trouble.get(node);
    if (broken !== undefined) return await broken();
    const handler = agents.get(node)?.handlers.append as unknown as (input: object, context: object) => Promise<object>;
    try {
      return {
        ...okReply((await handler(input, actionContext({ runId: run, lease, dryRun }))) as never),
        node,
        elapsed: 0,
      };
    } catch (error) {
      return { ...failure(error as Problem), node, elapsed: 0 };
    }
  };
  const linesOn = async (node: string): Promise<JournalLine[]> => {
    const handler = agents.get(node)?.handlers.read as unknown as (input: object, context: object) => Promise<never>;
    return ((await handler({ run }, actionContext())) as { lines: JournalLine[] }).lines;
  };
  const fail = (node: string, code: 'no-response' | 'policy-denied') =>
    trouble.set(node, async () => ({ ...failure(new Problem(code, `${code} at ${node}`)), node, elapsed: 0 }));
  return { append, linesOn, trouble, fail, asked };
}

describe('a run whose journal is stored on nodes', () => {
  let fleet: Fleet;
  let rip: Member;
  before(async () => {
    fleet = await makeFleet();
    rip = await fleet.operator('rip@devco.net');
  });
  after(() => fleet.remove());
  const open = (append: AppendTo, lines: readonly JournalLine[] = []) =>
    startFleetJournal({ run, stored: { lease, holders }, lines, credentials: () => rip.credentials, append });
  const begin = (append: AppendTo, mode: 'auto' | 'required', candidates: readonly string[] = holders) => {
    const said: string[] = [];
    const journaling = startJournaling({
      runId: run,
      mode,
      history: undefined,
      texts: undefined,
      credentials: () => rip.credentials,
      warn: (line) => said.push(line),
      write: async (entry) => journaling.note(entry as JournalEntry),
    });
    journaling.open({ name: lease, candidates, append });
    return { ...journaling, said };
  };

  test('continues as soon as a majority has each line, and stops if that is impossible', async () => {
    const { append, linesOn, trouble, fail } = await startHolders();
    // A node that hangs holds nobody up.
    trouble.set('dev3', () => new Promise(() => {}));
    const journal = open(append);
    journal.add({ type: 'run-started', at: Date.now() });
    await journal.settle();
    assert.equal((await linesOn('dev1')).length, 1);
    fail('dev2', 'no-response');
    fail('dev3', 'no-response');
    const other = open(append, await linesOn('dev1'));
    other.add({ type: 'call', at: Date.now() });
    await assert.rejects(other.settle(), (error: Problem) => {
      assert.equal(error.code, 'journal-not-stored');
      assert.match(
        error.message,
        /of 3 nodes store the journal, and 2 must before a change: .*dev2: no-response at dev2; dev3: no-response/,
      );
      return true;
    });
  });

  test('needs more than half of the nodes, whatever their number', () => {
    const needed = [1, 2, 3, 4, 5, 6, 7].map(majorityOf);
    assert.deepEqual(needed, [1, 2, 2, 3, 3, 4, 4]);
  });

  test('counts a node only if it reports every line that it was sent', async () => {
    const { append, trouble } = await startHolders();
    const ok = (node: string, data: Record<string, unknown>) => async () =>
      ({ ...okReply(data), node, elapsed: 0 }) as Outcome;
    for (const data of [{ sequence: 0 }, { sequence: 1 }, {}, { sequence: '2' }]) {
      for (const node of ['dev2', 'dev3']) trouble.set(node, ok(node, data));
      const journal = open(append);
      for (const type of ['run-started', 'call']) journal.add({ type, at: Date.now() });
      assert.equal(await codeOfAsync(() => journal.settle()), 'journal-not-stored', JSON.stringify(data));
    }
  });

  test('updates a node that was away before it counts again', async () => {
    const { append, linesOn, trouble, fail } = await startHolders();
    fail('dev2', 'no-response');
    const journal = open(append);
    for (const type of ['run-started', 'call']) journal.add({ type, at: Date.now() });
    await journal.settle();
    trouble.clear();
    fail('dev1', 'no-response');
    journal.add({ type: 'outcome', at: Date.now() });
    await journal.settle();
    assert.equal(verifyJournal(run, await linesOn('dev2'), fleet.trust).lines.length, 3);
  });

  test('stops if another client has written in its place', async () => {
    const { append } = await startHolders();
    const lines = writeLines(rip, ['run-started']);
    const [mine, theirs] = [open(append, lines), open(append, lines)];
    for (const one of [mine, theirs]) one.add({ type: 'run-resumed', at: Date.now(), operator: String(Math.random()) });
    await mine.settle();
    assert.equal(await codeOfAsync(() => theirs.settle()), 'journal-not-stored');
  });

  test('sends earlier lines along with a change, in one request per node', async () => {
    const { append, asked } = await startHolders();
    const { note, beforeChange } = begin(append, 'auto');
    for (const step of ['a', 'b']) note({ ...change(step), changes: false } as JournalEntry);
    const entry = change('c');
    note(entry);
    await beforeChange(entry);
    const sent = asked.filter((one) => one.startsWith('dev1 ') && !one.endsWith('dry'));
    // The entry that names the nodes is the first of its own.
    assert.ok(sent.length <= 2, asked.join());
  });

  test('makes no change that a majority does not have, and waits until it does', async () => {
    const { append, fail, trouble } = await startHolders();
    const { note, beforeChange } = begin(append, 'auto');
    note(change('a'));
    await beforeChange(change('a'));
    for (const node of ['dev2', 'dev3']) fail(node, 'no-response');
    note(change('b'));
    assert.equal(await codeOfAsync(() => beforeChange(change('b'))), 'journal-not-stored');
    const late = Promise.withResolvers<void>();
    for (const node of ['dev2', 'dev3']) {
      trouble.set(node, async () => {
        trouble.delete(node);
        await late.promise;
        return { ...failure(new Problem('no-response', 'it was away')), node, elapsed: 0 };
      });
    }
    note(change('c'));
    let isSettled = false;
    const settling = beforeChange(change('c')).finally(() => {
      isSettled = true;
    });
    await someTurns();
    assert.equal(isSettled, false);
    late.resolve();
    await settling.catch((error: Problem) => assert.equal(error.code, 'journal-not-stored'));
  });

  test('continues by default without such nodes, and changes nothing if they are required', async () => {
    const { append, fail } = await startHolders();
    for (const node of holders) fail(node, 'policy-denied');
    const lax = begin(append, 'auto');
    await lax.beforeChange(change('a'));
    assert.match(lax.said.join(), /warning: no node stores the journal: dev1: policy-denied at dev1/);
    assert.match(await lax.describe(), /^journal: on this host alone: dev1: policy-denied/);
    assert.equal(await codeOfAsync(() => begin(append, 'required').beforeChange(change('a'))), 'journal-required');
    const old = begin(append, 'auto', []);
    await old.beforeChange(change('a'));
    assert.deepEqual(old.said, [], 'a fleet without the agent is not warned of on every run');
  });
});

describe('one node that stores a journal', () => {
  const line = (bytes: number): JournalLine => ({ text: 'x'.repeat(bytes), signature: '' });
  type Reply = Partial<Pick<Outcome, 'outcome' | 'code' | 'message' | 'data'>>;
  /** A node that gives these replies in turn, and then says that it has every line. */
  const start = (lines: readonly JournalLine[], { known = 0, replies = [] as Reply[] } = {}) => {
    const asked: { after: number; count: number }[] = [];
    const append: AppendTo = async (node, { after: first, lines: some, head }, dryRun) => {
      assert.deepEqual([node, dryRun, head], ['dev1', false, hashText(some.at(-1)?.text ?? '')]);
      asked.push({ after: first, count: some.length });
      return { ...okReply({ sequence: first + some.length }), node, elapsed: 0, ...replies.shift() } as Outcome;
    };
    return { asked, holder: startHolder('dev1', lines, known, append) };
  };
  const gap = (sequence: unknown): Reply => ({
    outcome: 'failed',
    code: 'journal-gap',
    message: 'a gap',
    data: { sequence } as never,
  });

  test('receives at most 200 KiB of text, or a thousand lines, in one request, and at least one line', async () => {
    const most = 100 * 1024;
    for (const [lines, counts] of [
      [Array.from({ length: 2001 }, () => line(1)), [1000, 1000, 1]],
      [
        [line(most), line(most), line(most)],
        [2, 1],
      ],
      [
        [line(most), line(most + 1), line(1)],
        [1, 2],
      ],
      [
        [line(4 * most), line(1)],
        [1, 1],
      ],
    ] as const) {
      const { asked, holder } = start(lines);
      await holder.send();
      assert.deepEqual(
        asked.map(({ count }) => count),
        counts,
      );
      assert.deepEqual([holder.stored(), holder.fault()], [lines.length, undefined]);
    }
  });

  test('receives what it lacks at most twice in a row, and only lines before those that it was sent', async () => {
    const lines = Array.from({ length: 5 }, () => line(1));
    for (const [replies, firsts, fault] of [
      [[gap(1)], [4, 1], undefined],
      [[gap(3), gap(2)], [4, 3, 2], undefined],
      [[gap(3), gap(2), gap(1)], [4, 3, 2], 'a gap'],
      [[gap(4)], [4], 'a gap'],
      [[gap('1')], [4], 'a gap'],
      [[{ ...gap(1), code: 'failed' }], [4], 'a gap'],
      [[{ ...gap(1), code: 'failed', message: '' }], [4], 'failed'],
      [[{ ...gap(9), code: 'failed' }], [4], 'a gap'],
    ] as [Reply[], number[], string | undefined][]) {
      const { asked, holder } = start(lines, { known: 4, replies: [...replies] });
      await holder.send();
      assert.deepEqual([asked.map((one) => one.after), holder.fault()], [firsts, fault]);
      assert.equal(holder.stored(), fault === undefined ? 5 : 0);
      await holder.send();
      assert.deepEqual([holder.fault(), holder.stored()], [undefined, 5], 'it is asked again');
    }
  });

  test('receives nothing twice from two who send at the same moment, and new lines afterwards', async () => {
    const lines = [line(1)];
    const { asked, holder } = start(lines);
    await Promise.all([holder.send(), holder.send()]);
    await holder.send();
    assert.deepEqual(asked, [{ after: 0, count: 1 }]);
    lines.push(line(2));
    await holder.send();
    assert.deepEqual(asked.at(-1), { after: 1, count: 1 });
    const resumed = start(lines, { known: 2 });
    await resumed.holder.send();
    assert.deepEqual([resumed.asked, resumed.holder.stored()], [[{ after: 2, count: 0 }], 2]);
  });

  test('is one of the first five by name that accept the lines, and is replaced if it refuses', async () => {
    const names = Array.from({ length: 30 }, (_, index) => `dev${index + 10}`);
    const choose = async (isRefused: (node: string) => boolean) => {
      const asked: string[] = [];
      const chosen = await chooseHolders(names.toReversed(), async (node, input, dryRun) => {
        assert.deepEqual([input, dryRun], [{ after: 0, lines: [], head: '' }, true]);
        asked.push(node);
        const reply = isRefused(node) ? failure(new Problem('policy-denied', 'no')) : okReply({});
        return { ...reply, node, elapsed: 0 };
      });
      return { ...chosen, asked };
    };
    assert.deepEqual(await choose(() => false), { holders: names.slice(0, 5), refused: [], asked: names.slice(0, 5) });
    const some = await choose((node) => node === 'dev10' || node === 'dev15');
    assert.deepEqual(some.holders, ['dev11', 'dev12', 'dev13', 'dev14', 'dev16']);
    assert.deepEqual(some.refused, ['dev10: no', 'dev15: no']);
    const none = await choose(() => true);
    assert.deepEqual([none.holders, none.asked], [[], names.slice(0, 20)]);
  });

  test('does not store renewals, nor their outcomes', () => {
    for (const [step, agent, action, kept] of [
      ['', 'lock', 'renew', false],
      ['', 'lock', 'take', true],
      ['', 'angelia', 'send', false],
      ['', 'thing', 'renew', true],
      ['go', 'lock', 'renew', true],
      ['go', 'angelia', 'send', true],
    ] as const) {
      const isKept = startKeeping();
      const call = { ...change(step), agent, action, requestId: 'r' } as JournalEntry;
      const outcome = { type: 'outcome', requestId: 'r' } as unknown as JournalEntry;
      assert.deepEqual([isKept(call), isKept(outcome)], [kept, kept], `${step} ${agent}.${action}`);
      assert.equal(isKept({ ...outcome, requestId: 's' } as JournalEntry), true);
      assert.equal(isKept({ type: 'run-finished' } as JournalEntry), true);
    }
  });
});
