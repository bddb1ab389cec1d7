import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { NodeFailure, RunEvent, RunReport, StepReport } from '../../../../src/playbook/events/events.ts';
import { type Detail, formatEnd, formatEvent } from '../../../../src/playbook/events/format.ts';
import { formatJsonEvent } from '../../../../src/playbook/events/json.ts';
import type { RunState } from '../../../../src/playbook/events/run-state.ts';
import {
  describeDifference,
  describeFailure,
  describeOut,
  describeSuccess,
} from '../../../../src/playbook/events/summary.ts';

const failure = (node: string, reason = 'is broken', code = 'broken'): NodeFailure => ({ node, reason, code });

const step = (changes: Partial<StepReport> = {}): StepReport => ({
  ...{ id: 'go', name: 'Change it', internal: false, title: 'x#y', kind: 'call', afterFailure: false, state: 'done' },
  ...{ ok: ['a', 'b'], failed: [], untouched: [], tries: 1, elapsed: 1.6, lines: [], dryRun: false },
  ...changes,
});
const nothing: RunState = { changes: [], out: [], serving: [], untouched: [], changed: false };
const report = (changes: Partial<RunReport> = {}): RunReport => ({
  ...{ runId: 'r1', playbook: 'upgrade', label: 'bravo', dryRun: false, state: 'done', steps: [], elapsed: 1340 },
  ...{ result: nothing },
  ...changes,
});

describe('the line of a step that calls', () => {
  const of = (changes: Partial<StepReport>, detail: Detail = 'full') =>
    formatEvent({ type: 'step-finished', label: 'bravo', report: step(changes) }, detail);

  const cases: [string, Partial<StepReport>, readonly string[]][] = [
    ['all did it', {}, ['[bravo] go: x#y executed successfully on 2 nodes after 1 try']],
    [
      'in a dry run',
      { dryRun: true },
      ['[bravo] go: x#y executed successfully on 2 nodes after 1 try, without changing anything'],
    ],
    ['after more tries', { tries: 3, ok: ['a'] }, ['[bravo] go: x#y executed successfully on 1 node after 3 tries']],
    ['done before', { tries: 0 }, ['[bravo] go: x#y was done before on 2 nodes']],
    [
      'with a failure that it may have',
      { failed: [failure('c')] },
      ['[bravo] go: x#y executed successfully on 2 nodes after 1 try', '  c: is broken (broken)'],
    ],
    [
      'failed on some',
      { state: 'failed', failed: [failure('c'), failure('d', 'no')], untouched: ['e'], tries: 2 },
      [
        '[bravo] go: x#y failed on 2 of 5 nodes after 2 tries',
        '  c: is broken (broken)',
        '  d: no (broken)',
        '  never called: e',
      ],
    ],
    [
      'interrupted',
      { state: 'interrupted', ok: ['a'], untouched: ['b', 'c'] },
      ['[bravo] go: x#y was interrupted, done on 1 of 3 nodes after 1 try', '  never called: b, c'],
    ],
    [
      'failed before any call',
      { state: 'failed', ok: [], failed: [failure('', 'bad value')], tries: 0 },
      ['[bravo] go: x#y failed', '  bad value'],
    ],
    ['called nobody', { ok: [], tries: 0 }, []],
    ['skipped', { state: 'skipped' }, []],
    ['never started', { state: 'not-run' }, []],
    [
      'with its output',
      { lines: ['one', 'two\u001b[2J'] },
      ['[bravo] go: x#y executed successfully on 2 nodes after 1 try', '[bravo] go: one', '[bravo] go: two [2J'],
    ],
  ];
  for (const [title, changes, lines] of cases) {
    test(`says how it ended: ${title}`, () => assert.deepEqual(of(changes), lines));
  }

  test('is short: under its name, without what is internal, and with one line if the run ends there', () => {
    const failed = { state: 'failed', failed: [failure('c')] } as const;
    assert.deepEqual(of({}, 'short'), ['[bravo] Change it: x#y executed successfully on 2 nodes after 1 try']);
    assert.deepEqual(of({ internal: true }, 'short'), []);
    assert.deepEqual(of({ dryRun: true }, 'short'), []);
    assert.deepEqual(of({}, 'difference'), []);
    assert.equal(of({ internal: true }).length, 1, 'but not with -v');
    assert.deepEqual(of({ ...failed, internal: true }, 'short'), [
      '[bravo] Change it: x#y failed on 1 of 3 nodes after 1 try',
    ]);
    assert.deepEqual(of(failed, 'difference').length, 1);
    assert.equal(of({ ...failed, afterFailure: true }, 'short').length, 2, 'its reason appears nowhere else');
  });

  test('has the reason of another step that failed, unless the run ends with it', () => {
    const changes = { kind: 'require', state: 'failed', failed: [failure('', 'too few')], lines: ['seen'] } as const;
    assert.deepEqual(of(changes), ['[bravo] go: seen', '[bravo] go: failed: too few']);
    assert.deepEqual(of(changes, 'short'), ['[bravo] Change it: seen']);
    assert.deepEqual(of({ ...changes, afterFailure: true }, 'short').at(-1), '[bravo] Change it: failed: too few');
    assert.deepEqual(of({ kind: 'say', lines: ['x'.repeat(501)] }), [`[bravo] go: ${'x'.repeat(500)}…`]);
  });
});

describe('the lines of a dry run', () => {
  test('show the batches of each call, and only with -v', () => {
    const event = (batches: string[][], dryRun = true): RunEvent => ({
      type: 'step-planned',
      step: 'go',
      label: 'bravo',
      title: 'x#y',
      dryRun,
      batches,
    });
    assert.deepEqual(formatEvent(event([['a', 'b'], ['c']])), ['[bravo] go: x#y on 3 nodes in 2 batches: a, b | c']);
    assert.deepEqual(formatEvent(event([['a']])), ['[bravo] go: x#y on 1 node: a']);
    assert.deepEqual([formatEvent(event([['a']], false)), formatEvent(event([['a']]), 'short')], [[], []]);
  });

  test('show which calls would be refused', () => {
    const event = (denied: NodeFailure[], unsure: NodeFailure[] = []): RunEvent => ({
      type: 'rights-checked',
      label: 'bravo',
      asked: 3,
      denied,
      unsure,
    });
    assert.deepEqual(formatEvent(event([])), [
      '[bravo] rights: 3 nodes asked: you may call everything that the run needs',
    ]);
    assert.deepEqual(formatEvent(event([]), 'short'), []);
    assert.deepEqual(formatEvent(event([], [failure('a')]), 'short'), [
      '[bravo] rights: 3 nodes asked: none is certain to refuse',
      '  a: is broken (broken)',
    ]);
    assert.match(formatEvent(event([failure('a')]), 'short')[0] ?? '', /: not all of it is allowed$/);
    const many = formatEvent(
      event(
        [],
        Array.from({ length: 21 }, (_, n) => failure(`n${n}`)),
      ),
    );
    assert.deepEqual([many.length, many.at(-1)], [22, '  and 1 more']);
    assert.equal(
      formatEvent(
        event(
          [],
          Array.from({ length: 20 }, (_, n) => failure(`n${n}`)),
        ),
      ).length,
      21,
    );
  });

  test('name the nodes of a set that are missing', () => {
    assert.deepEqual(formatEvent({ type: 'nodes-missing', set: 'web', nodes: [failure('a', 'silent')] }, 'short'), [
      'web: a: silent',
    ]);
  });

  test('end with the difference', () => {
    const result = { ...nothing, changes: [{ node: 'a', before: '10', after: '20' }] };
    assert.deepEqual(formatEnd(report({ dryRun: true, result })), [
      'a: 10 → 20',
      'Nothing was changed: dry run of upgrade for bravo finished in 1.34 seconds',
    ]);
  });
});

describe('the end of a run', () => {
  test('is one line, or the way to continue', () => {
    assert.deepEqual(formatEnd(report()), ['Finished upgrade for bravo in 1.34 seconds']);
    assert.deepEqual(formatEnd(report({ state: 'nothing-to-do' })), [
      'Finished upgrade for bravo in 1.34 seconds: nothing was changed',
    ]);
    const failed = report({
      state: 'failed',
      failure: { step: 'go', reasons: [failure('a')] },
      next: 'to continue: x',
    });
    assert.deepEqual(formatEnd(failed), [
      'Failed in go: upgrade for bravo in 1.34 seconds',
      '  failed: go',
      '  on a: is broken (broken)',
      '  nothing was changed',
      'to continue: x',
    ]);
    const early = report({ state: 'failed', failure: { step: '', reasons: [failure('', 'no nodes', '')] } });
    assert.deepEqual(formatEnd(early).slice(0, 2), ['Failed: upgrade for bravo in 1.34 seconds', '  reason: no nodes']);
    const stopped = report({
      state: 'interrupted',
      interruption: 'Ctrl-C',
      result: { ...nothing, changed: true, untouched: ['b'] },
    });
    assert.deepEqual(formatEnd(stopped), [
      'Interrupted: upgrade for bravo in 1.34 seconds',
      '  interrupted by: Ctrl-C',
      '  out of traffic: none',
      '  untouched: b',
    ]);
  });

  test('lists the steps with -v, but those after a failure', () => {
    const states = ['done', 'failed', 'interrupted', 'not-run', 'skipped'] as const;
    const steps = [...states.map((state) => step({ id: state, state })), step({ id: 'repair', afterFailure: true })];
    const lines = formatEnd(report({ state: 'failed', steps }), 'full');
    assert.deepEqual(lines.slice(1, 5), [
      '  done: done',
      '  failed: failed',
      '  interrupted: interrupted',
      '  never started: not-run',
    ]);
    assert.equal(
      formatEnd(report({ state: 'failed', steps })).some((line) => line.includes('never started')),
      false,
    );
  });
});

describe('the summary of a run', () => {
  const out = (server: string, balancers = ['lb1', 'lb2'], backend = 'app') => ({
    backend,
    server,
    balancers,
    stay: undefined,
  });

  test('names what failed within a step, each reason once with its nodes', () => {
    const b = failure('b', 'no reply now');
    const reasons = [failure('a', 'no  reply\nnow'), b, b, failure('c', 'other', '')];
    const cause = { name: 'Upgrade', title: 'appmgr#upgrade', reasons };
    assert.deepEqual(describeFailure(report({ failure: { step: 'roll', reasons: [], cause } })).slice(0, 3), [
      '  failed: Upgrade (appmgr#upgrade)',
      '  on a, b: no reply now (broken)',
      '  on c: other',
    ]);
    const same = { ...cause, title: 'Upgrade' };
    assert.equal(
      describeFailure(report({ failure: { step: 'roll', reasons: [], cause: same } }))[0],
      '  failed: Upgrade',
    );
    const many = Array.from({ length: 21 }, (_, n) => failure(`n${n}`));
    assert.match(
      describeFailure(report({ failure: { step: 'go', reasons: many } }))[1] ?? '',
      /n19 and 1 more: is broken/,
    );
    assert.doesNotMatch(describeFailure(report({ failure: { step: 'go', reasons: many.slice(1) } }))[1] ?? '', /more/);
  });

  test('names what is out of traffic, by backend and load balancers', () => {
    const servers = [out('b'), out('a'), out('c', ['lb1']), out('d', ['lb1', 'lb2'], 'api')];
    assert.deepEqual(describeOut(servers), ['a, b of app on lb1, lb2', 'c of app on lb1', 'd of api on lb1, lb2']);
    const result = { ...nothing, out: [out('a')] };
    assert.deepEqual(describeFailure(report({ result })), [
      '  out of traffic: a of app on lb1, lb2',
      '  nothing was changed',
    ]);
  });

  test('of a success is one line with the releases, after what is left out of traffic', () => {
    const changes = [
      { node: 'a', before: '10', after: '20' },
      { node: 'b', before: '', after: '20' },
      { node: 'c', before: '20', after: '20' },
    ];
    assert.deepEqual(describeSuccess(report({ result: { ...nothing, changes, out: [out('a')] } })), [
      'out of traffic: a of app on lb1, lb2',
      'bravo 10, ? → 20 on 2 nodes in 1.3 s',
    ]);
    assert.deepEqual(describeSuccess(report({ result: { ...nothing, changes: changes.slice(2) } })), []);
  });

  test('of a dry run has a line for each node', () => {
    const result = {
      ...nothing,
      changes: [
        { node: 'b', before: '20', after: '20' },
        { node: 'a', before: '', after: '20' },
      ],
      out: [{ ...out('a'), stay: { available: 6, total: 8 } }, out('b')],
      serving: [{ server: 'a', lines: ['static/a', 'x/a'], balancer: 'lb1' }],
    };
    assert.deepEqual(describeDifference(result), [
      'a: ? → 20; out of app on lb1, lb2 (6 of 8 stay); still serving in static/a, x/a on lb1',
      'b: stays at 20; out of app on lb1, lb2',
    ]);
  });
});

describe('an event as JSON', () => {
  const of = (event: RunEvent) => {
    const { time, sequence, run_id, ...rest } = JSON.parse(
      formatJsonEvent(event, { time: 1000, sequence: 7, runId: 'r1' }),
    );
    assert.deepEqual([time, sequence, run_id], ['1970-01-01T00:00:01.000Z', 7, 'r1']);
    return rest;
  };

  test('has its stamp and the names of the schema', () => {
    const started = {
      type: 'run-started',
      runId: 'r1',
      playbook: 'p',
      label: 'l',
      dryRun: true,
      inputs: { a: 1 },
    } as const;
    assert.deepEqual(of(started), { type: 'run-started', playbook: 'p', label: 'l', dry_run: true, inputs: { a: 1 } });
    const outcome = {
      type: 'outcome',
      step: 's',
      title: 't',
      dryRun: false,
      try: 1,
      node: 'n',
      outcome: 'ok',
      code: '',
      message: '',
      data: {},
      elapsed: 1.6,
    } as const;
    const { dryRun: _dry, elapsed: _elapsed, ...kept } = outcome;
    assert.deepEqual(of(outcome), { ...kept, dry_run: false, elapsed_ms: 2 });
    const again = { type: 'try-failed', step: 's', try: 1, tries: 2, failed: [failure('a')], wait: 2.4 } as const;
    assert.deepEqual(of(again), {
      type: 'try-failed',
      step: 's',
      try: 1,
      tries: 2,
      failed: [failure('a')],
      wait_ms: 2,
    });
    const planned = {
      type: 'step-planned',
      step: 's',
      label: 'l',
      title: 't',
      dryRun: true,
      batches: [['a']],
    } as const;
    assert.deepEqual(of(planned), {
      type: 'step-planned',
      step: 's',
      label: 'l',
      title: 't',
      dry_run: true,
      batches: [['a']],
    });
    assert.deepEqual(of({ type: 'nodes-found', sets: { web: ['a'] } }), { type: 'nodes-found', sets: { web: ['a'] } });
    const { id, kind, afterFailure, elapsed: _, dryRun, ...others } = step();
    const json = { step: id, kind, after_failure: afterFailure, dry_run: dryRun, elapsed_ms: 2, ...others };
    assert.deepEqual(of({ type: 'step-finished', label: 'l', report: step() }), {
      type: 'step-finished',
      label: 'l',
      ...json,
    });
  });

  test('of the end has null for what there is not', () => {
    const {
      failure: none,
      interruption,
      next,
      out_of_traffic,
      elapsed_ms,
      steps,
    } = of({ type: 'run-finished', report: report({ steps: [step()] }) });
    assert.deepEqual(
      [none, interruption, next, out_of_traffic, elapsed_ms, steps.length],
      [null, null, null, [], 1340, 1],
    );
    const stay = { available: 1, total: 2 };
    const out = [
      { backend: 'app', server: 'a', balancers: ['lb'], stay },
      { backend: 'app', server: 'b', balancers: ['lb'], stay: undefined },
    ];
    const cause = { name: 'Name', title: 't', reasons: [failure('b')] };
    const whole = report({
      failure: { step: 'go', reasons: [failure('a')], cause },
      interruption: 'Ctrl-C',
      next: 'x',
      result: { ...nothing, out },
    });
    const ended = of({ type: 'run-finished', report: whole });
    assert.deepEqual(ended.failure, { step: 'go', name: 'Name', reasons: [failure('b')] });
    assert.deepEqual(
      [ended.interruption, ended.next, ended.out_of_traffic.map((one: { stay: unknown }) => one.stay)],
      ['Ctrl-C', 'x', [stay, null]],
    );
    const plain = of({ type: 'run-finished', report: report({ failure: { step: 'go', reasons: [failure('a')] } }) });
    assert.deepEqual(plain.failure, { step: 'go', name: 'go', reasons: [failure('a')] });
  });
});
