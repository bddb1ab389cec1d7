import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { sealRequest } from '../../../src/core/request/request.ts';
import type { NodeService } from '../../../src/core/ports.ts';
import { sign } from '../../../src/core/credentials/signature.ts';
import { requestCodec } from '../../../src/core/wire/codec.ts';
import { startListening } from '../../../src/transport/listen.ts';
import { silentLog } from '../../support/agents/agent-setup.ts';
import { roomyLimits } from '../../support/node/listen-limits.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { makeFleet } from '../../support/fleet/fleet.ts';
import { makeHome } from '../../support/program/home.ts';
import { orderFor, startTestNode } from '../../support/node/node.ts';

/** A daemon from the future, as far as its description shows. */
const later = {
  isServing: () => true,
  enter: () => () => {},
  describe: async () => ({
    identity: 'dev2.devco.net',
    version: '9.0.0',
    protocol: 2,
    matched: true,
    agents: [],
    classes: [],
    facts: Buffer.from('{}'),
    peers: [],
    warnings: [],
    duplicates: [],
    time: Date.now(),
  }),
} as unknown as NodeService;

describe('another protocol version', () => {
  test('the client reports a node with another version, with both versions and the next step, and makes no call', async () => {
    await using fleet = await makeFleet();
    const { credentials } = await fleet.node('dev2.devco.net');
    const listener = await startListening({
      host: '127.0.0.1',
      port: 0,
      tls: () => ({ credentials, trust: fleet.trust }),
      service: later,
      log: silentLog,
      onStranger: () => {},
      limits: roomyLimits,
    });
    const rip = await fleet.operator('rip@devco.net');
    const node = { name: 'dev2.devco.net', daemon: { port: listener.port } };
    const home = await makeHome(join(fleet.dir, 'home'), rip, [node as never]);
    const { code, out } = await runInProcess(['ping', '--json'], home);
    await listener.stop(Promise.resolve(), 1000);
    assert.equal(code, 3);
    const { broken } = JSON.parse(out.join('\n')) as { broken: { code: string; message: string }[] };
    assert.equal(broken[0]?.code, 'other-protocol');
    assert.match(
      broken[0]?.message ?? '',
      /dev2\.devco\.net runs mco-deploy 9\.0\.0 with protocol 2, this client has protocol 1/,
    );
  });

  test('the node refuses a request with another version, and names both versions', async () => {
    await using fleet = await makeFleet();
    await using node = await startTestNode(fleet);
    const rip = await fleet.operator('rip@devco.net');
    const sealed = sealRequest(orderFor(node.name), rip.credentials, Date.now());
    const request = requestCodec.encode({ ...requestCodec.decode(sealed.request), protocol: 2 });
    const signed = { ...sealed, request, signature: sign('request', request, rip.key) };
    await assert.rejects(node.send(rip, signed), {
      code: 'other-protocol',
      message: 'the request speaks protocol 2, this node speaks 1',
      hint: 'use a client of the same major version',
    });
  });
});
