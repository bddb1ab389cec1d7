import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, beforeEach, describe, mock, test } from 'node:test';
import type { CliContext } from '../../../../src/client/cli/context.ts';
import { startGithubReport } from '../../../../src/client/runs/watchers/github.ts';
import { formatJunit, startJunitReport } from '../../../../src/client/runs/watchers/junit.ts';
import { startWatchers } from '../../../../src/client/runs/watchers/start.ts';
import { startTraces } from '../../../../src/client/runs/watchers/traces.ts';
import type { RunEvent, RunReport, StepReport } from '../../../../src/playbook/events/events.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';

const runId = 'a'.repeat(32);
const failure = (node: string, reason: string, code = 'no-space') => ({ node, code, reason });
const step = (name: string, more: Partial<StepReport> = {}): StepReport => ({
  ...{ id: name, name, internal: false, title: `thing#${name}`, kind: 'call', afterFailure: false, state: 'done' },
  ...{ ok: [], failed: [], untouched: [], tries: 1, elapsed: 1500, lines: [], dryRun: false },
  ...more,
});
const report = (steps: readonly StepReport[], more: Partial<RunReport> = {}): RunReport =>
  ({
    ...{ runId, playbook: 'upgrade', label: 'bravo', dryRun: false, state: 'failed', steps, elapsed: 65_040 },
    ...{ result: { changes: [{}, {}] } },
    ...more,
  }) as unknown as RunReport;
const finished = (given: RunReport): RunEvent => ({ type: 'run-finished', report: given }) as RunEvent;
const ended = (given: StepReport): RunEvent => ({ type: 'step-finished', report: given }) as unknown as RunEvent;

describe('the report of a run for GitHub Actions', () => {
  /** What is printed and what is in the summary of the job. */
  async function reportOf(events: readonly RunEvent[], summary = join(temporaryDirectory(), 'summary')) {
    const lines: string[] = [];
    const { see, end } = startGithubReport({ GITHUB_STEP_SUMMARY: summary }, (line) => lines.push(line));
    for (const event of events) see(event);
    await end();
    return { lines, summary: existsSync(summary) ? readFileSync(summary, 'utf8') : '' };
  }

  test('has an annotation for each node that failed: an error, or a warning if the step is done', async () => {
    const { lines } = await reportOf([
      ended(
        step('deploy', { state: 'failed', failed: [failure('web1', 'the disk is full'), failure('', 'too many')] }),
      ),
      ended(step('notify', { failed: [failure('mail1', 'late', 'timeout')] })),
    ]);
    assert.deepEqual(lines, [
      '::error title=deploy on web1::the disk is full (no-space)',
      '::error title=deploy::too many (no-space)',
      '::warning title=notify on mail1::late (timeout)',
    ]);
  });

  test('has no workflow command that a node wrote', async () => {
    const text = '50%\r\n::error title=x,y::z';
    const { lines } = await reportOf([ended(step('a:b,c', { state: 'failed', failed: [failure('', text)] }))]);
    assert.deepEqual(lines, ['::error title=a%3Ab%2Cc::50%25%0D%0A::error title=x,y::z (no-space)']);
  });

  test('has the reason of a run that failed before its first step, and the next command', async () => {
    const of = async (more: Partial<RunReport>) => (await reportOf([finished(report([], more))])).lines;
    const reasons = [failure('', 'it is locked')];
    assert.deepEqual(await of({ failure: { step: '', reasons } as never, next: 'to continue: x' }), [
      '::error title=upgrade::it is locked',
      '::notice title=upgrade::next: to continue: x',
    ]);
    assert.deepEqual(await of({ failure: { step: 'deploy', reasons } as never }), [], 'its step has reported it');
    assert.deepEqual(await of({ state: 'done', failure: { step: '', reasons } as never }), []);
  });

  test('has a summary with a row for each step that is shown, in which a node cannot write Markdown or HTML', async () => {
    const steps = [
      step('look', { internal: true }),
      step('check', { internal: true, state: 'failed', failed: [failure('', 'no')] }),
      step('deploy', {
        state: 'failed',
        ok: ['web2', 'web3'],
        failed: [failure('web1', 'a|b\n<img>'), failure('web4', 'c')],
      }),
    ];
    const file = join(temporaryDirectory(), 'summary');
    writeFileSync(file, 'before\n');
    const { summary } = await reportOf([finished(report(steps, { dryRun: true }))], file);
    assert.deepEqual(summary.split('\n'), [
      'before',
      '### upgrade (dry run): failed in 65.0 s',
      '',
      '| step | state | nodes | failures | time |',
      '|---|---|---|---|---|',
      '| check | failed | 0 | no | 1.5 s |',
      '| deploy | failed | 2 | web1: a\\|b \\<img\\>; web4: c | 1.5 s |',
      '',
      `Run \`${runId}\``,
      '',
      '',
    ]);
  });

  test('is without a summary if the run never ended, no file is named, or it cannot be written', async () => {
    assert.equal((await reportOf([ended(step('deploy'))])).summary, '');
    assert.deepEqual((await reportOf([finished(report([]))], '')).lines, []);
    const { lines } = await reportOf([finished(report([]))], '/nowhere/summary');
    assert.deepEqual(lines, ['warning: the summary /nowhere/summary cannot be written: no such file or directory']);
  });
});

describe('the JUnit report of a run', () => {
  test('has a test case for each node of a step, with what failed, was passed over or not reached', () => {
    const steps = [
      step('look', { internal: true, ok: ['web1'] }),
      step('deploy', { state: 'failed', ok: ['web1'], failed: [failure('web2', 'full')], untouched: ['web3'] }),
      step('notify', { failed: [failure('', 'late', 'timeout')] }),
      step('say', { kind: 'say' }),
      step('wait', { kind: 'pause', state: 'skipped' }),
      step('require', { internal: true, state: 'failed' }),
    ];
    const counts = ' tests="7" failures="2" skipped="3" errors="0" time="65.040"';
    assert.equal(
      formatJunit(report(steps)),
      `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="upgrade"${counts}>
  <testsuite name="upgrade"${counts}>
    <properties>
      <property name="run" value="${runId}"/>
      <property name="state" value="failed"/>
      <property name="dry_run" value="false"/>
    </properties>
    <testcase classname="deploy" name="web1" time="1.500"/>
    <testcase classname="deploy" name="web2" time="1.500">
      <failure type="no-space" message="full">full</failure>
    </testcase>
    <testcase classname="deploy" name="web3" time="0.000">
      <skipped message="it was not reached"/>
    </testcase>
    <testcase classname="notify" name="notify" time="1.500">
      <skipped message="timeout: late"/>
    </testcase>
    <testcase classname="say" name="say" time="1.500"/>
    <testcase classname="wait" name="wait" time="1.500">
      <skipped message="pause: skipped"/>
    </testcase>
    <testcase classname="require" name="require" time="1.500">
      <failure type="failed" message="the step require failed">the step require failed</failure>
    </testcase>
  </testsuite>
</testsuites>
`,
    );
  });

  test('is XML whatever a node writes', () => {
    const text = '<a b="c">&\n\u0000\u001b[2J\ufffe\ud800é😀';
    const xml = formatJunit(report([step('deploy', { state: 'failed', failed: [failure('web1', text)] })]));
    assert.match(xml, /message="&lt;a b=&quot;c&quot;&gt;&amp;&#10;\[2J\ufffdé😀">/);
  });

  test('is written at the end, replaces an older one, and is removed if the run never started', async () => {
    const file = join(temporaryDirectory(), 'report.xml');
    writeFileSync(file, 'x'.repeat(10_000));
    const warnings: string[] = [];
    const watcher = await startJunitReport(file, (line) => warnings.push(line));
    watcher.see(ended(step('deploy')));
    watcher.see(finished(report([])));
    await watcher.end();
    assert.equal(readFileSync(file, 'utf8'), formatJunit(report([])));
    await (await startJunitReport(file, (line) => warnings.push(line))).end();
    assert.equal(existsSync(file), false);
    // By a link: a fault here must not cost this machine its device.
    const device = join(temporaryDirectory(), 'null');
    symlinkSync('/dev/null', device);
    await (await startJunitReport(device, (line) => warnings.push(line))).end();
    assert.ok(existsSync(device), 'a device stays');
    assert.equal(warnings.length, 0);
    const full = await startJunitReport('/dev/full', (line) => warnings.push(line));
    full.see(finished(report([])));
    await full.end();
    assert.deepEqual(warnings, ['warning: the report /dev/full cannot be written: no space left on the device']);
  });

  test('stops the run before it begins if it cannot be written', async () => {
    const hint = 'name another file with --report junit=FILE';
    await assert.rejects(
      startJunitReport('/nowhere/x.xml', () => {}),
      { code: 'unwritable-file', message: /no such file/, hint },
    );
  });
});

describe('the trace of a run', () => {
  interface Received {
    readonly url: string | undefined;
    readonly headers: IncomingHttpHeaders;
    readonly spans: readonly Record<string, unknown>[];
    readonly resource: unknown;
  }
  const received: Received[] = [];
  let answer = 200;
  const collector = createServer(async (request, response) => {
    let text = '';
    for await (const part of request) text += part;
    const [{ resource, scopeSpans }] = JSON.parse(text).resourceSpans;
    received.push({ url: request.url, headers: request.headers, spans: scopeSpans[0].spans, resource });
    response.writeHead(answer).end();
  });
  const listening = once(collector.listen(0, '127.0.0.1'), 'listening');
  after(() => collector.close());
  // The half second for which the end of a run waits never passes: on a busy machine it would.
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }));
  afterEach(() => mock.timers.reset());

  /** Sends a run with one step and one reply on a clock that a test sets. */
  async function trace(
    env: NodeJS.ProcessEnv = {},
    more: Partial<RunReport> = {},
    end: Parameters<typeof step>[1] = { state: 'failed', failed: [failure('web1', 'full')] },
  ) {
    await listening;
    received.length = 0;
    const { port } = collector.address() as AddressInfo;
    const origin = `http://127.0.0.1:${port}`;
    const warnings: string[] = [];
    let now = 1_800_000_000_000;
    const watcher = startTraces(
      runId,
      { OTEL_EXPORTER_OTLP_ENDPOINT: `${origin}/`, ...env },
      (line) => warnings.push(line),
      () => now,
    );
    now += 1000;
    watcher.see({ type: 'step-started', step: 'deploy', name: 'deploy', title: 't', kind: 'call' });
    now += 1000;
    const outcome = { type: 'outcome', step: 'deploy', title: 'thing#change', node: 'web1', outcome: 'failed' };
    watcher.see({ ...outcome, code: 'no-space', elapsed: 500, try: 2, dryRun: false } as unknown as RunEvent);
    now += 1000;
    watcher.see(ended(step('deploy', { tries: 2, ...end })));
    now += 0.5;
    watcher.see(finished(report([], more)));
    await watcher.end();
    return { warnings, origin, one: received[0] };
  }
  const stringValue = (key: string, value: string) => ({ key, value: { stringValue: value } });
  const nano = (seconds: string) => `18000000${seconds}`.padEnd(19, '0');

  test('has a span for the run, in that one for each step, and in that one for each reply', async () => {
    const { one, warnings } = await trace();
    assert.deepEqual([warnings, received.length], [[], 1]);
    assert.deepEqual([one?.url, one?.headers['content-type']], ['/v1/traces', 'application/json']);
    const [reply, deploy, run] = one?.spans ?? [];
    const { spanId: replyId, ...ofReply } = reply ?? {};
    const { spanId: stepId, ...ofStep } = deploy ?? {};
    const { spanId: rootId, ...ofRun } = run ?? {};
    for (const id of [replyId, stepId, rootId]) assert.match(String(id), /^[0-9a-f]{16}$/);
    assert.deepEqual(ofReply, {
      ...{ traceId: runId, parentSpanId: stepId, name: 'thing#change', kind: 1 },
      ...{ startTimeUnixNano: nano('015'), endTimeUnixNano: nano('02') },
      attributes: [
        stringValue('server.address', 'web1'),
        stringValue('mco.outcome', 'failed'),
        { key: 'mco.try', value: { intValue: '2' } },
        { key: 'mco.dry_run', value: { boolValue: false } },
        stringValue('error.type', 'no-space'),
      ],
      status: { code: 2, message: 'no-space' },
    });
    const { attributes, ...restOfStep } = ofStep;
    assert.equal((attributes as object[]).length, 5);
    assert.deepEqual(restOfStep, {
      ...{ traceId: runId, parentSpanId: rootId, name: 'thing#deploy', kind: 1 },
      ...{ startTimeUnixNano: nano('01'), endTimeUnixNano: nano('03') },
      status: { code: 2, message: 'no-space' },
    });
    const { attributes: whole, ...restOfRun } = ofRun;
    assert.deepEqual((whole as object[])[3], { key: 'mco.changed_nodes', value: { intValue: '2' } });
    assert.deepEqual(restOfRun, {
      ...{ traceId: runId, name: 'upgrade', kind: 1 },
      ...{ startTimeUnixNano: nano('00'), endTimeUnixNano: nano('030005') },
      status: { code: 2, message: 'failed' },
    });
  });

  test('has an error where the run and its step were interrupted, with that word', async () => {
    const state = 'interrupted';
    const { one } = await trace({}, { state }, { state, failed: [] });
    const error = { code: 2, message: state };
    assert.deepEqual(
      one?.spans.slice(1).map(({ status }) => status),
      [error, error],
    );
  });

  test('has no error if the run is done, and is part of the trace that encloses it', async () => {
    const parent = `00-${'b'.repeat(32)}-${'c'.repeat(16)}-01`;
    const { one } = await trace({ TRACEPARENT: parent }, { state: 'done' });
    const run = one?.spans.at(-1) ?? {};
    assert.deepEqual([run.traceId, run.parentSpanId, run.status], ['b'.repeat(32), 'c'.repeat(16), {}]);
    assert.equal((await trace({ TRACEPARENT: `${parent}x` })).one?.spans[0]?.traceId, runId);
  });

  test('goes where the variables of OpenTelemetry say, with their headers and names', async () => {
    const { origin } = await trace();
    const { one } = await trace({
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${origin}/own`,
      OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a%20b, other = 7,=x,bad=%zz',
      OTEL_RESOURCE_ATTRIBUTES: 'host=ci,service.name=theirs',
    });
    assert.deepEqual(
      [one?.url, one?.headers['api-key'], one?.headers.other, one?.headers.bad],
      ['/own', 'a b', '7', '%zz'],
    );
    assert.deepEqual(one?.resource, { attributes: [stringValue('host', 'ci'), stringValue('service.name', 'theirs')] });
    const named = await trace({ OTEL_SERVICE_NAME: 'mine', OTEL_RESOURCE_ATTRIBUTES: 'service.name=theirs' });
    assert.deepEqual(named.one?.resource, { attributes: [stringValue('service.name', 'mine')] });
    assert.deepEqual((await trace()).one?.resource, { attributes: [stringValue('service.name', 'mco-deploy')] });
  });

  test('is not sent where it cannot be, with one warning', async () => {
    for (const [env, why] of [
      [{ OTEL_SDK_DISABLED: 'true' }, 'OTEL_SDK_DISABLED is true'],
      [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, 'OTEL_EXPORTER_OTLP_PROTOCOL is grpc, and only http/json is known'],
      [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'ftp://x' }, '“ftp://x/v1/traces” is not a valid http or https address'],
    ] as const) {
      const { warnings, one } = await trace(env);
      assert.deepEqual([warnings, one], [[`warning: the run is not traced: ${why}`], undefined]);
    }
    answer = 503;
    const { warnings, origin } = await trace();
    answer = 200;
    assert.deepEqual(warnings, [`warning: not all of the trace was sent to ${origin}: it answers 503`]);
  });
});

describe('the watchers of a run', () => {
  test('are those that the options name, and all of them see it', async () => {
    const file = join(temporaryDirectory(), 'report.xml');
    const lines: string[] = [];
    const context = { env: {}, ciCommand: (line: string) => void lines.push(line) } as unknown as CliContext;
    const watcher = await startWatchers(runId, { report: ['github', `junit=${file}`] }, context);
    watcher.see(finished(report([], { next: 'x' })));
    await watcher.end();
    assert.deepEqual(lines, ['::notice title=upgrade::next: x']);
    assert.ok(existsSync(file));
    for (const wrong of ['junit', 'junit=', 'gitlab']) {
      const usage = { code: 'usage', hint: 'write --report github or --report junit=FILE' };
      await assert.rejects(startWatchers(runId, { report: [wrong] }, context), usage, wrong);
    }
  });
});
