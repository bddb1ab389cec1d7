import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { CommanderError } from 'commander';
import { exitCode } from '../../../../src/client/cli/context.ts';
import { endingOf } from '../../../../src/client/cli/exit/ending.ts';
import { exitFor } from '../../../../src/client/cli/exit/exit-codes.ts';
import { exitForRun } from '../../../../src/client/cli/exit/run-exit-code.ts';
import { countStates, exitCodeOf, findingOf, sortFindings } from '../../../../src/client/commands/nrpe/findings.ts';
import { exitForHosts } from '../../../../src/client/install/hosts.ts';
import { Problem } from '../../../../src/core/errors.ts';
import { problemCodes } from '../../../../src/core/problems/index.ts';
import type { Outcome } from '../../../../src/core/request/reply.ts';
import type { RunReport } from '../../../../src/playbook/events/events.ts';
import { quietContext } from '../../../support/program/quiet-context.ts';

type Kind = Outcome['outcome'];
const outcomesOf = (kinds: string) =>
  kinds
    .split(' ')
    .filter((kind) => kind !== '')
    .map((kind) => ({ outcome: kind as Kind }));

/** Outcomes, nodes that are broken, nodes that are silent; the code, and why. */
const commands: readonly [outcomes: string, broken: number, silent: number, code: number][] = [
  ['', 0, 0, exitCode.nothingDiscovered],
  ['ok', 0, 0, exitCode.ok],
  ['ok ok', 0, 0, exitCode.ok],
  // Every reply was a refusal, and nobody is missing.
  ['refused', 0, 0, exitCode.allRefused],
  ['refused refused', 0, 0, exitCode.allRefused],
  ['refused refused', 0, 1, exitCode.someFailed],
  ['refused refused', 1, 0, exitCode.someFailed],
  ['refused refused', 1, 1, exitCode.someFailed],
  ['refused ok', 0, 0, exitCode.someFailed],
  ['refused failed', 0, 0, exitCode.someFailed],
  ['refused no-response', 0, 0, exitCode.someFailed],
  ['refused cancelled', 0, 0, exitCode.someFailed],
  // Somebody is there, and nobody replied.
  ['no-response', 0, 0, exitCode.nobodyReplied],
  ['no-response no-response', 0, 0, exitCode.nobodyReplied],
  ['', 0, 1, exitCode.nobodyReplied],
  ['', 1, 0, exitCode.nobodyReplied],
  ['no-response', 1, 1, exitCode.nobodyReplied],
  // Interrupted before anybody had replied, and after all who did had done well.
  ['cancelled', 0, 0, exitCode.interrupted],
  ['cancelled no-response', 0, 0, exitCode.interrupted],
  ['cancelled', 1, 0, exitCode.interrupted],
  ['ok cancelled', 0, 0, exitCode.interrupted],
  ['ok cancelled no-response', 0, 1, exitCode.interrupted],
  // A failure comes before what is silent or interrupted.
  ['failed', 0, 0, exitCode.someFailed],
  ['ok failed', 0, 0, exitCode.someFailed],
  ['failed failed', 0, 0, exitCode.someFailed],
  ['failed cancelled', 0, 0, exitCode.someFailed],
  ['failed no-response', 0, 0, exitCode.someFailed],
  ['failed', 0, 1, exitCode.someFailed],
  ['ok', 1, 0, exitCode.someFailed],
  ['ok no-response', 1, 0, exitCode.someFailed],
  ['ok cancelled', 1, 0, exitCode.someFailed],
  // The code is never 0 with one silent node among good ones.
  ['ok no-response', 0, 0, exitCode.someSilent],
  ['ok', 0, 1, exitCode.someSilent],
  ['ok ok no-response', 0, 1, exitCode.someSilent],
];

describe('the exit code of a command over nodes', () => {
  for (const [outcomes, broken, silent, code] of commands) {
    test(`is ${code} for ${outcomes || 'no outcome'}, ${broken} broken, ${silent} silent`, () => {
      assert.equal(exitFor({ outcomes: outcomesOf(outcomes), broken, silent }), code);
    });
  }

  test('is 0 only when every outcome is ok and nobody is missing', () => {
    const kinds: readonly Kind[] = ['ok', 'failed', 'refused', 'cancelled', 'no-response'];
    let tried = 0;
    for (const first of kinds)
      for (const second of kinds)
        for (const broken of [0, 1])
          for (const silent of [0, 1]) {
            const good = first === 'ok' && second === 'ok' && broken + silent === 0;
            const code = exitFor({ outcomes: [{ outcome: first }, { outcome: second }], broken, silent });
            assert.equal(code === exitCode.ok, good, `${first} ${second} ${broken} ${silent}`);
            tried++;
          }
    assert.equal(tried, 100);
  });
});

/** The state of a run, the codes of the reasons of its failure, the outcomes of its calls; the exit code. */
const runs: readonly [state: RunReport['state'], reasons: string, outcomes: string, code: number][] = [
  ['done', '', 'ok', exitCode.ok],
  // Failures that a run allows do not count: it succeeded.
  ['done', '', 'ok failed no-response', exitCode.ok],
  ['nothing-to-do', '', '', exitCode.ok],
  ['interrupted', '', 'ok', exitCode.interrupted],
  ['interrupted', 'no-response', 'no-response', exitCode.interrupted],
  ['failed', 'empty-set', '', exitCode.nothingDiscovered],
  ['failed', 'no-nodes-given', '', exitCode.nothingDiscovered],
  ['failed', 'policy-denied', 'refused refused', exitCode.allRefused],
  ['failed', 'no-response', 'no-response', exitCode.nobodyReplied],
  ['failed', 'no-response', 'ok no-response', exitCode.someSilent],
  ['failed', 'silent', '', exitCode.someSilent],
  ['failed', 'silent no-response', 'ok no-response', exitCode.someSilent],
  ['failed', 'no-response broken', 'failed no-response', exitCode.someFailed],
  ['failed', 'broken', 'ok failed', exitCode.someFailed],
  // A run that failed is never 0, whatever single replies were.
  ['failed', 'assertion', 'ok ok', exitCode.someFailed],
  ['failed', '', '', exitCode.someFailed],
  ['failed', 'policy-denied', 'ok refused', exitCode.someFailed],
];

describe('the exit code of a run', () => {
  for (const [state, reasons, outcomes, code] of runs) {
    test(`is ${code} for ${state}, reasons: ${reasons || 'none'}, outcomes: ${outcomes || 'none'}`, () => {
      const list = reasons.split(' ').filter((one) => one !== '');
      const failure = { reasons: list.map((one) => ({ node: 'dev1', code: one, reason: one })) };
      const report = { state, ...(list.length === 0 ? {} : { failure }) } as unknown as RunReport;
      assert.equal(exitForRun(report, { outcomes: outcomesOf(outcomes) }), code);
    });
  }

  test('is that of the problem if the run never began, and of a failure if it had called nodes', () => {
    const report = (step: string, ...codes: string[]) =>
      ({ state: 'failed', failure: { step, reasons: codes.map((code) => ({ code })) } }) as unknown as RunReport;
    const exit = (given: RunReport, outcomes = '') => exitForRun(given, { outcomes: outcomesOf(outcomes) });
    for (const [code, expected] of [
      ['source-failed', 69],
      ['journal-failed', 74],
      ['lease-held', 75],
      ['no-lease', 2],
      ['bad-facts', 2],
    ] as const) {
      assert.equal(exit(report('', code)), expected, code);
      assert.equal(exit(report('', code), 'ok'), 2, code);
      assert.equal(exit(report('update', code)), 2, code);
    }
    assert.equal(exit(report('', 'lease-held', 'bad-facts')), 2);
  });

  test('is that of a failure if the run lost its lease, not that of an interruption by a person', () => {
    const report = { state: 'interrupted' } as unknown as RunReport;
    assert.equal(exitForRun(report, { outcomes: outcomesOf('ok'), leaseLost: true }), exitCode.someFailed);
    assert.equal(exitForRun(report, { outcomes: outcomesOf('ok'), leaseLost: false }), exitCode.interrupted);
  });
});

describe('the exit code of a command that was interrupted or crashed', () => {
  const aborted = AbortSignal.abort();
  const abort = Object.assign(new Error('aborted'), { name: 'AbortError' });
  const unwritable = (code: string) =>
    new Problem('unwritable-file', 'x', '', { cause: Object.assign(new Error('x'), { code }) });
  for (const [what, thrown, more, code] of [
    ['a word that the program does not know', new CommanderError(1, 'x', 'error: unknown option'), {}, 64],
    ['--help', new CommanderError(0, 'commander.help', ''), {}, 0],
    ['a problem that the operator can solve', new Problem('bad-configuration', 'no'), {}, 64],
    ['an internal problem', new Problem('internal', 'a bug'), {}, 70],
    ['any other error', new TypeError('a bug'), {}, 70],
    ['a value that is not an error', 'a bug', {}, 70],
    [
      'a file that cannot be read',
      Object.assign(new Error('x'), { code: 'EACCES', syscall: 'open', path: '/x' }),
      {},
      64,
    ],
    ['a full disk', Object.assign(new Error('x'), { code: 'ENOSPC', syscall: 'write' }), {}, 74],
    ['a disk that cannot be read', Object.assign(new Error('x'), { code: 'EIO', syscall: 'read', path: '/x' }), {}, 74],
    ['a path where no file can be', unwritable('ENOENT'), {}, 64],
    ['a directory instead of a file', unwritable('EISDIR'), {}, 64],
    ['a file that may not be written', unwritable('EACCES'), {}, 74],
    ['a journal that cannot be written', new Problem('journal-failed', 'x'), {}, 74],
    [
      'a file that a command explains itself',
      new Problem('bad-ca', 'x', '', { cause: Object.assign(new Error('x'), { code: 'EMFILE' }) }),
      {},
      74,
    ],
    ['an abort that nobody asked for', abort, {}, 70],
    ['an abort after Ctrl-C', abort, { signal: aborted }, 130],
    ['the meaning of the signal, thrown as it is', 'Ctrl-C', { signal: AbortSignal.abort('Ctrl-C') }, 130],
    ['another value after Ctrl-C', 'a bug', { signal: AbortSignal.abort('Ctrl-C') }, 70],
    ['a call that was cancelled after Ctrl-C', new Problem('cancelled', 'x'), { signal: aborted }, 130],
    ['an abort without an error after Ctrl-C', { name: 'AbortError' }, { signal: aborted }, 70],
    ['a problem of another kind that says “cancelled”', { code: 'cancelled' }, { signal: aborted }, 70],
    ['a problem of its own after Ctrl-C', new Problem('bad-configuration', 'no'), { signal: aborted }, 64],
    ['anything after the second Ctrl-C', new TypeError('a bug'), { kill: aborted }, 130],
  ] as const) {
    test(`is ${code} for ${what}`, () => {
      const { context } = quietContext({ HOME: '/nowhere' });
      const ending = endingOf(thrown, { ...context, ...more });
      assert.equal(ending.code, code);
      assert.equal(ending.problem === undefined, code === 0);
    });
  }
});

/** The exit codes of problems that end a command, but for 64. */
const byProblem: Readonly<Record<number, string>> = {
  1: 'empty-source no-nodes-given no-such-service nothing-found',
  69: 'handshake-failed journal-incomplete no-answer no-helper no-multicast no-relay no-response not-serving source-failed ssh-failed unknown-target unreachable unreachable-dns',
  70: 'internal',
  74: 'journal-failed unwritable-cache unwritable-file',
  75: 'busy ca-busy changed-meanwhile lease-held rate-limited run-in-progress too-many-jobs',
  77: 'policy-denied',
  130: 'cancelled not-agreed not-confirmed',
};

describe('the exit code of a command that ends with a problem', () => {
  test('is 64 for each problem code that the same command meets again, and its own for all others', () => {
    const { context } = quietContext({ HOME: '/nowhere' });
    const exitOf = (code: string) => endingOf(new Problem(code as Problem['code'], 'x'), context).code;
    const others = problemCodes()
      .sort()
      .filter((code) => exitOf(code) !== exitCode.usage);
    const found = Object.groupBy(others, exitOf);
    const shown = Object.fromEntries(Object.entries(found).map(([exit, codes = []]) => [exit, codes.join(' ')]));
    assert.deepEqual(shown, byProblem);
  });

  test('is in the table of docs/commands.md', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../../docs/commands.md'), 'utf8');
    const listed = new Set([...page.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code)));
    assert.deepEqual(
      Object.values(exitCode).filter((code) => !listed.has(code)),
      [],
    );
  });
});

describe('an internal error', () => {
  test('is one line that names it and the next step, without its stack', () => {
    const { context } = quietContext({ HOME: '/nowhere' });
    const hint = 'please report it (MCO_DEPLOY_DEBUG=1 shows more)';
    for (const [thrown, message] of [
      [new TypeError('a bug\nwith more lines'), 'TypeError: a bug'],
      ['a bug', 'a bug'],
      [undefined, 'undefined'],
    ] as const) {
      const { problem, line } = endingOf(thrown, context);
      assert.deepEqual(problem, { code: 'internal', message, hint });
      assert.equal(line, `mco-deploy: internal error: ${message}: ${hint}`);
    }
  });
});

describe('the exit code of other commands', () => {
  test('is for a check that of its worst state: CRITICAL, WARNING, UNKNOWN, OK', () => {
    for (const [states, code] of [
      [['OK'], 0],
      [['OK', 'UNKNOWN'], 3],
      [['OK', 'UNKNOWN', 'WARNING'], 1],
      [['WARNING', 'CRITICAL', 'UNKNOWN', 'OK'], 2],
      [[], 3],
    ] as const) {
      assert.equal(exitCodeOf(states), code, states.join());
    }
  });

  test('is for hosts 0 when everything is done on all of them, 2 when one has a problem or keeps changes by others', () => {
    const target = { node: 'dev1' } as never;
    const good = { target, result: { state: 'installed' } };
    const bad = { target, problem: new Problem('unreachable', 'x') };
    const { context } = quietContext({ HOME: '/nowhere' });
    assert.equal(exitForHosts([good, good], context), 0);
    assert.equal(exitForHosts([good, bad], context), 2);
    assert.equal(exitForHosts([good, { target, result: { state: 'incomplete' } }], context), 2);
    assert.equal(exitForHosts([good], { ...context, signal: AbortSignal.abort() }), 130);
  });
});

describe('the results of a check, which decide on the code', () => {
  const replyOf = (node: string, data: object, kind: Kind = 'ok') =>
    ({ node, outcome: kind, message: 'the reason', data }) as unknown as Outcome;
  const found = (...checks: readonly (readonly [node: string, exitcode: unknown])[]) =>
    checks.map(([node, exitcode]) => findingOf(replyOf(node, { exitcode })));

  test('are what the plugin printed, and UNKNOWN with the reason if the node did not run it', () => {
    const data = { exitcode: 2, output: 'load 9', perfdata: 'load=9' };
    const [node, outcome] = ['dev1', 'ok'];
    assert.deepEqual(findingOf(replyOf(node, data)), {
      ...{ node, outcome, state: 'CRITICAL', output: 'load 9', perfdata: 'load=9' },
    });
    assert.deepEqual(findingOf(replyOf(node, { exitcode: 0 })), {
      ...{ node, outcome, state: 'OK', output: '', perfdata: '' },
    });
    for (const kind of ['failed', 'refused', 'no-response'] as const) {
      assert.deepEqual(findingOf(replyOf(node, data, kind)), {
        ...{ node, outcome: kind, state: 'UNKNOWN', output: 'the reason', perfdata: '' },
      });
    }
  });

  test('are sorted with the worst first, then by the name of the node', () => {
    const all = found(['c', 0], ['b', 3], ['e', 1], ['d', 2], ['a', 0], ['f', 2]);
    const sorted = ['d', 'f', 'e', 'b', 'a', 'c'];
    for (const some of [all, all.toReversed()]) {
      assert.deepEqual(
        sortFindings(some).map(({ node }) => node),
        sorted,
      );
    }
    assert.equal(all[0]?.node, 'c', 'the given list stays');
  });

  test('are counted by their state, without those that none has', () => {
    assert.deepEqual(countStates(found(['a', 0], ['b', 0], ['c', 2])), { OK: 2, CRITICAL: 1 });
    assert.deepEqual(countStates([]), {});
  });
});
