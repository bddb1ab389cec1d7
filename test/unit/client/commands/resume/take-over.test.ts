import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';
import type { Started } from '../../../../../src/client/commands/resume/options.ts';
import { agreeToTakeOver, requireAuthors } from '../../../../../src/client/commands/resume/take-over.ts';
import type { Problem } from '../../../../../src/core/errors.ts';
import type { VerifiedJournal } from '../../../../../src/core/journal/verify.ts';
import type { JournalEntry } from '../../../../../src/playbook/journal/entries.ts';
import { quietContext } from '../../../../support/program/quiet-context.ts';
import { run } from '../../../../support/runs/journal-lines.ts';
import { found, resumed, signed, stamp, started } from '../../../../support/runs/resumed-run.ts';
import { codeOf, codeOfAsync } from '../../../../support/thrown.ts';

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

  test('is asked for the run of another operator, and not for its own run', async () => {
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
