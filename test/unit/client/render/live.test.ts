import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { formatWork, startLive } from '../../../../src/client/render/live/live.ts';
import { startLiveRun } from '../../../../src/client/render/live/live-run.ts';

/** A view whose clock and looks are moved by hand. */
function viewOf({ mock }: TestContext) {
  mock.timers.enable({ apis: ['setInterval'] });
  const drawn: (readonly string[])[] = [];
  let now = 0;
  const live = startLive({ status: (lines) => void drawn.push(lines) }, () => now);
  return {
    live,
    drawn,
    pass: (milliseconds: number) => {
      now += milliseconds;
      mock.timers.tick(milliseconds);
    },
  };
}

describe('the live view', () => {
  test('shows nodes, the longest running first, and no more of them than fit', () => {
    const going = new Map(
      Array.from({ length: 10 }, (_, index) => [`dev${index}`, { since: index * 1000, doing: 'reloading\nnginx' }]),
    );
    const lines = formatWork({ title: 'appmgr#upgrade', total: 20, done: 10, going }, 12_500);
    assert.deepEqual(lines.slice(0, 2), [
      ' * [ ===============>                ] 10 / 20 appmgr#upgrade',
      '   dev0   12 s  reloading nginx',
    ]);
    assert.deepEqual(lines.slice(-2), ['   dev7    5 s  reloading nginx', '   and 2 more']);
  });

  test('hides work that ends at once, and clears the rest when it ends', (context) => {
    const { live, drawn, pass } = viewOf(context);
    live.begin('quick', 1).end();
    pass(1000);
    assert.equal(drawn.length, 0);
    const work = live.begin('slow', 2);
    work.show('dev1', '');
    pass(200);
    assert.deepEqual(drawn.at(-1)?.slice(1), ['   dev1    0 s']);
    work.done('dev1');
    work.end();
    assert.deepEqual(drawn.at(-1), []);
    const { length } = drawn;
    pass(1000);
    assert.equal(drawn.length, length);
  });

  test('counts a node once, and its time from its first turn', (context) => {
    const { live, drawn, pass } = viewOf(context);
    const work = live.begin('slow', 3);
    work.show('dev1', '');
    work.show('dev2', '');
    pass(2000);
    work.show('dev1', 'unpacking');
    work.done('dev2');
    work.done('dev2');
    work.done('never started');
    pass(1000);
    assert.deepEqual(drawn.at(-1), [` * [ ${'==========>'.padEnd(31)} ] 1 / 3 slow`, '   dev1    3 s  unpacking']);
    work.end();
  });

  test('has no timer once all work has ended', (context) => {
    const { live, pass } = viewOf(context);
    const cleared = context.mock.method(globalThis, 'clearInterval');
    const [one, other] = [live.begin('one', 1), live.begin('other', 1)];
    pass(200);
    one.end();
    const { length } = cleared.mock.calls;
    other.end();
    assert.equal(cleared.mock.callCount(), length + 1);
  });

  test('clears for a question until it is answered', async (context) => {
    const { live, drawn, pass } = viewOf(context);
    live.begin('slow', 0);
    pass(200);
    assert.deepEqual(drawn.at(-1), [' * slow']);
    const { promise, resolve } = Promise.withResolvers<string>();
    const answer = live.aside(() => promise);
    pass(1000);
    assert.deepEqual(drawn.at(-1), []);
    resolve('yes');
    assert.equal(await answer, 'yes');
    pass(200);
    assert.deepEqual(drawn.at(-1), [' * slow']);
  });
});

describe('the live view of a run', () => {
  test('shows the calls, batches and tries of a run, and messages of nodes about them', (context) => {
    const { live, drawn, pass } = viewOf(context);
    const run = startLiveRun(live);
    const shown = () => {
      pass(200);
      return drawn.at(-1);
    };
    run.see({ type: 'step-started', step: '4', name: '4', title: 'appmgr#upgrade', kind: 'call' });
    const attempt = {
      type: 'try-started',
      step: '4',
      batch: 2,
      batches: 3,
      tries: 2,
      changes: true,
      nodes: ['dev1', 'dev2'],
    } as const;
    run.see({ ...attempt, try: 1 });
    run.onProgress('4', 'dev1', 'unpacking revision 20');
    const bar = (done: string) => ` * [ ${done.padEnd(31)} ]`;
    assert.deepEqual(shown(), [
      `${bar('>')} 0 / 2 appmgr#upgrade, batch 2 of 3`,
      '   dev1    0 s  unpacking revision 20',
      '   dev2    0 s',
    ]);
    const outcome = {
      type: 'outcome',
      step: '4',
      title: '',
      dryRun: false,
      try: 1,
      code: '',
      message: '',
      data: {},
      elapsed: 1,
    } as const;
    run.see({ ...outcome, node: 'dev1', outcome: 'ok' });
    assert.deepEqual(shown(), [`${bar(`${'='.repeat(15)}>`)} 1 / 2 appmgr#upgrade, batch 2 of 3`, '   dev2    0 s']);
    const failed = [{ node: 'dev2', code: 'broken', reason: 'broken' }];
    run.see({ type: 'try-failed', step: '4', try: 1, tries: 2, failed, wait: 10_000 });
    assert.deepEqual(shown(), [' * appmgr#upgrade: try 2 of 2 in 10 s, for dev2']);
    run.see({ ...attempt, try: 2, nodes: ['dev2'] });
    assert.match(shown()?.[0] ?? '', /0 \/ 1 appmgr#upgrade, batch 2 of 3, try 2 of 2$/);
    run.onProgress('4', 'dev1', 'of a call that is over');
    assert.equal(shown()?.length, 2);
    const report = {
      id: '4',
      name: '4',
      internal: false,
      title: '',
      kind: 'call',
      afterFailure: false,
      state: 'done',
      ok: [],
      failed: [],
    } as const;
    const rest = { untouched: [], tries: 2, elapsed: 1, lines: [], dryRun: false } as const;
    run.see({ type: 'step-finished', label: '4', report: { ...report, ...rest } });
    assert.deepEqual(drawn.at(-1), []);
  });

  test('ends with the last reply, even of a call outside of a step', (context) => {
    const { live, drawn, pass } = viewOf(context);
    const run = startLiveRun(live);
    const step = 'update.disable';
    run.see({ type: 'try-started', step, batch: 1, batches: 1, try: 1, tries: 1, nodes: ['lb1'], changes: true });
    pass(200);
    assert.match(drawn.at(-1)?.[0] ?? '', /0 \/ 1 update.disable$/);
    const outcome = {
      type: 'outcome',
      step,
      title: '',
      dryRun: false,
      try: 1,
      code: '',
      message: '',
      data: {},
      elapsed: 1,
    } as const;
    run.see({ ...outcome, node: 'lb1', outcome: 'ok' });
    assert.deepEqual(drawn.at(-1), []);
  });

  test('ends with the run, whatever calls have no reply by then', (context) => {
    const { live, drawn, pass } = viewOf(context);
    const run = startLiveRun(live);
    run.see({ type: 'try-started', step: 'go', batch: 1, batches: 1, try: 1, tries: 1, nodes: ['lb1'], changes: true });
    pass(200);
    assert.equal(drawn.at(-1)?.length, 2);
    run.see({ type: 'run-finished', report: {} as never });
    assert.deepEqual(drawn.at(-1), []);
  });
});
