import { pendingTimers } from '../../support/faults/track-timers.ts';
import assert from 'node:assert/strict';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { agents as builtIn } from '../../../src/agents/index.ts';
import { stopPart } from '../../../src/daemon/stop-part.ts';
import { bindPort } from '../../../src/transport/bind.ts';
import { probeAgent } from '../../support/agents/probe-agent.ts';
import { makeFleet } from '../../support/fleet/fleet.ts';
import { freePort } from '../../support/free-port.ts';
import { keepingLog } from '../../support/node/quiet-log.ts';
import { startTestNode } from '../../support/node/node.ts';

/** Those that need no program or section of their own. */
const enabled = ['angelia', 'audit', 'crl', 'jobs', 'journal', 'lock', 'rpcutil'];

describe('a daemon that has stopped', () => {
  test('has kept its state closed to others, and leaves no timer, port or watched file, its relay, metrics and agents included', async () => {
    const fleet = await makeFleet();
    const rip = await fleet.operator('rip@devco.net');
    assert.deepEqual(pendingTimers(), []);
    const port = await freePort();
    const node = await startTestNode(fleet, {
      agents: [probeAgent, ...builtIn.filter(({ ddl }) => enabled.includes(ddl.name))],
      config: `metrics: { port: ${port} }\nrelay: { socket: false, nodes: nodes.yaml }\n`,
      prepare: (directory) => writeFile(join(directory, 'nodes.yaml'), '[]\n'),
    });
    const runId = 'a'.repeat(32);
    const order = { agent: 'lock', action: 'take', input: { name: 'app', ttl: 600, from: '' }, runId };
    const { outcome, message } = await node.call(rip, order);
    assert.equal(outcome, 'ok', message);
    const running = pendingTimers();
    for (const place of [
      'daemon/facts/node-truth',
      'daemon/system/live-keys',
      'daemon/relay/start',
      'core/files/watch-files',
      'agents/lock/expiry',
    ])
      assert.ok(
        running.some((one) => one.includes(place)),
        `${place} is not among ${running.join(', ')}`,
      );
    const own = (await readdir(join(node.directory, 'state'), { withFileTypes: true })).filter((one) =>
      one.isDirectory(),
    );
    for (const path of ['state', ...own.map(({ name }) => join('state', name))]) {
      assert.equal((await stat(join(node.directory, path))).mode & 0o077, 0, `${path} is closed to others`);
    }
    assert.ok(own.length > 0);
    await node.daemon.stop();
    assert.deepEqual(pendingTimers(), []);
    // The port of its metrics is free again, too.
    (await bindPort({ host: '127.0.0.1', port })).close();
    await fleet.remove();
  });

  test('leaves no timer of a part that has stopped, or failed to, in time', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length;
    const before = timers();
    await stopPart('a part', async () => {}, keepingLog());
    await stopPart('a part', () => Promise.reject(new Error('no')), keepingLog());
    assert.equal(timers(), before);
  });
});
