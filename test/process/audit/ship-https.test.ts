import { checkExternal } from '../../../src/agents/index.ts';
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { hashLine } from '../../../src/core/audit/record.ts';
import { doctorNode } from '../../../src/daemon/doctor/node.ts';
import { eventually } from '../../support/eventually.ts';
import { type Fleet, makeFleet } from '../../support/fleet/fleet.ts';
import { freePort } from '../../support/free-port.ts';
import { startTestNode } from '../../support/node/node.ts';
import { probeAgent } from '../../support/agents/probe-agent.ts';
import { startHttpsReceiver } from '../../support/receivers/https-receiver.ts';

async function startReceiver(fleet: Fleet) {
  const receiver = await startHttpsReceiver(await fleet.node('localhost'), 'open-sesame');
  const token_file = join(fleet.dir, 'token');
  await writeFile(token_file, 'open-sesame\n');
  return {
    receiver,
    audit: { ship: { store: { https: { url: receiver.url, ca: join(fleet.dir, 'ca.crt'), token_file } } } },
  };
}

describe('an audit log that is sent to an HTTPS endpoint', () => {
  test('arrives whole, in order and byte for byte, with the token and the node’s certificate', async () => {
    await using fleet = await makeFleet();
    const { receiver, audit } = await startReceiver(fleet);
    await using _ = receiver;
    await using node = await startTestNode(fleet, { audit });
    const rip = await fleet.operator('rip@devco.net');
    for (let calls = 0; calls < 10; calls++) await node.call(rip, {});
    const { length } = await node.records();
    await eventually(async () => assert.equal(receiver.lines.length, length));
    receiver.lines.forEach((line, index) => {
      assert.deepEqual([line.node, line.sequence, line.hash], [node.name, index + 1, hashLine(line.record)]);
    });
    assert.match([...receiver.askers].join(), /dev2\.devco\.net/);
  });

  test('is sent again until the endpoint acknowledges it: a refused batch is neither lost nor skipped', async () => {
    await using fleet = await makeFleet();
    const { receiver, audit } = await startReceiver(fleet);
    await using _ = receiver;
    receiver.answer = (attempt) => (attempt < 3 ? 503 : 204);
    await using node = await startTestNode(fleet, { audit });
    const rip = await fleet.operator('rip@devco.net');
    await eventually(async () => {
      const { warnings } = await node.describe(rip);
      assert.match(
        warnings.join(),
        /the audit log is not sent to “store”: it answers 503 not now; 1 record \(\d+ bytes\)/,
      );
    });
    await node.call(rip, {});
    const { length } = await node.records();
    await eventually(async () => assert.equal(receiver.lines.length, length));
    assert.ok(receiver.attempts() >= 3);
    await eventually(async () => assert.deepEqual((await node.describe(rip)).warnings, []));
  });

  test('has its final record sent before the daemon ends', async () => {
    await using fleet = await makeFleet();
    const { receiver, audit } = await startReceiver(fleet);
    await using _ = receiver;
    const node = await startTestNode(fleet, { audit });
    await node.daemon.stop();
    assert.equal(JSON.parse(receiver.lines.at(-1)?.record ?? '{}').kind, 'stopped');
  });
});

describe('a full spool of the audit log', () => {
  test('warns in ping, doctor and metrics, and deletes no file that waits', async () => {
    await using fleet = await makeFleet();
    const metrics = await freePort();
    const port = await freePort();
    const audit = {
      ship: { siem: { syslog: { host: '127.0.0.1', port } } },
      spool_bytes: 65_536,
      max_bytes: 65_536,
      keep: { files: 1 },
    };
    const config = `metrics: { port: ${metrics} }`;
    await using node = await startTestNode(fleet, { audit, config });
    const rip = await fleet.operator('rip@devco.net');
    for (let calls = 0; calls < 60; calls++) await node.call(rip, { input: { text: 'x'.repeat(1000) } });
    await eventually(async () => {
      const { warnings } = await node.describe(rip);
      assert.match(
        warnings.join('\n'),
        /records \(\d+ bytes\) of the audit log wait for “siem”, more than audit\.spool_bytes \(65536\): none of them is deleted/,
      );
    });
    const text = await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text();
    assert.match(text, /mco_deploy_audit_spool_full\{receiver="siem"\} 1/);
    assert.match(text, /mco_deploy_audit_unsent_records\{receiver="siem"\} \d+/);
    const findings = await doctorNode(
      join(node.directory, 'node.yaml'),
      { agents: [probeAgent], checkExternal },
      new AbortController().signal,
    );
    const found = findings.find(({ check }) => check === 'audit log to “siem”');
    assert.match(JSON.stringify(found), /none of them is deleted/);
  });
});
