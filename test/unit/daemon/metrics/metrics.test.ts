import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { get, request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { ReplyContent } from '../../../../src/core/request/reply.ts';
import type { AuditLog } from '../../../../src/daemon/audit/audit-log.ts';
import type { Answer, Handle, IncomingCall } from '../../../../src/daemon/incoming-call.ts';
import { startCounters } from '../../../../src/daemon/metrics/counters.ts';
import { startHistogram } from '../../../../src/daemon/metrics/histogram.ts';
import { isLoopback } from '../../../../src/daemon/metrics/loopback.ts';
import { startMeter } from '../../../../src/daemon/metrics/meter.ts';
import { metricsText } from '../../../../src/daemon/metrics/node-families.ts';
import { startMetricsServer } from '../../../../src/daemon/metrics/server.ts';
import { startMetrics } from '../../../../src/daemon/metrics/start.ts';
import { formatMetrics } from '../../../../src/daemon/metrics/text.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';
import { type Fleet, makeFleet, type Member } from '../../../support/fleet/fleet.ts';

let fleet: Fleet;
let node: Member;
before(async () => {
  fleet = await makeFleet();
  node = await fleet.node('dev2.devco.net');
});
after(() => fleet.remove());

const answerOf = (outcome: ReplyContent['outcome'], code = ''): Answer =>
  ({ content: { outcome, code, status: 0, message: '', hint: '', data: {} } }) as unknown as Answer;
/** A call of `probe.echo` that was admitted, or of nothing that exists. */
const admitted = { entry: { ddl: { name: 'probe' } }, action: {}, opened: { request: { action: 'echo' } } };
const callOf = (change: object = {}) => ({ ...admitted, ...change }) as unknown as IncomingCall;

describe('the counters of a daemon', () => {
  test('count each answer once as proven or not, admitted or refused, and as too old', () => {
    const { count, values } = startCounters(() => 9);
    assert.deepEqual(values(), {
      ...{ total: 0, validated: 0, unvalidated: 0, passed: 0, filtered: 0, replies: 0, ttlexpired: 0, strangers: 9 },
    });
    count(answerOf('ok'));
    count(answerOf('failed', 'no-space'));
    count(answerOf('refused', 'policy-denied'));
    count(answerOf('refused', 'expired-request'));
    for (const code of [
      'wrong-kind',
      'expired-certificate',
      'early-certificate',
      'revoked-certificate',
      'bad-signature',
    ]) {
      count(answerOf('refused', code));
    }
    assert.deepEqual(values(), {
      ...{ total: 9, validated: 4, unvalidated: 5, passed: 2, filtered: 7, replies: 9, ttlexpired: 1, strangers: 9 },
    });
  });
});

describe('a histogram', () => {
  test('counts what took as long as its bound or less, in each bucket and those above', () => {
    const histogram = startHistogram();
    for (const seconds of [0.005, 0.0051, 30, 300, 301]) histogram.observe(seconds);
    const samples = histogram.samples({ agent: 'probe' });
    const bucketOf = (le: string) => samples.find(({ labels }) => labels?.le === le)?.value;
    assert.deepEqual(['0.005', '0.01', '10', '30', '60', '300', '+Inf'].map(bucketOf), [1, 2, 2, 3, 3, 4, 5]);
    assert.deepEqual(samples.slice(-2), [
      { suffix: '_sum', labels: { agent: 'probe' }, value: 631.0101 },
      { suffix: '_count', labels: { agent: 'probe' }, value: 5 },
    ]);
    assert.deepEqual(samples[0], { suffix: '_bucket', labels: { agent: 'probe', le: '0.005' }, value: 1 });
    assert.equal(samples.length, 17);
  });
});

describe('the meter of calls', () => {
  test('counts outcomes, and times only admitted calls of actions that exist', async () => {
    const meter = startMeter();
    const run = async (answer: Answer, call = callOf()) =>
      assert.equal(await meter.measureCalls((async () => answer) as Handle)(call), answer);
    await run(answerOf('ok'));
    await run(answerOf('failed', 'no-space'));
    await run(answerOf('refused', 'policy-denied'));
    await run(answerOf('refused', 'bad-signature'));
    await run(answerOf('ok'), callOf({ entry: undefined }));
    await run(answerOf('ok'), callOf({ action: undefined }));
    await run(answerOf('ok'), callOf({ opened: { request: { action: 'other' } } }));
    const [replies, denied, failures, durations] = meter.families();
    assert.deepEqual(
      replies?.samples.map(({ labels, value }) => [labels?.outcome, value]),
      [
        ['ok', 4],
        ['failed', 1],
        ['refused', 2],
      ],
    );
    assert.deepEqual([denied?.samples, failures?.samples], [[{ value: 1 }], [{ value: 0 }]]);
    const counts = durations?.samples.filter(({ suffix }) => suffix === '_count');
    assert.deepEqual(counts, [
      { suffix: '_count', labels: { agent: 'probe', action: 'echo' }, value: 2 },
      { suffix: '_count', labels: { agent: 'probe', action: 'other' }, value: 1 },
    ]);
    const sum = durations?.samples.find(({ suffix }) => suffix === '_sum')?.value ?? -1;
    assert.ok(sum >= 0 && sum < 3600, `${sum} s`);
  });

  test('counts the records that could not be written, and hides neither the record nor the failure', async () => {
    const meter = startMeter();
    const appended: unknown[] = [];
    const log = {
      append: async (event: unknown, durable: unknown) => {
        appended.push([event, durable]);
        if (appended.length > 1) throw new Error('the disk is full');
        return 7;
      },
    } as unknown as AuditLog;
    const watched = meter.watchAudit(log);
    assert.equal(await watched.append('one' as never, true as never), 7);
    for (const _ of [1, 2]) await assert.rejects(watched.append('two' as never, false as never), /the disk is full/);
    assert.deepEqual(appended, [
      ['one', true],
      ['two', false],
      ['two', false],
    ]);
    assert.deepEqual(meter.families()[2]?.samples, [{ value: 2 }]);
  });
});

describe('the metrics of a node', () => {
  const measures = () => ({
    version: '0.1.0',
    startedAt: 1_800_000_000_500,
    counters: startCounters(() => 3).values(),
    tls: { credentials: node.credentials, trust: fleet.trust } as never,
    warnings: 2,
    meter: startMeter(),
    more: () => [{ name: 'of_relay', help: 'x', type: 'gauge' as const, samples: [{ value: 1 }] }],
  });

  test('are in the format of Prometheus, in which no value can end its line', () => {
    const family = { name: 'a', help: 'b\\c\nd', type: 'gauge' } as const;
    const samples = [
      { labels: { x: 'q"\n\\', y: '' }, value: Number.POSITIVE_INFINITY },
      { suffix: '_sum', value: 0.5 },
    ];
    assert.equal(
      formatMetrics([
        { ...family, samples },
        { ...family, samples: [] },
      ]),
      '# HELP a b\\\\c\\nd\n# TYPE a gauge\na{x="q\\"\\n\\\\",y=""} +Inf\na_sum 0.5\n# HELP a b\\\\c\\nd\n# TYPE a gauge\n',
    );
  });

  test('have the counters, the warnings, and when certificates end', () => {
    const lines = metricsText(measures()).split('\n');
    const metricOf = (start: string) =>
      lines
        .find((line) => line.startsWith(`${start} `))
        ?.split(' ')
        .at(-1);
    assert.equal(metricOf('mco_deploy_info{version="0.1.0"}'), '1');
    assert.deepEqual(['mco_deploy_strangers_total', 'mco_deploy_requests_total'].map(metricOf), ['3', '0']);
    assert.deepEqual([metricOf('mco_deploy_warnings'), metricOf('of_relay')], ['2', '1']);
    assert.equal(metricOf('process_start_time_seconds'), '1800000000.5');
    const end = 'mco_deploy_certificate_expiration_timestamp_seconds';
    const { serialNumber, validTo } = node.certificate;
    assert.equal(metricOf(`${end}{kind="node",serial="${serialNumber}"}`), String(Date.parse(validTo) / 1000));
    const [authority] = fleet.trust.authorities;
    assert.ok(authority !== undefined);
    assert.equal(
      metricOf(`${end}{kind="ca",serial="${authority.serialNumber}"}`),
      String(Date.parse(authority.validTo) / 1000),
    );
    assert.ok(Number(metricOf('process_cpu_seconds_total')) < 1e5);
    assert.ok(Number(metricOf('process_resident_memory_bytes')) > 2 ** 20);
  });

  /** The status and the text of an answer. */
  const ask = async (port: number, { path = '/metrics', method = 'GET', headers = {} } = {}) =>
    await new Promise<string>((resolve, reject) => {
      httpRequest({ host: '127.0.0.1', port, path, method, headers }, async (response) => {
        let text = '';
        for await (const part of response) text += part;
        resolve(`${response.statusCode} ${text.split('\n')[0]}`);
      })
        .on('error', reject)
        .end();
    });
  const address = '127.0.0.1';
  const options = { port: 0, address, tls: () => measures().tls, text: () => 'measured\n' };

  test('are served at one path, to requests that name this host, and only read', async () => {
    const { port, stop } = await startMetricsServer(options);
    try {
      assert.equal(await ask(port), '200 measured');
      assert.equal(await ask(port, { path: '/metrics?x' }), '200 measured');
      for (const host of ['localhost', 'localhost:9', '127.0.0.1', '[::1]:80']) {
        assert.equal(await ask(port, { headers: { host } }), '200 measured', host);
      }
      for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '127.0.0.2']) {
        assert.equal(await ask(port, { headers: { host } }), '404 metrics are at /metrics', host);
      }
      assert.equal(await ask(port, { path: '/' }), '404 metrics are at /metrics');
      assert.equal(await ask(port, { method: 'POST' }), '405 ');
    } finally {
      await stop();
    }
    await assert.rejects(new Promise((_, reject) => get({ host: address, port }).on('error', reject)), {
      code: 'ECONNREFUSED',
    });
  });

  test('need the token if the node has one', async () => {
    const token_file = join(temporaryDirectory(), 'token');
    writeFileSync(token_file, 'secret\n');
    const { port, stop } = await startMetricsServer({ ...options, token_file });
    try {
      assert.equal(await ask(port), '401 a token is needed');
      assert.equal(await ask(port, { headers: { authorization: 'Bearer other' } }), '401 a token is needed');
      assert.equal(await ask(port, { headers: { authorization: 'Bearer secret' } }), '200 measured');
    } finally {
      await stop();
    }
  });

  test('are those of the moment, and a port that is taken is reported with what to change', async () => {
    const { port, stop } = (await startMetrics(options, measures)) as Awaited<ReturnType<typeof startMetricsServer>>;
    try {
      assert.equal(await ask(port), '200 # HELP mco_deploy_info The daemon');
      const taken = {
        code: 'cannot-listen',
        message: /port \d+: the address is already in use/,
        hint: /metrics\.port/,
      };
      await assert.rejects(startMetricsServer({ ...options, port }), taken);
    } finally {
      await stop();
    }
  });

  test('are on the loopback interface by its addresses alone', () => {
    for (const one of ['127.0.0.1', '127.255.0.1', '::1']) assert.ok(isLoopback(one), one);
    for (const one of ['10.0.0.1', 'localhost', '::', '0.0.0.0', '127.0.0.1.x', 'x127.0.0.1', '::11'])
      assert.ok(!isLoopback(one), one);
  });
});
