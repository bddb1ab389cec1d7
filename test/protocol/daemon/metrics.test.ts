import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { connect } from 'node:tls';
import { parseCertificate } from '../../../src/core/credentials/certificate.ts';
import type { AuditLog } from '../../../src/daemon/audit/audit-log.ts';
import { startMeter } from '../../../src/daemon/metrics/meter.ts';
import { formatMetrics } from '../../../src/daemon/metrics/text.ts';
import { type Fleet, makeFleet } from '../../support/fleet/fleet.ts';
import { freePort } from '../../support/free-port.ts';
import { until } from '../../support/until.ts';
import { allowRip, startTestNode } from '../../support/node/node.ts';

interface Asked {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

function ask(
  port: number,
  path = '/metrics',
  more: { method?: string; headers?: Record<string, string> } = {},
): Promise<Asked> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, path, agent: false, ...more }, async (response) => {
      const type = response.headers['content-type'] ?? '';
      resolve({ status: response.statusCode ?? 0, type, body: await text(response) });
    });
    call.on('error', reject);
    call.end();
  });
}

async function askTls(
  port: number,
  options: { ca: string; servername: string; headers: Record<string, string> },
): Promise<Asked> {
  const call = secureRequest({ host: '127.0.0.1', port, path: '/metrics', agent: false, ...options });
  call.end();
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  const type = response.headers['content-type'] ?? '';
  return { status: response.statusCode ?? 0, type, body: await text(response) };
}

async function nodeWithMetrics(fleet: Fleet, port: number) {
  return startTestNode(fleet, { config: `metrics: { port: ${port} }`, policies: { default: allowRip } });
}

/** The samples as the client library of Prometheus for Python reads them, by `name{label=value,…}`. */
async function parse(body: string): Promise<Map<string, number>> {
  const program = `
import json, sys
from prometheus_client.parser import text_string_to_metric_families
for family in text_string_to_metric_families(sys.stdin.read()):
    for sample in family.samples:
        labels = ','.join('%s=%s' % pair for pair in sorted(sample.labels.items()))
        print(json.dumps(['%s{%s}' % (sample.name, labels), sample.value]))
`;
  const child = execFile('/usr/bin/python3', ['-c', program]);
  child.stdin?.end(body);
  const [out, err] = await Promise.all([
    text(child.stdout as NodeJS.ReadableStream),
    text(child.stderr as NodeJS.ReadableStream),
  ]);
  assert.equal(err, '');
  const lines = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as [string, number]);
  return new Map(lines.map(([name, value]) => [name.replace(/\{\}$/, ''), value]));
}

describe('the daemon’s metrics', () => {
  test('count requests by outcome, and parse in Prometheus’ own parser', async () => {
    await using fleet = await makeFleet();
    const port = await freePort();
    await using node = await nodeWithMetrics(fleet, port);
    const rip = await fleet.operator('rip@devco.net');
    const eve = await fleet.operator('eve@devco.net');
    for (let time = 0; time < 3; time++) assert.equal((await node.call(rip, {})).outcome, 'ok');
    assert.equal((await node.call(eve, {})).code, 'policy-denied');
    assert.equal((await node.call(rip, { agent: 'no"such\nthing' })).outcome, 'refused');

    const { status, type, body } = await ask(port);
    assert.equal(status, 200);
    assert.match(type, /^text\/plain; version=0\.0\.4/);
    const samples = await parse(body);
    const expected = {
      mco_deploy_requests_total: 5,
      mco_deploy_requests_passed_total: 3,
      mco_deploy_requests_filtered_total: 2,
      mco_deploy_requests_denied_total: 1,
      mco_deploy_requests_expired_total: 0,
      mco_deploy_audit_failures_total: 0,
      'mco_deploy_replies_total{outcome=ok}': 3,
      'mco_deploy_replies_total{outcome=refused}': 2,
      'mco_deploy_action_duration_seconds_count{action=echo,agent=probe}': 3,
      'mco_deploy_action_duration_seconds_bucket{action=echo,agent=probe,le=+Inf}': 3,
    };
    for (const [name, value] of Object.entries(expected)) assert.equal(samples.get(name), value, `${name}\n${body}`);
    // Names that a request makes up never become labels.
    assert.equal(body.includes('such'), false);
    assert.ok((samples.get('process_resident_memory_bytes') ?? 0) > 10_000_000);
    const ends = [...samples].filter(([name]) => name.startsWith('mco_deploy_certificate_expiration'));
    assert.equal(ends.length, 2);
    for (const [, end] of ends) assert.ok(end > Date.now() / 1000);
  });

  test('are served on loopback, under their own path, and to nobody who used another name', async () => {
    await using fleet = await makeFleet();
    const port = await freePort();
    await using _node = await nodeWithMetrics(fleet, port);
    assert.equal((await ask(port, '/')).status, 404);
    assert.equal((await ask(port, '/metrics', { headers: { host: 'evil.example.net' } })).status, 404);
    assert.equal((await ask(port, '/metrics', { method: 'POST' })).status, 405);
    assert.equal((await ask(port, '/metrics?x=1')).status, 200);
  });

  test('are served by TLS outside loopback, with the node’s certificate, to clients with the token', async () => {
    await using fleet = await makeFleet();
    const directory = await mkdtemp(join(tmpdir(), 'mco-metrics-'));
    try {
      const token = join(directory, 'token');
      await writeFile(token, 'open-sesame\n');
      const port = await freePort();
      const config = `metrics: { port: ${port}, address: 0.0.0.0, token_file: ${token} }`;
      await using node = await startTestNode(fleet, { config, policies: { default: allowRip } });
      const { caPem: ca } = await fleet.operator('rip@devco.net');
      const by = (headers: Record<string, string>, servername = node.name) => askTls(port, { ca, servername, headers });
      assert.equal((await by({ authorization: 'Bearer open-sesame' })).status, 200);
      assert.match((await by({ authorization: 'bearer open-sesame' })).body, /^mco_deploy_info/m);
      for (const authorization of ['', 'Bearer', 'Bearer open-sesam', 'Basic open-sesame', 'Bearer open-sesame x'])
        assert.equal((await by(authorization === '' ? {} : { authorization })).status, 401, authorization);
      await assert.rejects(by({ authorization: 'Bearer open-sesame' }, 'other.devco.net'), {
        code: 'ERR_TLS_CERT_ALTNAME_INVALID',
      });
      await assert.rejects(ask(port), /hang up|ECONNRESET|socket/i);
      // A token that is changed holds from the next request; one that is gone lets nobody in.
      await writeFile(token, 'other');
      assert.equal((await by({ authorization: 'Bearer open-sesame' })).status, 401);
      await rm(token);
      assert.equal((await by({ authorization: 'Bearer ' })).status, 401);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  test('are served with the certificate in force, also after a renewal and to a client that names no server', async () => {
    await using fleet = await makeFleet();
    const { files } = await fleet.operator('rip@devco.net');
    const token = join(files.directory, 'metrics-token');
    await writeFile(token, 'open-sesame\n', { mode: 0o600 });
    const port = await freePort();
    const config = `metrics: { port: ${port}, address: 0.0.0.0, token_file: ${token} }`;
    await using node = await startTestNode(fleet, { config, policies: { default: allowRip } });
    const shown = async (more: { servername?: string }) => {
      const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...more });
      await once(socket, 'secureConnect');
      const { raw } = socket.getPeerCertificate();
      socket.destroy();
      return parseCertificate(raw).serialNumber;
    };
    const both = async () => [await shown({}), await shown({ servername: node.name })];
    const [first] = await both();
    const renewed = await fleet.node(node.name);
    await writeFile(join(node.directory, 'node.crt'), renewed.certificatePem);
    await writeFile(join(node.directory, 'node.key'), renewed.keyPem);
    await node.daemon.reload();
    const { serialNumber } = renewed.certificate;
    assert.notEqual(first, serialNumber);
    assert.deepEqual(await both(), [serialNumber, serialNumber]);
  });

  test('are refused outside loopback without a token, as a fault of the configuration, with the line', async () => {
    await using fleet = await makeFleet();
    const config = `metrics: { port: ${await freePort()}, address: 0.0.0.0 }`;
    await assert.rejects(startTestNode(fleet, { config }), {
      code: 'bad-configuration',
      message: /node\.yaml:\d+.*metrics beyond loopback need a token/,
    });
  });

  test('stop the daemon from starting if the port is taken, with a message that names the next step', async () => {
    await using fleet = await makeFleet();
    const busy = createServer().listen(0, '127.0.0.1');
    await once(busy, 'listening');
    const { port } = busy.address() as { port: number };
    const servers = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPServerWrap').length;
    const before = servers();
    await assert.rejects(nodeWithMetrics(fleet, port), { code: 'cannot-listen', hint: /metrics\.port/ });
    await until('its own port is free again', () => servers() === before);
    busy.close();
  });
});

describe('a meter', () => {
  test('counts records that could not be written, and passes the failure on', async () => {
    const meter = startMeter();
    const full = { append: () => Promise.reject(new Error('full')) } as unknown as AuditLog;
    await assert.rejects(meter.watchAudit(full).append({} as never, true), /full/);
    assert.match(formatMetrics(meter.families()), /^mco_deploy_audit_failures_total 1$/m);
  });
});

test('escapes labels as the format requires', async () => {
  const labels = { path: 'a "quoted" \\ and\ntwo lines' };
  const body = formatMetrics([{ name: 'x', help: 'two\nlines \\', type: 'gauge', samples: [{ labels, value: 1.5 }] }]);
  assert.equal(body.split('\n').length, 4);
  const samples = await parse(body);
  assert.deepEqual([...samples], [['x{path=a "quoted" \\ and\ntwo lines}', 1.5]]);
});
