import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { Problem } from '../../../../src/core/errors.ts';
import { noKeyMemory } from '../../../../src/library/relays/key-memory.ts';
import { openAutomatic } from '../../../../src/library/relays/automatic.ts';
import { namedRelays, openRelays } from '../../../../src/library/relays/open-relays.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';
import { newCache } from '../../../support/fleet/memory-find.ts';
import { keepingLog } from '../../../support/node/quiet-log.ts';
import { until } from '../../../support/until.ts';
import { echoing, type LocalRelay, startLocalRelay } from '../../../support/relay/local-relay.ts';

let fleet: Fleet;
let rip: Member;
let local: LocalRelay;
let asked = 0;
before(async () => {
  fleet = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
  local = await startLocalRelay({
    ...echoing,
    discover: (...search) => {
      asked++;
      return echoing.discover(...search);
    },
  });
});
after(async () => {
  await local[Symbol.asyncDispose]();
  await fleet.remove();
});

/** The nodes that the relays of a command report. @throws Problem as openRelays, and `no-relay` when none answers */
async function reported(via: readonly string[], timeout = 60): Promise<string[] | undefined> {
  const caller = { credentials: rip.credentials, trust: fleet.trust };
  const config = { relays: [], timeout, relay_socket: local.socket, auto_relays: false };
  const relays = await openRelays({
    config: config as never,
    via,
    tls: () => caller,
    caller,
    direct: () => assert.fail('no node is called'),
    cache: await newCache(),
    memory: noKeyMemory,
    log: keepingLog(),
  });
  if (relays === undefined) return undefined;
  try {
    const search = { timeout: 0, names: ['web1'], isWanted: () => true };
    return await Array.fromAsync(relays.ask(search, new AbortController().signal));
  } finally {
    await relays.close();
  }
}

describe('the relays of a command', () => {
  test('are the host’s own daemon if no other is named', async () => {
    assert.deepEqual(await reported([]), ['web1']);
    assert.equal(asked, 1);
  });

  test('are those of --via alone, and none with “direct”: the host’s own is not asked', async () => {
    asked = 0;
    await assert.rejects(reported(['bastion.example.net=127.0.0.1:1']), /no relay can be used: bastion.example.net /);
    assert.equal(await reported(['direct']), undefined);
    await assert.rejects(
      reported(['direct', 'bastion.example.net']),
      (error) => error instanceof Problem && error.code === 'usage' && error.message.includes('direct'),
    );
    assert.equal(asked, 0);
  });
});

test('a relay that is named twice is one relay with both addresses', async () => {
  const twice = [{ name: 'bastion', address: '10.0.0.1' }, 'edge', { name: 'bastion', address: '[2001:db8::1]:99' }];
  assert.deepEqual(namedRelays({ relays: twice }), [
    {
      name: 'bastion',
      addresses: [
        { host: '10.0.0.1', port: 5810 },
        { host: '2001:db8::1', port: 99 },
      ],
    },
    { name: 'edge', addresses: [{ host: 'edge', port: 5810 }] },
  ]);
  const refused = reported(['bastion.example.net=127.0.0.1:1', 'bastion.example.net=127.0.0.1:2']);
  await assert.rejects(refused, /no relay can be used: bastion\.example\.net \(127\.0\.0\.1:2\) [^;]*$/);
});

test('a relay that does not answer in time is named with that reason', async () => {
  const silent = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as { port: number };
  await assert.rejects(
    reported([`bastion.example.net=127.0.0.1:${port}`], 0.05),
    /no relay can be used: bastion.example.net does not answer within 0.05 s/,
  );
  silent.close();
});

describe('relays that nobody named', () => {
  test('are the four that were seen last, of those that may relay', async () => {
    const dialled = new Set<string>();
    // It hangs up on everybody.
    const server = createServer((socket) => {
      dialled.add(socket.localAddress ?? '');
      socket.destroy();
    }).listen(0, '0.0.0.0');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const others = Array.from({ length: 40 }, (_, index) => ({ name: `x${index}`, addresses: [], lastSeen: 100 }));
    const relays = Array.from({ length: 6 }, (_, index) => ({
      name: `relay${index}`,
      addresses: [{ host: `127.0.0.${index + 1}`, port }],
      lastSeen: index,
      relays: true,
    }));
    const plain = [{ ...relays[0], name: 'plain', relays: false, lastSeen: 200 }];
    const cache = { nodes: () => [...others, ...relays, ...plain] } as unknown as Parameters<typeof openAutomatic>[0];
    const caller = { credentials: rip.credentials, trust: fleet.trust };
    assert.deepEqual(await openAutomatic(cache, () => caller), []);
    await until('four relays are dialled', () => dialled.size >= 4);
    server.close();
    assert.deepEqual([...dialled].sort(), ['127.0.0.3', '127.0.0.4', '127.0.0.5', '127.0.0.6']);
  });
});
