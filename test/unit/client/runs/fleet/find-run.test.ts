import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { journalDdl } from '../../../../../src/agents/journal/ddl.ts';
import { fetchEntries, fetchRun, type JournalLookup } from '../../../../../src/client/runs/fleet/fetch-run.ts';
import {
  adoptRun,
  type FoundRun,
  findRunAnywhere,
  operatorsOf,
} from '../../../../../src/client/runs/fleet/find-run.ts';
import { Problem } from '../../../../../src/core/errors.ts';
import type { JournalLine } from '../../../../../src/core/journal/line.ts';
import { okReply } from '../../../../../src/core/request/reply.ts';
import { journalFile, runsDirectory } from '../../../../../src/library/runs/journal.ts';
import type { JournalEntry } from '../../../../../src/playbook/journal/entries.ts';
import { temporaryDirectory } from '../../../../support/agents/agent-setup.ts';
import { type Fleet, type Member, makeFleet } from '../../../../support/fleet/fleet.ts';
import { signingNode, unwell } from '../../../../support/fleet/signing-node.ts';
import { holders, lease, run, writeLines } from '../../../../support/runs/journal-lines.ts';
import { keeper } from '../../../../support/runs/keeper.ts';

let fleet: Fleet;
let rip: Member;
let nodes: Member[];
let lines: JournalLine[];
before(async () => {
  fleet = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
  nodes = await Promise.all([...holders, 'dev4'].map((name) => fleet.node(name)));
  lines = writeLines(rip, ['run-started', 'call', 'outcome']);
});
after(() => fleet.remove());

type Stored = readonly JournalLine[] | Problem | undefined;

/**
 * A client, and nodes that store these copies of the run's journal: none, or they refuse to give it.
 * @param pageSize lines that a node gives at once
 */
function client(copies: readonly Stored[], { pageSize = 2, mode = 'auto' as 'auto' | 'local', listed = [run] } = {}) {
  const stateDirectory = temporaryDirectory();
  const warnings: string[] = [];
  const found: { identities: readonly string[]; agents: readonly string[] }[] = [];
  const keepers = copies.map((copy, index) => keeper(nodes[index] as Member, () => copy, { pageSize, listed }));
  const session = {
    config: { stateDirectory, concurrency: 8, timeout: 5, journal: mode },
    caller: { credentials: rip.credentials, trust: fleet.trust },
    find: async ({ filter, takesList }: { filter: (typeof found)[number]; takesList: boolean }) => {
      assert.equal(takesList, false, 'a list at stdin is of other nodes');
      found.push(filter);
      return { nodes: keepers.map((one) => one.found) };
    },
  };
  const context = { err: (line: string) => warnings.push(line), signal: new AbortController().signal };
  const look = { session, catalogue: [journalDdl], options: {}, context } as unknown as JournalLookup;
  /** Writes the journal on this host. */
  const keep = (entries: readonly object[]) => {
    mkdirSync(runsDirectory(stateDirectory), { recursive: true });
    writeFileSync(journalFile(stateDirectory, run), entries.map((one) => `${JSON.stringify(one)}\n`).join(''));
  };
  return { look, warnings, found, keepers, keep, stateDirectory };
}

const entriesIn = (some: readonly JournalLine[]) => some.map(({ text }) => JSON.parse(text).entry as JournalEntry);
const stored = { at: 1, type: 'journal-stored', lease, holders };
const options = { lenient: false };

describe('a run whose journal is on nodes alone', () => {
  test('is found by its whole id, from the longest copy, page by page', async () => {
    const { look, found, keepers, warnings } = client([lines.slice(0, 2), lines, undefined]);
    const { entries, isElsewhere, lost, stored: journal } = await findRunAnywhere(run, look, options);
    assert.deepEqual([entries, isElsewhere, lost, warnings], [entriesIn(lines), true, 0, []]);
    assert.equal(journal?.lines.length, 3);
    assert.deepEqual(
      keepers[1]?.calls.map(({ action, input }) => [action, input.run, input.after]),
      [
        ['read', run, 0],
        ['read', run, 2],
      ],
    );
    assert.deepEqual(
      found.map(({ agents, identities }) => [agents, identities]),
      [[['journal'], []]],
    );
  });

  test('is found by the beginning of its id, if that is one run', async () => {
    const { look, keepers } = client([lines, lines]);
    assert.equal((await findRunAnywhere('aaaa', look, options)).run, run);
    assert.deepEqual(keepers[0]?.calls[0]?.input, { limit: 100, prefix: 'aaaa' });
    const two = client([lines], { listed: [run, `${'a'.repeat(31)}b`] });
    await assert.rejects(findRunAnywhere('aaaa', two.look, options), { code: 'usage', message: 'aaaa matches 2 runs' });
    const none = client([new Problem('policy-denied', 'it may not')]);
    await assert.rejects(findRunAnywhere('aaaa', none.look, options), {
      code: 'unknown-run',
      message: 'there is no journal of a run aaaa here, and no node returned one',
      hint: '“mco-deploy runs --fleet” lists the runs that nodes store',
    });
    assert.deepEqual(none.warnings, ['warning: dev1: it may not']);
  });

  test('is found without a copy that is not valid, which is named, and only in enough copies unless few will do', async () => {
    const forged = lines.map(({ text }) => ({ text, signature: 'AAAA' }));
    const { look, warnings } = client([lines, forged, lines]);
    assert.equal((await findRunAnywhere(run, look, options)).entries.length, 3);
    const why = 'the signature of line 1 of the journal is not valid';
    assert.deepEqual(warnings, [`warning: the journal on dev2 is not accepted: ${why}`]);
    const few = client([lines]).look;
    await assert.rejects(fetchRun(run, few), { code: 'journal-incomplete' });
    assert.equal((await fetchRun(run, few, { lenient: true }))?.lines.length, 3);
  });

  test('is unknown if no node has it, whatever they refuse, and each refusal is named', async () => {
    const { look, warnings } = client([undefined, new Problem('policy-denied', 'it may not')]);
    await assert.rejects(findRunAnywhere(run, look, options), {
      code: 'unknown-run',
      message: `there is no journal of a run ${run} here, and no node returned one`,
    });
    assert.deepEqual(warnings, ['warning: dev2: it may not']);
  });

  test('is not continued from the pages of a node that gives no more of them, and names it', async () => {
    const stops = signingNode(nodes[0] as Member, ['journal'], {
      answer: ({ input }) =>
        input.after === 0
          ? okReply({ lines: lines.slice(0, 2), sequence: 3 })
          : unwell('failed', new Problem('disk-error', 'its disk is gone')),
    });
    const { look, warnings } = client([]);
    Object.assign(look.session, { find: async () => ({ nodes: [stops.found] }) });
    await assert.rejects(findRunAnywhere(run, look, { lenient: true }), { code: 'unknown-run' });
    assert.deepEqual([stops.calls.length, warnings], [2, ['warning: dev1: its disk is gone']]);
  });

  test('is not found in a journal that has no end', async () => {
    const { look, warnings } = client([undefined]);
    const endless = signingNode(nodes[0] as Member, ['journal'], {
      answer: () => okReply({ lines: lines.slice(0, 1), sequence: 10_000 }),
    });
    Object.assign(look.session, { find: async () => ({ nodes: [endless.found] }) });
    await assert.rejects(findRunAnywhere(run, look, options), { code: 'unknown-run' });
    assert.deepEqual([endless.calls.length, warnings], [200, ['warning: dev1: its journal does not end']]);
  });

  test('is not continued from a copy with lines that are none, or that ends early', async () => {
    const broken = signingNode(nodes[0] as Member, ['journal'], {
      answer: ({ input }) =>
        okReply(
          input.after === 0
            ? { lines: [lines[0], null, { text: 1, signature: 'x' }, { text: 'x' }], sequence: 9 }
            : { lines: 7 },
        ),
    });
    const { look } = client([]);
    Object.assign(look.session, { find: async () => ({ nodes: [broken.found] }) });
    const { entries } = await findRunAnywhere(run, look, { lenient: true });
    assert.deepEqual(entries, entriesIn(lines.slice(0, 1)));
    await assert.rejects(findRunAnywhere(run, look, options), { code: 'journal-incomplete' });
  });
});

describe('a run whose journal is on this host', () => {
  test('is not looked for on nodes if it names none, unless that is asked for', async () => {
    const { look, found, keep } = client([lines, lines]);
    keep(entriesIn(lines.slice(0, 1)));
    const { run: id, entries, stored: journal } = await findRunAnywhere('aaaa', look, options);
    assert.deepEqual([id, entries.length, journal, found], [run, 1, undefined, []]);
    const always = await findRunAnywhere(run, look, { ...options, always: true });
    assert.deepEqual([always.entries.length, always.isElsewhere, found.length], [3, true, 1]);
  });

  test('is looked for on the nodes that it names', async () => {
    const { look, found, keep } = client([lines, lines, lines]);
    keep([...entriesIn(lines), stored]);
    const { isElsewhere, history } = await findRunAnywhere(run, look, options);
    assert.deepEqual([isElsewhere, history.backlog, found[0]?.identities], [false, [stored], holders]);
  });

  test('is not continued if none of those nodes gives it, except by force', async () => {
    const { look, keep } = client([undefined, undefined]);
    keep([...entriesIn(lines), stored]);
    await assert.rejects(findRunAnywhere(run, look, options), {
      code: 'journal-incomplete',
      message:
        'none of the nodes that store the journal of the run gave it (dev1, dev2, dev3), and another operator may have resumed it since',
      hint: 'use the journal on this host with --force',
    });
    const forced = await findRunAnywhere(run, look, { lenient: true });
    assert.deepEqual([forced.entries.length, forced.isElsewhere, forced.stored], [4, false, undefined]);
  });

  test('is not taken for missing if its id is not clear', async () => {
    const { look, keep, stateDirectory } = client([lines]);
    keep(entriesIn(lines));
    writeFileSync(journalFile(stateDirectory, `${'a'.repeat(31)}b`), '');
    await assert.rejects(findRunAnywhere('aaaa', look, options), { code: 'usage', message: / 2 runs/ });
  });
});

describe('the journal on nodes, once it is to be continued here', () => {
  const adopt = async (changes: Partial<FoundRun>, before?: string) => {
    const stateDirectory = temporaryDirectory();
    const file = journalFile(stateDirectory, run);
    if (before !== undefined) {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, before);
    }
    const found = { run, entries: [{ type: 'run-started' }, { type: 'call' }], isElsewhere: true, lost: 0, ...changes };
    await adoptRun(stateDirectory, found as unknown as FoundRun);
    const directory = runsDirectory(stateDirectory);
    return { directory, read: (name: string) => readFileSync(`${directory}/${name}`, 'utf8'), file };
  };
  const whole = '{"type":"run-started"}\n{"type":"call"}\n';

  test('replaces the file of this host, in a directory that only its owner reads', async () => {
    const { directory, read } = await adopt({});
    assert.equal(read(`${run}.jsonl`), whole);
    assert.equal(statSync(directory).mode & 0o777, 0o700);
    const again = await adopt({}, 'earlier\n');
    assert.deepEqual(readdirSync(again.directory), [`${run}.jsonl`]);
  });

  test('keeps the earlier file beside it if some of its entries are lost', async () => {
    const { directory, read } = await adopt({ lost: 1 }, 'earlier\n');
    assert.equal(read(`${run}.jsonl`), whole);
    const [kept] = readdirSync(directory).filter((name) => name.includes('.before-'));
    assert.equal(read(kept ?? ''), 'earlier\n');
  });

  test('leaves the file of this host if that counts', async () => {
    const { read } = await adopt({ isElsewhere: false, lost: 1 }, 'earlier\n');
    assert.equal(read(`${run}.jsonl`), 'earlier\n');
  });
});

test('the operators of a run are those who started or resumed it, each once, in order', () => {
  const by = (type: string, operator: string) => ({ type, operator }) as unknown as JournalEntry;
  const entries = [by('run-started', 'rip'), by('call', 'x'), by('run-resumed', 'eve'), by('run-resumed', 'rip')];
  assert.deepEqual(operatorsOf(entries), ['rip', 'eve']);
});

test('the entries for display come from the copies that there are; from none if the client keeps its journals to itself', async () => {
  const { look, found } = client([lines]);
  assert.deepEqual(await fetchEntries(run, look), entriesIn(lines), 'one copy of three is enough for that');
  assert.equal(await fetchEntries(run, client([undefined]).look), undefined);
  const own = client([lines], { mode: 'local' });
  assert.equal(await fetchEntries(run, own.look), undefined);
  assert.deepEqual([found.length, own.found.length], [1, 0]);
});
