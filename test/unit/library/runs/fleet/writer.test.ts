import assert from 'node:assert/strict';
import { after, before, describe, mock, test } from 'node:test';
import { startJournal } from '../../../../../src/agents/journal/agent.ts';
import { type AppendTo, startHolder } from '../../../../../src/library/runs/fleet/append.ts';
import { chooseHolders } from '../../../../../src/library/runs/fleet/holders.ts';
import { startKeeping } from '../../../../../src/library/runs/fleet/kept-entries.ts';
import { journalUnder } from '../../../../../src/library/runs/fleet/under-lease.ts';
import type { Session } from '../../../../../src/library/fleet/session.ts';
import { journalDdl } from '../../../../../src/agents/journal/ddl.ts';
import { signingNode } from '../../../../support/fleet/signing-node.ts';
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

describe('the journal of a run on nodes', () => {
  let fleet: Fleet;
  let rip: Member;
  before(async () => {
    fleet = await makeFleet();
    rip = await fleet.operator('rip@devco.net');
  });
  after(() => fleet.remove());
  const timersOf = () => process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length;
  const step = (type: string) => ({ type, at: 1 });
  const withTimers = async (check: (tick: (milliseconds: number) => Promise<void>) => Promise<void>) => {
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      await check(async (milliseconds) => {
        mock.timers.tick(milliseconds);
        await someTurns();
      });
    } finally {
      mock.timers.reset();
    }
  };
  /** Nodes that store every line, or reply as the test says. */
  const start = (reply?: (node: string) => Promise<Outcome | undefined> | undefined) => {
    const asked: string[] = [];
    const received: JournalLine[] = [];
    const append: AppendTo = async (node, { after: first, lines }, dryRun) => {
      asked.push(`${node}${dryRun ? ' dry' : ''}`);
      if (node === 'dev1' && !dryRun) received.push(...lines);
      return (await reply?.(node)) ?? { ...okReply({ sequence: first + lines.length }), node, elapsed: 0 };
    };
    const entries = () => received.map(({ text }) => JSON.parse(text));
    return { append, asked, entries };
  };
  const away = async (node: string): Promise<Outcome> => ({
    ...failure(new Problem('no-response', 'away')),
    node,
    elapsed: 0,
  });
  const open = (append: AppendTo, credentials = () => rip.credentials) =>
    startFleetJournal({ run, stored: { lease, holders }, lines: [], credentials, append });
  const begin = (more: Partial<Parameters<typeof startJournaling>[0]> = {}) => {
    const written: { type?: string }[] = [];
    const said: string[] = [];
    const write = async (entry: object) => void written.push(entry);
    const given = { runId: run, mode: 'auto', history: undefined, texts: undefined, write } as const;
    const journaling = startJournaling({
      ...{ ...given, credentials: () => rip.credentials, warn: (line: string) => said.push(line) },
      ...more,
    });
    return { ...journaling, written, said };
  };

  test('is sent after a second, sooner with the outcome of a change, and never later because of another line', async () => {
    await withTimers(async (tick) => {
      const { append, asked } = start();
      const journal = open(append);
      journal.add(step('a'));
      await tick(600);
      journal.add(step('b'));
      await tick(399);
      assert.equal(asked.length, 0);
      await tick(1);
      assert.equal(asked.length, 3);
      journal.add(step('c'));
      journal.add(step('d'), true);
      await tick(49);
      assert.equal(asked.length, 3);
      await tick(1);
      assert.equal(asked.length, 6);
      await tick(500);
      journal.add(step('e'));
      await tick(999);
      assert.equal(asked.length, 6, 'the timer of the line before is gone');
      await tick(1);
      assert.equal(asked.length, 9);
      journal.add(step('f'), true);
      journal.add(step('g'));
      await tick(50);
      assert.equal(asked.length, 12);
    });
  });

  test('keeps no process alive for a line that waits, nor once it is closed', async () => {
    const { append } = start();
    const journal = open(append);
    const timers = timersOf();
    journal.add(step('a'));
    assert.equal(timersOf(), timers);
    await journal.close();
    assert.equal(timersOf(), timers);
  });

  test('is closed with its last lines, at the latest after five seconds', async () => {
    await withTimers(async (tick) => {
      const failing = start(away);
      const first = open(failing.append);
      first.add(step('a'));
      await first.close();
      await tick(9999);
      assert.equal(failing.asked.length, 3, 'nothing is sent once it is closed');
      const hanging = open(start(() => new Promise(() => {})).append);
      hanging.add(step('a'));
      let isClosed = false;
      void hanging.close().then(() => {
        isClosed = true;
      });
      await tick(4999);
      assert.equal(isClosed, false);
      await tick(1);
      assert.equal(isClosed, true);
    });
  });

  test('waits for lines that were added while others were sent, and asks a node that failed only once', async () => {
    const gate = Promise.withResolvers<undefined>();
    const slow = start(() => gate.promise);
    const journal = open(slow.append);
    journal.add(step('a'));
    const settled = [journal.settle()];
    journal.add(step('b'));
    settled.push(journal.settle());
    gate.resolve(undefined);
    await Promise.all(settled);
    assert.equal(slow.entries().length, 2);
    const failing = start((node) => (node === 'dev3' ? new Promise(() => {}) : away(node)));
    const other = open(failing.append);
    other.add(step('a'));
    await assert.rejects(other.settle(), {
      message:
        '0 of 3 nodes store the journal, and 2 must before a change: dev1: away; dev2: away; dev3: it has not replied',
      hint: 'correct that, then resume the run',
    });
    assert.equal(failing.asked.length, 3);
    const alone = open(start((node) => (node === 'dev1' ? undefined : someTurns().then(() => away(node)))).append);
    alone.add(step('a'));
    await assert.rejects(alone.settle(), /1 of 3 nodes store .* change: dev2: away; dev3: away$/);
  });

  test('sends a line that is added at the moment when the request before it ends', async () => {
    const first = Promise.withResolvers<Outcome>();
    const asked: number[] = [];
    const reply = (node: string, sequence: number) => ({ ...okReply({ sequence }), node, elapsed: 0 });
    const append: AppendTo = (node, { after: before, lines }) => {
      asked.push(lines.length);
      return asked.length === 1 ? first.promise : Promise.resolve(reply(node, before + lines.length));
    };
    const stored = { lease, holders: ['dev1'] };
    const journal = startFleetJournal({ run, stored, lines: [], credentials: () => rip.credentials, append });
    journal.add(step('a'));
    const settled = [journal.settle()];
    settled.push(
      first.promise.then(() => {
        journal.add(step('b'));
        return journal.settle();
      }),
    );
    first.resolve(reply('dev1', 1));
    await Promise.all(settled);
    assert.deepEqual(asked, [1, 1]);
  });

  test('names its nodes in its first line, and each certificate that signs where it begins', async () => {
    const tom = await fleet.operator('tom@devco.net');
    let own = rip.credentials;
    const { append, entries } = start();
    const journal = open(append, () => own);
    for (const type of ['a', 'b']) journal.add(step(type));
    own = tom.credentials;
    for (const type of ['c', 'd']) journal.add(step(type));
    await journal.settle();
    const has = entries().map((line) => [line.sequence, 'stored' in line, 'chain' in line, line.previous === '']);
    assert.deepEqual(has, [
      [1, true, true, true],
      [2, false, false, false],
      [3, false, true, false],
      [4, false, false, false],
    ]);
  });

  test('begins with what waited for the lease, and records where it is stored and the text of the playbook', async () => {
    const { append, entries, asked } = start();
    const texts = { name: 'p', text: 't', used: {} };
    const { open: lend, note, beforeChange, describe: where, written, close } = begin({ texts });
    assert.equal(await where(), 'journal: on this host alone: the run holds no lease');
    note(change('a'));
    note({ ...change(''), agent: 'lock', action: 'renew', requestId: 'renewal' } as unknown as JournalEntry);
    for (const candidates of [holders, ['dev9']]) lend({ name: lease, candidates, append });
    await beforeChange(change('a'));
    assert.deepEqual(
      entries().map(({ entry }) => entry.step),
      ['a'],
    );
    assert.ok(asked.length > 0 && !asked.includes('dev9 dry'), 'only the first lease counts');
    assert.deepEqual(
      written.map(({ type }) => type),
      ['journal-stored', 'playbook'],
    );
    assert.deepEqual(written[0], { ...written[0], runId: run, lease, holders });
    assert.equal(await where(), 'journal: also on dev1, dev2, dev3, on 2 of them before each change');
    note(change('b'));
    await close();
    assert.equal(entries().length, 2, 'its last line is sent as it is closed');
  });

  test('sends the outcome of a change soon, and other outcomes later', async () => {
    await withTimers(async (tick) => {
      const { append, asked, entries } = start();
      const { open: lend, note, beforeChange } = begin();
      lend({ name: lease, candidates: holders, append });
      await beforeChange(change('a'));
      asked.length = 0;
      note({ ...change('b'), changes: false } as JournalEntry);
      note({ type: 'outcome', requestId: 'b' } as unknown as JournalEntry);
      note({ type: 'say' } as unknown as JournalEntry);
      await tick(50);
      assert.equal(asked.length, 0);
      await tick(950);
      assert.equal(entries().length, 3);
      note(change('c'));
      await tick(50);
      assert.equal(entries().length, 4);
      note({ type: 'outcome', requestId: 'c' } as unknown as JournalEntry);
      await tick(50);
      assert.equal(entries().length, 5);
    });
  });

  test('of a resumed run stays on its nodes, which receive the entries that they lack', async () => {
    const { append, asked, entries } = start();
    const lines = writeLines(rip, ['run-started']);
    const stored = { on: { lease, holders: ['dev1'] }, lines };
    const { open: lend, beforeChange, written } = begin({ history: { stored, backlog: [change('late')] } });
    lend({ name: lease, candidates: ['dev2'], append });
    await beforeChange(change('a'));
    assert.deepEqual([asked, written], [['dev1'], []]);
    assert.deepEqual(
      entries().map(({ sequence, entry }) => [sequence, entry.step]),
      [[2, 'late']],
    );
  });

  test('is awaited before changes alone, and is on this host alone where the configuration says so', async () => {
    const { append, asked } = start();
    const required = begin({ mode: 'required' });
    for (const entry of [{ ...change('a'), changes: false }, change(''), { ...change('a'), type: 'outcome' }]) {
      await required.beforeChange(entry as JournalEntry);
    }
    await assert.rejects(required.beforeChange(change('a')), {
      message: 'no node stores the journal of the run: the run holds no lease',
    });
    required.open({ name: lease, candidates: [], append });
    await assert.rejects(required.beforeChange(change('a')), /: no node of the run runs the agent journal$/);
    assert.deepEqual(required.said, []);
    const local = begin({ mode: 'local' });
    local.note(change('a'));
    local.open({ name: lease, candidates: holders, append });
    await local.beforeChange(change('a'));
    assert.equal(await local.describe(), 'journal: on this host alone, as configured');
    await local.close();
    assert.deepEqual([asked, local.written], [[], []]);
  });

  test('reports why it could not begin, and closes all the same', async () => {
    const broken: AppendTo = async () => {
      throw new Error('it broke');
    };
    const { open: lend, beforeChange, describe: where, close } = begin();
    lend({ name: lease, candidates: holders, append: broken });
    await someTurns();
    await assert.rejects(beforeChange(change('a')), /it broke/);
    assert.equal(await where(), 'journal: on this host alone: it broke');
    await close();
    const refusing = begin({ mode: 'required' });
    const no: AppendTo = async (node) => away(node);
    refusing.open({ name: lease, candidates: ['dev1', 'dev2'], append: no });
    await assert.rejects(refusing.beforeChange(change('a')), /: dev1: away; dev2: away$/);
    assert.deepEqual(refusing.said, [], 'a warning would say the same');
    const lax = begin();
    lax.open({ name: lease, candidates: ['dev1'], append: no });
    await lax.beforeChange(change('a'));
    assert.deepEqual(lax.said, ['warning: no node stores the journal: dev1: away']);
    for (const failing of ['journal-stored', 'playbook']) {
      const write = async (entry: { type?: string }) => assert.notEqual(entry.type, failing, 'the disk is full');
      const full = begin({ write, texts: { name: 'p', text: 't', used: {} } });
      full.open({ name: lease, candidates: holders, append: start().append });
      await assert.rejects(full.beforeChange(change('a')), /the disk is full/, failing);
    }
  });

  test('is closed once it has begun and its lines are stored', async () => {
    const stored: string[] = [];
    const { append } = start(async (node) => {
      await someTurns();
      stored.push(node);
      return undefined;
    });
    const { open: lend, note, close, written } = begin();
    note(change('a'));
    lend({ name: lease, candidates: ['dev1'], append });
    await close();
    assert.deepEqual(stored, ['dev1', 'dev1'], 'it was asked whether it accepts lines, and received one');
    assert.deepEqual(
      written.map(({ type }) => type),
      ['journal-stored'],
    );
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

  test('is called under the lease that the run holds there, and not at all without it', async () => {
    await using fleet = await makeFleet();
    const [rip, dev1, dev2] = await Promise.all([fleet.operator('rip'), fleet.node('dev1'), fleet.node('dev2')]);
    const now = Date.now();
    const seen: unknown[] = [];
    const node = signingNode(dev1, ['journal', 'lock'], {
      answer: ({ fence, deadline, dryRun }) => {
        seen.push([fence, deadline - now, dryRun]);
        return okReply({});
      },
    });
    const session = (heads?: object) => ({
      config: { timeout: 5 },
      caller: { credentials: rip.credentials, trust: fleet.trust, heads },
    });
    const under = (fence?: number, heads?: object) =>
      journalUnder({ name: lease, fenceOf: () => fence }, [node.found, signingNode(dev2, ['lock']).found], run, {
        ...{ session: session(heads) as unknown as Session, catalogue: [journalDdl] },
      });
    const nothing = { after: 0, lines: [], head: '' };
    mock.timers.enable({ apis: ['Date'], now });
    try {
      assert.deepEqual(under().candidates, ['dev1']);
      for (const fence of [7, undefined]) await under(fence).append('dev1', nothing, true);
      const sent = [
        [7, 5000, true],
        [0, 5000, true],
      ];
      assert.deepEqual(seen, sent);
      assert.deepEqual(await under(7).append('dev3', nothing, true), {
        ...{ node: 'dev3', outcome: 'refused', status: 5, code: 'not-leased', hint: '', data: {}, elapsed: 0 },
        message: 'the run does not hold its lease there',
      });
      const heads = { known: () => undefined, distrust: () => new Problem('bad-journal', 'its log has changed') };
      await under(7, heads).append('dev1', nothing, true);
      assert.deepEqual(seen, sent, 'a node whose log cannot be trusted is sent no change');
    } finally {
      mock.timers.reset();
    }
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
