import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { agents as all } from '../../../src/agents/index.ts';
import { type Fleet, makeFleet } from '../../support/fleet/fleet.ts';
import { allowRip, startTestNode, type TestNode } from '../../support/node/node.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { makeHome } from '../../support/program/home.ts';
import { runProgram } from '../../support/program/run-program.ts';
import { startTraceReceiver } from '../../support/receivers/trace-receiver.ts';

const agents = all.filter(({ ddl }) => ['rpcutil', 'lock'].includes(ddl.name));
const deny = 'policy default deny\nallow\tcert=rip@devco.net\tinventory\t*\t*\n';

const playbook = `name: look
description: Asks two things of every node
nodes: { all: { agents: [rpcutil] } }
steps:
  - { id: ask, name: Ask for a fact, call: rpcutil.get_fact, on: all, with: { fact: cluster } }
  - { id: greet, say: "hello <you> & 100%" }
`;

/** Reads a JUnit report with a real XML parser. */
async function readJunit(file: string): Promise<{ counts: string[]; cases: string[][] }> {
  const script = `import json, sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
suite = root.find('testsuite')
print(json.dumps({'counts': [suite.get(k) for k in ('name', 'tests', 'failures', 'skipped')],
  'cases': [[c.get('classname'), c.get('name'), *[one.tag + ' ' + (one.get('type') or '') for one in c]] for c in suite.iter('testcase')]}))`;
  const { out, err, code } = await runProgram('python3', ['-c', script, file]);
  assert.equal(code, 0, err);
  return JSON.parse(out);
}

describe('a run that is watched', () => {
  let fleet: Fleet;
  let nodes: TestNode[];
  let home: string;
  let file: string;
  before(async () => {
    fleet = await makeFleet();
    const start = (name: string, policies: Record<string, string>) => startTestNode(fleet, { name, agents, policies });
    nodes = [
      await start('dev1.devco.net', { default: allowRip }),
      await start('dev2.devco.net', { default: allowRip, rpcutil: deny }),
    ];
    home = await makeHome(join(fleet.dir, 'home'), await fleet.operator('rip@devco.net'), nodes);
    file = join(home, 'look.yaml');
    await writeFile(file, playbook);
  });
  after(async () => {
    for (const node of nodes) await node.daemon.stop();
    await fleet.remove();
  });
  const run = (words: readonly string[], env: Record<string, string> = {}) =>
    runInProcess(['run', file, '--yes', '--np', ...words], home, { env: { HOME: home, ...env } });

  test('produces a JUnit report with a test case for each node of a step, and a real XML parser reads it', async () => {
    const report = join(home, 'report.xml');
    const { code } = await run(['--report', `junit=${report}`]);
    assert.notEqual(code, 0);
    const { counts, cases } = await readJunit(report);
    assert.deepEqual(
      cases.find(([, name]) => name === 'dev2.devco.net'),
      ['Ask for a fact', 'dev2.devco.net', 'failure policy-denied'],
    );
    assert.deepEqual([counts[0], counts[2]], ['look', '1']);
  });

  test('adds annotations and the job summary in GitHub Actions, and no text of a node becomes a command', async () => {
    const summary = join(home, 'summary.md');
    await writeFile(summary, '');
    const { err } = await run(['--report', 'github'], { GITHUB_STEP_SUMMARY: summary });
    const commands = err.filter((line) => line.startsWith('::'));
    assert.match(commands.join('\n'), /^::error title=Ask for a fact on dev2\.devco\.net::.*\(policy-denied\)$/m);
    const text = await readFile(summary, 'utf8');
    assert.match(text, /^### look: failed in \d+\.\d s$/m);
    assert.match(text, /^\| Ask for a fact \| failed \| \d \| dev2\.devco\.net: .* \|$/m);
  });

  test('produces a trace, with spans for the run, its steps and the replies of nodes, if a variable of OpenTelemetry requests it', async () => {
    await using collector = await startTraceReceiver();
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-key=a%20b',
      OTEL_SERVICE_NAME: 'deploys',
    };
    const { out } = await run(['--json'], env);
    const { run_id: id } = JSON.parse(out[0] ?? '{}');
    assert.deepEqual(new Set(collector.spans.map(({ traceId }) => traceId)), new Set([id]), 'the run’s own id');
    const root = collector.spans.find(({ parentSpanId }) => parentSpanId === undefined);
    assert.deepEqual([root?.name, root?.status.code, root?.attributes['mco.state']], ['look', 2, 'failed']);
    const step = collector.spans.find((span) => span.attributes['mco.step'] === 'Ask for a fact');
    assert.equal(step?.parentSpanId, root?.spanId);
    const reply = collector.spans.find((span) => span.attributes['server.address'] === 'dev2.devco.net');
    assert.deepEqual(
      [reply?.parentSpanId, reply?.name, reply?.status.message],
      [step?.spanId, 'rpcutil#get_fact', 'policy-denied'],
    );
    assert.equal(collector.headers[0]?.['x-key'], 'a b');
    assert.equal(collector.resource['service.name'], 'deploys');
  });

  test('is part of the trace of the job that starts it', async () => {
    await using collector = await startTraceReceiver();
    const [trace, span] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];
    await run([], { OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/`, TRACEPARENT: `00-${trace}-${span}-01` });
    assert.ok(collector.spans.every(({ traceId }) => traceId === trace));
    assert.equal(collector.spans.find(({ name }) => name === 'look')?.parentSpanId, span);
  });

  test('ends as usual, with a warning, if the collector is down, fails, hangs or has an invalid address', async () => {
    const { code: expected } = await run([]);
    await using failing = await startTraceReceiver(500);
    await using hanging = await startTraceReceiver(0);
    for (const [url, why] of [
      ['http://127.0.0.1:1', /not all of the trace was sent to http:\/\/127\.0\.0\.1:1: connection refused/],
      [failing.url, /: it answers 500/],
      [hanging.url, /: no answer within 500 ms/],
      ['collector:4318', /the run is not traced: “collector:4318\/v1\/traces” is not a valid http or https address/],
    ] as const) {
      const { code, err } = await run([], { OTEL_EXPORTER_OTLP_ENDPOINT: url });
      assert.equal(code, expected);
      assert.match(err.join('\n'), why);
    }
  });

  test('is refused for a report that is unknown or cannot be written, before anything is done', async () => {
    for (const [what, message] of [
      ['junit', /it must be github or junit=FILE/],
      [`junit=${join(home, 'no/such/report.xml')}`, /report\.xml cannot be written: no such file or directory/],
    ] as const) {
      const before = (await nodes[0]?.records())?.length;
      const { code, err } = await run(['--report', what]);
      assert.equal(code, 64);
      assert.match(err.join('\n'), message);
      assert.equal((await nodes[0]?.records())?.length, before);
    }
  });
});
