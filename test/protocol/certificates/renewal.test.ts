import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { agents } from '../../../src/agents/index.ts';
import { sealRequest } from '../../../src/core/request/request.ts';
import { parseCertificate } from '../../../src/core/credentials/certificate.ts';
import { warnDaily } from '../../../src/daemon/system/live-keys.ts';
import { type Fleet, type Member, type MemberOptions, makeFleet } from '../../support/fleet/fleet.ts';
import { orderFor, startTestNode, type TestNode } from '../../support/node/node.ts';
import { probeAgent, waiting } from '../../support/agents/probe-agent.ts';
import { keepingLog } from '../../support/node/quiet-log.ts';
import { openTls } from '../../support/attack/raw-client.ts';
import { until } from '../../support/until.ts';

const day = 86_400_000;
const { signal } = new AbortController();
const noFilter = { filter: null, facts: [], full: false, peers: false };

describe('a node’s certificate', () => {
  let fleet: Fleet;
  let rip: Member;

  before(async () => {
    fleet = await makeFleet();
    rip = await fleet.operator('rip@devco.net');
  });
  after(() => fleet.remove());

  /** The serial of the certificate that the node presents to new connections. */
  const shownBy = async (node: TestNode) => {
    const socket = openTls(fleet, node, rip);
    await once(socket, 'secureConnect');
    const { raw } = socket.getPeerCertificate();
    socket.destroy();
    return parseCertificate(raw).serialNumber;
  };
  const warningsOf = async (node: TestNode) => {
    const connection = await node.dial(rip);
    const { warnings } = await connection.describe(noFilter, signal);
    connection.close();
    return warnings.join('\n');
  };

  test('is renewed without a signal, a restart or an effect on a running call, and only once its key has arrived', async () => {
    await using node = await startTestNode(fleet, { name: 'dev1.devco.net' });
    const first = await shownBy(node);
    const connection = await node.dial(rip);
    const running = connection.call(
      sealRequest(orderFor(node.name, { action: 'wait', input: {} }), rip.credentials, Date.now()),
      () => {},
      signal,
    );
    await until('the call of probe.wait', () => waiting.length > 0, 0);

    const renewed = await fleet.node(node.name);
    await writeFile(join(node.directory, 'node.crt'), renewed.certificatePem);
    await until(
      'the warning of a key that does not match',
      async () => (await warningsOf(node)).includes('does not match the certificate'),
      100,
    );
    assert.equal(await shownBy(node), first, 'the old pair stays in force');
    assert.equal((await node.call(rip, {})).outcome, 'ok');

    await writeFile(join(node.directory, 'node.key'), renewed.keyPem);
    await until('the new certificate', async () => (await shownBy(node)) === renewed.certificate.serialNumber, 100);
    assert.equal(await warningsOf(node), '');
    waiting.shift()?.();
    const { chain } = await running;
    assert.equal(parseCertificate(chain[0] ?? '').serialNumber, renewed.certificate.serialNumber);
    await connection.describe(noFilter, signal);
    connection.close();
    const changes = (await node.records()).filter(({ kind }) => kind === 'certificate');
    assert.equal(changes.length, 1, 'the audit log says from when on the new one signs');
  });

  test('is not replaced by a certificate of another node or of an operator', async () => {
    await using node = await startTestNode(fleet, { name: 'dev2.devco.net' });
    const first = await shownBy(node);
    for (const [other, warning] of [
      [await fleet.node('dev4.devco.net'), /the new certificate is of dev4.devco.net/],
      [await fleet.operator('eve@devco.net'), /is an operator/],
    ] as const) {
      await writeFile(join(node.directory, 'node.crt'), other.certificatePem);
      await writeFile(join(node.directory, 'node.key'), other.keyPem);
      await node.daemon.reload();
      assert.match(await warningsOf(node), warning);
      assert.equal(await shownBy(node), first);
    }
  });

  test('warns thirty days before its end, in ping and in the inventory', async () => {
    const ending = (options: MemberOptions) => ({
      ...fleet,
      node: (name: string) => fleet.node(name, options),
    });
    const rpcutil = agents.filter(({ ddl }) => ddl.name === 'rpcutil');
    const start = (name: string, notAfter: number) =>
      startTestNode(ending({ notAfter }), { name, agents: [probeAgent, ...rpcutil] });
    await using good = await start('dev3.devco.net', Date.now() + 31 * day);
    assert.equal(await warningsOf(good), '');
    await using node = await start('dev5.devco.net', Date.now() + 29.5 * day);
    const warning = /^the certificate ends in 29 days \(20\d\d-.*Z\): renew it$/;
    assert.match(await warningsOf(node), warning);
    const inventory = await node.call(rip, { agent: 'rpcutil', action: 'inventory', input: {} });
    assert.match(JSON.parse(inventory.data.toString()).warnings.join(), warning);
  });

  test('has an overdue revocation list reported while the daemon runs, not only at its start', async () => {
    await using node = await startTestNode(fleet, { name: 'dev6.devco.net' });
    await writeFile(join(node.directory, 'crl.pem'), await fleet.crl({ days: -1 }));
    await until(
      'the warning of a list that is overdue',
      async () => (await warningsOf(node)).includes('a new revocation list has been due since'),
      100,
    );
  });
});

test('the log warns at once and then daily, as long as the daemon runs', (context) => {
  context.mock.timers.enable({ apis: ['setInterval'] });
  const log = keepingLog();
  let days = 29;
  const stop = warnDaily(() => [`the certificate ends in ${days--} days`], log);
  context.mock.timers.tick(2 * day);
  assert.deepEqual(
    log.lines,
    [29, 28, 27].map((left) => `warn the certificate ends in ${left} days`),
  );
  stop();
  context.mock.timers.tick(2 * day);
  assert.equal(log.lines.length, 3);
});
