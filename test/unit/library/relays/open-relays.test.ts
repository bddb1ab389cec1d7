import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Problem } from '../../../../src/core/errors.ts';
import { noKeyMemory } from '../../../../src/library/relays/key-memory.ts';
import { openRelays } from '../../../../src/library/relays/open-relays.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';
import { newCache } from '../../../support/fleet/memory-find.ts';
import { keepingLog } from '../../../support/node/quiet-log.ts';
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
async function reported(via: readonly string[]): Promise<string[] | undefined> {
  const caller = { credentials: rip.credentials, trust: fleet.trust };
  const config = { relays: [], timeout: 1, relay_socket: local.socket, auto_relays: false };
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
    relays.close();
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
