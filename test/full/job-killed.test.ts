import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agents } from '../../src/agents/index.ts';
import { openReply } from '../../src/core/request/reply.ts';
import { type CallOptions, newId, sealRequest } from '../../src/core/request/request.ts';
import { createDial } from '../../src/transport/dial.ts';
import { probeAgent } from '../support/agents/probe-agent.ts';
import { makeFleet } from '../support/fleet/fleet.ts';
import { startDaemonProcess } from '../support/node/daemon-process.ts';
import { allowRip, orderFor, prepareNode } from '../support/node/node.ts';

const builtIn = agents.filter(({ ddl }) => ddl.name === 'jobs');

test('a job is unknown when the daemon was killed while it ran, and is not run again', async () => {
  await using fleet = await makeFleet();
  const rip = await fleet.operator('rip@devco.net');
  const { configFile, name } = await prepareNode(fleet, {
    name: 'dev6.devco.net',
    agents: [probeAgent, ...builtIn],
    policies: { default: allowRip },
  });
  const id = newId();
  const call = async (port: number, order: Partial<CallOptions>) => {
    const tls = () => ({ credentials: rip.credentials, trust: fleet.trust });
    const signal = new AbortController().signal;
    const connection = await createDial(tls, 5000)(name, [{ host: '127.0.0.1', port }], signal);
    try {
      const signed = sealRequest(orderFor(name, order), rip.credentials, Date.now());
      return openReply(await connection.call(signed, () => {}, signal), signed.request, name, fleet.trust, Date.now());
    } finally {
      connection.close();
    }
  };
  const wait = { agent: 'probe', action: 'wait', input: {}, detach: true, requestId: id };
  {
    await using first = await startDaemonProcess(configFile);
    assert.equal((await call(first.port, wait)).code, 'detached');
  }
  await using second = await startDaemonProcess(configFile);
  const shown = await call(second.port, { agent: 'jobs', action: 'show', input: { id } });
  const { state, code } = JSON.parse(shown.data.toString());
  assert.deepEqual([state, code], ['unknown', 'interrupted']);
  assert.equal((await call(second.port, { ...wait, try: 2 })).code, 'job-exists');
  const listed = await call(second.port, { agent: 'jobs', action: 'list', input: {} });
  assert.deepEqual(
    JSON.parse(listed.data.toString()).jobs.map((job: { state: string }) => job.state),
    ['unknown'],
  );
});
