import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { startDaemon } from '../../../src/daemon/daemon.ts';
import { bindPort } from '../../../src/transport/bind.ts';
import { probeAgent } from '../../support/agents/probe-agent.ts';
import { makeFleet } from '../../support/fleet/fleet.ts';
import { freePort } from '../../support/free-port.ts';
import { prepareNode, startTestNode } from '../../support/node/node.ts';

describe('a second daemon with the same configuration', () => {
  test('ends before it changes the audit log or the state of the running one', async () => {
    await using fleet = await makeFleet();
    const listen = `listen: { address: 127.0.0.1, port: ${await freePort()} }`;
    await using node = await startTestNode(fleet, { listen });
    const rip = await fleet.operator('rip@devco.net');
    await node.call(rip, {});
    const before = await readFile(node.auditFile, 'utf8');
    const files = (await readdir(dirname(node.auditFile))).sort();
    const again = { configFile: join(node.directory, 'node.yaml'), agents: [probeAgent], version: '0.1.0' };
    for (let tries = 0; tries < 3; tries++) await assert.rejects(startDaemon(again), { code: 'cannot-listen' });
    assert.equal(await readFile(node.auditFile, 'utf8'), before);
    assert.deepEqual((await readdir(dirname(node.auditFile))).sort(), files);
    assert.equal((await node.call(rip, {})).outcome, 'ok');
    assert.ok((await node.records()).every(({ kind }) => kind !== 'displaced'));
  });

  test('ends if it starts at the same time, and the other runs with a whole log', async () => {
    await using fleet = await makeFleet();
    const listen = `listen: { address: 127.0.0.1, port: ${await freePort()} }`;
    await using node = await startTestNode(fleet, { listen });
    await node.daemon.stop();
    const again = { configFile: join(node.directory, 'node.yaml'), agents: [probeAgent], version: '0.1.0' };
    const started = await Promise.allSettled([startDaemon(again), startDaemon(again)]);
    const [daemon, ...others] = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    await daemon?.stop();
    assert.ok(daemon !== undefined && others.length === 0);
    assert.deepEqual(
      started.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : [])),
      ['cannot-listen'],
    );
    const kinds = (await node.records()).map(({ kind }) => kind as string);
    assert.deepEqual(
      kinds.filter((kind) => kind === 'started' || kind === 'displaced'),
      ['started', 'started'],
    );
  });
});

test('a daemon that cannot start leaves its port free', async () => {
  await using fleet = await makeFleet();
  const port = await freePort();
  const { configFile } = await prepareNode(fleet, {
    listen: `listen: { address: 127.0.0.1, port: ${port} }`,
    prepare: (directory) => rm(join(directory, 'node.key')),
  });
  const options = { configFile, agents: [probeAgent], version: '0.1.0' };
  await assert.rejects(startDaemon(options), { code: 'unreadable-file', message: /node\.key/ });
  (await bindPort({ host: '127.0.0.1', port })).close();
});

describe('a port that is bound before it is served', () => {
  test('keeps early connections, with the data they sent, until it is served', async () => {
    const bound = await bindPort({ host: '127.0.0.1', port: 0 });
    const early = connect(bound.port, '127.0.0.1');
    early.write('early');
    await once(early, 'connect');
    const received = new Promise<string>((resolve) => {
      const server = bound.serve((socket) => {
        socket.once('data', (bytes) => {
          socket.destroy();
          server.close();
          resolve(String(bytes));
        });
      });
    });
    assert.equal(await received, 'early');
    early.destroy();
  });

  test('is free again after its release', async () => {
    const bound = await bindPort({ host: '127.0.0.1', port: 0 });
    await assert.rejects(bindPort({ host: '127.0.0.1', port: bound.port }), { code: 'cannot-listen' });
    bound.close();
    const again = await bindPort({ host: '127.0.0.1', port: bound.port });
    again.close();
  });
});
