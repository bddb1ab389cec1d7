import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import type { NodeService } from '../../../src/core/ports.ts';
import { createDial } from '../../../src/transport/dial.ts';
import { startListening } from '../../../src/transport/listen.ts';
import { silentLog } from '../../support/agents/agent-setup.ts';
import { makeFleet } from '../../support/fleet/fleet.ts';
import { roomyLimits } from '../../support/node/listen-limits.ts';
import { until } from '../../support/until.ts';

const script = join(import.meta.dirname, '../../support/attack/reset-after-handshake.py');
const sockets = () => process.getActiveResourcesInfo().filter((one) => one === 'TCPSocketWrap').length;

describe('connections that are reset right after the handshake', () => {
  test('leave no descriptor and no slot behind: their caller is served afterwards', async () => {
    await using fleet = await makeFleet();
    const { credentials } = await fleet.node('dev2.devco.net');
    const { credentials: mine, files } = await fleet.operator('rip@devco.net');
    const before = sockets();
    const listener = await startListening({
      host: '127.0.0.1',
      port: 0,
      tls: () => ({ credentials, trust: fleet.trust }),
      service: { isServing: () => true } as unknown as NodeService,
      log: silentLog,
      onStranger: () => {},
      limits: { ...roomyLimits, connections: { ...roomyLimits.connections, perCaller: 2, total: 2, perAddress: 2 } },
    });
    try {
      await promisify(execFile)('python3', [script, String(listener.port), files.certificate, files.key, '300']);
      const dial = createDial(() => ({ credentials: mine, trust: fleet.trust }), 30_000);
      const address = { host: '127.0.0.1', port: listener.port };
      // Each slot that was left behind would be one of the two that this caller may have.
      const connections = [1, 2].map(() => dial('dev2.devco.net', [address], new AbortController().signal));
      for (const connection of await Promise.all(connections)) connection.close();
      await until('the sockets are closed', () => sockets() <= before, 50);
    } finally {
      await listener.stop(Promise.resolve(), 0);
    }
    assert.ok(sockets() <= before);
  });
});
