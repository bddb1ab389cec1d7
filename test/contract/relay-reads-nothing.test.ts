import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callNode } from '../../src/library/fleet/call-node.ts';
import { startRelayLink } from '../../src/library/relays/relay-link.ts';
import { startRelays } from '../../src/library/relays/relays.ts';
import { Problem } from '../../src/core/errors.ts';
import { noFilter } from '../../src/core/filter/filter.ts';
import { sealRequest } from '../../src/core/request/request.ts';
import { createRelayDial } from '../../src/transport/relay/dial-relay.ts';
import { makeFleet } from '../support/fleet/fleet.ts';
import { keepingLog } from '../support/node/quiet-log.ts';
import { orderFor, startTestNode } from '../support/node/node.ts';
import { startHostileRelay } from '../support/relay/hostile-relay.ts';
import { testAgents } from '../support/relay/relay-fleet.ts';

const { signal } = new AbortController();

test('a relay sees no plain byte of requests and replies, whether calls, descriptions or results', async () => {
  await using fleet = await makeFleet();
  const rip = await fleet.operator('rip@devco.net');
  await using node = await startTestNode(fleet, { name: 'dev1.devco.net', agents: testAgents });
  await using relay = await startHostileRelay(fleet, 'evil.devco.net', [node]);
  const caller = { credentials: rip.credentials, trust: fleet.trust };
  const dial = createRelayDial(() => caller, 5000);
  const link = startRelayLink(relay.name, () => dial(relay.name, [{ host: '127.0.0.1', port: relay.port }], signal));
  const direct = () => Promise.reject(new Problem('unreachable', 'there is no other way'));
  const relays = startRelays({ links: [link], caller, direct, log: keepingLog() });
  try {
    const connection = await relays.dial(node.name, [], signal);
    const order = orderFor(node.name, {
      input: { text: 'argument-of-the-call', secret: 'sensitive-of-the-call' },
      sensitive: ['secret'],
      runId: 'd'.repeat(32),
      step: 'step-of-the-run',
      filter: { ...noFilter, facts: ['cluster=bravo'] },
    });
    const settings = { timeout: 5000, changes: false, onProgress: () => {}, signal };
    const outcome = await callNode(connection, order, caller, settings);
    assert.equal(outcome.outcome, 'ok');
    const filter = { ...noFilter, facts: ['cluster=bravo'] };
    const description = await connection.describe({ filter, facts: ['*'], full: true, peers: true }, signal);
    assert.equal(description.identity, node.name);
    const asked = sealRequest({ ...order, requestId: 'e'.repeat(32) }, rip.credentials, Date.now());
    assert.equal((await connection.result(asked, signal)).state, 'UNKNOWN');
    const lost = { ...(await callNode(connection, { ...order, action: 'count', input: {} }, caller, settings)) };
    assert.equal(lost.outcome, 'ok');

    const seen = Buffer.concat(relay.seen).toString('latin1');
    assert.ok(relay.seen.length > 10);
    const plain = [
      ...['argument-of-the-call', 'sensitive-of-the-call', 'step-of-the-run', 'hidden letters', order.requestId],
      ...['cluster', 'bravo', 'probe', 'echo', 'count', 'rpcutil', 'webserver', 'rip@devco.net', 'mco://'],
      ...[rip.certificate.raw, node.daemon.identity, description.version],
      ...['kernel', 'hostname', '"ok"', 'description', 'Apache-2.0'],
    ].map((text) => (typeof text === 'string' ? text : text.subarray(0, 40).toString('latin1')));
    // Shorter words turn up by chance in bytes that look random.
    for (const text of plain.filter(({ length }) => length >= 4)) assert.ok(!seen.includes(text), text);
  } finally {
    await relays.close();
  }
});
