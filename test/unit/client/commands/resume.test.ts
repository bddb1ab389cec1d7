import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { lockDdl } from '../../../../src/agents/lock/ddl.ts';
import { refuseRunning } from '../../../../src/client/commands/resume/refuse-running.ts';
import { findSame } from '../../../../src/client/commands/resume/same-playbook.ts';
import { agreeToTakeOver, requireAuthors } from '../../../../src/client/commands/resume/take-over.ts';
import type { Started } from '../../../../src/client/commands/resume/options.ts';
import type { JournalLookup } from '../../../../src/client/runs/fleet/fetch-run.ts';
import { readLease } from '../../../../src/client/runs/fleet/await-lapse.ts';
import type { FoundRun } from '../../../../src/client/runs/fleet/find-run.ts';
import { markProcess } from '../../../../src/core/files/process-mark.ts';
import type { Problem } from '../../../../src/core/errors.ts';
import type { VerifiedJournal } from '../../../../src/core/journal/verify.ts';
import { okReply } from '../../../../src/core/request/reply.ts';
import { readPlaybook } from '../../../../src/library/runs/find-playbook.ts';
import { compilePlaybook } from '../../../../src/playbook/compile/load.ts';
import { digestPlaybook } from '../../../../src/playbook/source/digest.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';
import type { JournalEntry } from '../../../../src/playbook/journal/entries.ts';
import { type Fleet, makeFleet, type Member } from '../../../support/fleet/fleet.ts';
import { signingNode } from '../../../support/fleet/signing-node.ts';
import { quietContext } from '../../../support/program/quiet-context.ts';
import { codeOf, codeOfAsync } from '../../../support/thrown.ts';

const run = 'a'.repeat(32);
const stamp = { at: 1, runId: run } as const;
const started = {
  ...stamp,
  type: 'run-started',
  operator: 'rip',
  playbook: 'p',
  inputs: {},
  digest: 'd',
} as unknown as Started;
const resumed = (operator: string): JournalEntry => ({ ...stamp, type: 'run-resumed', operator });

/** A journal on nodes whose lines these operators signed, and name these. */
const signed = (lines: readonly (readonly [author: string, named: string])[], revoked: readonly string[] = []) =>
  ({
    run,
    stored: { lease: 'l', holders: ['dev1'] },
    lines: lines.map(() => ({ text: '', signature: '' })),
    entries: lines.map(([, named], index) => ({ type: index === 0 ? 'run-started' : 'run-resumed', operator: named })),
    authors: lines.map(([author]) => author),
    revoked,
  }) as unknown as VerifiedJournal;

const found = (entries: readonly JournalEntry[], stored?: VerifiedJournal, lost = 0) =>
  ({ run, entries, stored, lost, isElsewhere: false }) as unknown as FoundRun;

describe('who may resume a run', () => {
  test('is, by a file of this host alone, only the operator who resumed it last', () => {
    for (const [entries, self, isAllowed] of [
      [[started], 'rip', true],
      [[started], 'eve', false],
      [[started, resumed('eve')], 'eve', true],
      [[started, resumed('eve')], 'rip', false],
    ] as const) {
      const check = () => requireAuthors(found(entries), started, self, true);
      if (isAllowed) check();
      else assert.equal(codeOf(check), 'other-operator', `${entries.length} ${self}`);
    }
  });

  test('is anyone whose rights suffice, if each line on the nodes is signed by the operator that it names', () => {
    const check = (lines: readonly (readonly [string, string])[], revoked: readonly string[] = [], force = false) =>
      requireAuthors(found([started], signed(lines, revoked)), started, 'tom', force);
    check([['rip', 'rip']]);
    check([
      ['rip', 'rip'],
      ['eve', 'eve'],
    ]);
    for (const lines of [
      [['eve', 'rip']],
      [
        ['rip', 'rip'],
        ['rip', 'eve'],
      ],
      [
        ['rip', 'rip'],
        ['eve', 'rip'],
      ],
    ] as readonly (readonly (readonly [string, string])[])[]) {
      assert.equal(
        codeOf(() => check(lines, [], true)),
        'bad-journal',
        JSON.stringify(lines),
      );
    }
    const both = [
      ['rip', 'rip'],
      ['rip', 'eve'],
    ] as const;
    assert.throws(() => check(both), {
      message: 'line 2 of the journal is signed by rip and says that eve wrote it',
    });
    const { entries, ...rest } = signed([['rip', 'rip']]);
    const more = { ...rest, entries: [...entries, { ...stamp, type: 'call' }], authors: ['rip', 'rip'] };
    requireAuthors(found([started], more as unknown as VerifiedJournal), started, 'tom', false);
    assert.equal(
      codeOf(() => check([['rip', 'rip']], ['rip'])),
      'author-revoked',
    );
    check([['rip', 'rip']], ['rip'], true);
  });

  test('is asked for the run of another operator, and not for a run of its own', async () => {
    for (const [what, stored, options, code] of [
      ['its own', signed([['rip', 'rip']]), {}, undefined],
      ['of another', signed([['eve', 'eve']]), {}, 'no-terminal'],
      [
        'continued by another',
        signed([
          ['rip', 'rip'],
          ['eve', 'eve'],
        ]),
        {},
        'no-terminal',
      ],
      ['of another, with --yes', signed([['eve', 'eve']]), { yes: true }, undefined],
      ['on this host alone', undefined, {}, undefined],
    ] as const) {
      const { context, err } = quietContext();
      const stdin = { isTTY: false } as NodeJS.ReadStream;
      const agreed = agreeToTakeOver(found([started], stored, 1), started, 'rip', options as never, {
        ...context,
        stdin,
      });
      if (code === undefined) await agreed;
      else assert.equal(await codeOfAsync(() => agreed), code, what);
      assert.match(err[0] ?? '', /1 entry of the journal on this host never reached the nodes/, what);
    }
  });
});

describe('the question before the run of another operator is taken over', () => {
  const stored = signed([
    ['eve', 'eve'],
    ['rip', 'rip'],
    ['eve', 'eve'],
  ]);
  const begun = { ...started, operator: 'eve', digest: 'd'.repeat(20), inputs: { rev: 20, to: 'x' } } as Started;
  const take = async (
    entries: readonly JournalEntry[],
    { yes = false, stdin = {} as object, signal = new AbortController().signal, self = 'rip' } = {},
  ) => {
    const { context, err } = quietContext();
    const given = { ...context, signal, stdin: stdin as NodeJS.ReadStream };
    const code = await agreeToTakeOver(found(entries, stored), begun, self, { yes }, given).then(
      () => '',
      (problem: Problem) => problem.code,
    );
    return { code, err };
  };

  test('shows who started it and where, who wrote its journal, and with which rights it continues', async () => {
    const entry = (type: string, host: string) => ({ ...stamp, type, host, at: 86_400_000 }) as unknown as JournalEntry;
    const lines = (host: string, at: string) => [
      `run ${run}: p rev=20 to=x`,
      `  started by eve on ${host}; playbook ${'d'.repeat(16)}`,
      `  journal: 3 lines by eve, rip; every signature is valid; stored on dev1; last entry 1970-01-${at}`,
      '  it continues as rip, with the rights of rip alone',
    ];
    const from = [begun, entry('process', 'laptop'), entry('process', 'desk')];
    assert.deepEqual(await take(from, { yes: true }), { code: '', err: lines('laptop', '02T00:00:00.000Z') });
    const unknown = await take([entry('call', 'laptop'), begun], { yes: true });
    assert.deepEqual(unknown.err, lines('an unknown host', '01T00:00:00.001Z'));
  });

  test('is not asked without a terminal, and the other operators are named', async () => {
    const { context } = quietContext();
    const stdin = { isTTY: false } as NodeJS.ReadStream;
    await assert.rejects(agreeToTakeOver(found([begun], stored), begun, 'rip', {}, { ...context, stdin }), {
      code: 'no-terminal',
      message: 'the run was started by eve, and there is no terminal to ask on',
      hint: 'to take it over, add --yes',
    });
  });

  test('is answered by a person: only a yes takes it over', async () => {
    const answer = (text: string) => Object.assign(new PassThrough(), { isTTY: true }).end(`${text}\n`);
    assert.equal((await take([begun], { stdin: answer('y') })).code, '');
    assert.equal((await take([begun], { stdin: answer('n') })).code, 'not-agreed');
    const cut = { stdin: { isTTY: true }, signal: AbortSignal.abort() };
    assert.equal((await take([begun], cut)).code, 'not-agreed');
  });
});

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

describe('the playbook of a run that another host started', () => {
  const text = 'name: talk\nsteps:\n  - {id: one, say: hello}\n';
  const others = text.replace('hello', 'farewell');
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'same.yaml'), text);
  writeFileSync(join(directory, 'other.yaml'), others);
  const find = async (
    playbook?: string,
    { isElsewhere = true, host = '', file = 'gone.yaml', origin = '', stored = text } = {},
  ) => {
    const digest = digestPlaybook(compilePlaybook(await readPlaybook(join(directory, 'same.yaml')), []));
    const tree = { name: 'say.yaml', text: stored, used: {} };
    const process = { ...stamp, type: 'process', host } as unknown as JournalEntry;
    const entries = [
      ...(host === '' ? [] : [process]),
      ...(stored === '' ? [] : [{ ...stamp, type: 'playbook', tree }]),
    ];
    const journal = { ...found(entries as JournalEntry[]), isElsewhere };
    const from = origin === '' ? {} : { origin: join(directory, origin) };
    const begun = { ...started, ...from, file: join(directory, file), digest };
    const look = { session: {}, catalogue: [], options: { playbook }, context: {} };
    return (await findSame(journal, begun, look as unknown as Parameters<typeof findSame>[2])).playbook.name;
  };

  test('comes from its journal if its file is not here, and only from the file that --playbook names', async () => {
    assert.equal(await find(), 'talk');
    assert.equal(await find(join(directory, 'same.yaml')), 'talk');
    await assert.rejects(find(join(directory, 'other.yaml')), {
      code: 'playbook-changed',
      message: /other\.yaml has changed since the run started/,
    });
  });

  test('is not read from the journal of a run of this host, and its file must not have changed', async () => {
    assert.equal(await find(undefined, { isElsewhere: false, file: 'same.yaml' }), 'talk');
    assert.equal(await find(undefined, { isElsewhere: false, origin: 'same.yaml' }), 'talk');
    assert.equal(await find(undefined, { isElsewhere: false, host: `not-${hostname()}` }), 'talk');
    for (const host of ['', hostname()]) {
      await assert.rejects(find(undefined, { isElsewhere: false, host }), {
        message: /gone\.yaml/,
        hint: /^(?!name the playbook of the run)/,
      });
      await assert.rejects(find(undefined, { isElsewhere: false, host, file: 'other.yaml' }), {
        code: 'playbook-changed',
        hint: 'restore the old one, or start a new run: it does not repeat what is done',
      });
    }
    assert.equal(await find(undefined, { file: 'other.yaml' }), 'talk', 'that of the journal is the same');
  });

  test('is to be named if neither its file nor its journal has it', async () => {
    for (const stored of ['', others]) {
      await assert.rejects(find(undefined, { stored }), {
        message: /gone\.yaml/,
        hint: 'name the playbook of the run with --playbook FILE',
      });
      await assert.rejects(find(undefined, { stored, file: 'other.yaml' }), { code: 'playbook-changed' });
    }
    await assert.rejects(find(join(directory, 'gone.yaml')), {
      hint: 'name the playbook of the run with --playbook FILE',
    });
  });
});
