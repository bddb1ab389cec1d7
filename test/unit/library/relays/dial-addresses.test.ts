import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Problem } from '../../../../src/core/errors.ts';
import { dialAddresses } from '../../../../src/library/relays/dial-addresses.ts';
import type { RelayConnection } from '../../../../src/transport/relay/connection.ts';
import { mockDelays, someTurns } from '../../../support/mock-delays.ts';
import { isProblem } from '../../../support/thrown.ts';

const name = 'bastion.example.net';
const at = (...hosts: readonly string[]) => hosts.map((host) => ({ host, port: 5810 }));

/** A relay at some of its addresses; `dead` ones say nothing until the attempt is cancelled. */
function start(hosts: Readonly<Record<string, 'answers' | 'foreign' | 'dead'>>, names: Record<string, string[]> = {}) {
  const dialled: string[] = [];
  const closed: string[] = [];
  const late = Promise.withResolvers<void>();
  const dial = dialAddresses(
    async (_name, [address], signal) => {
      const host = address?.host ?? '';
      dialled.push(host);
      if (hosts[host] === 'foreign') throw new Problem('foreign-certificate', `${host} is another machine`);
      if (hosts[host] === undefined) throw new Problem('unreachable', `${host} refuses`);
      const cancelled = Promise.withResolvers<void>();
      signal.addEventListener('abort', () => cancelled.resolve());
      if (hosts[host] === 'dead') await Promise.race([cancelled.promise, late.promise]);
      if (hosts[host] === 'dead' && signal.aborted) throw new Problem('cancelled', 'it was cancelled');
      return { name: host, close: () => closed.push(host) } as unknown as RelayConnection;
    },
    async (host) => {
      const found = names[host];
      if (found === undefined) throw new Error('ENOTFOUND');
      return found;
    },
  );
  return { closed, dial, dialled, late: late.resolve };
}
const { signal } = new AbortController();

describe('a relay with several addresses', () => {
  test('is reached at the first, and no other is tried', async () => {
    const { dial, dialled } = start({ '10.0.0.1': 'answers', '10.0.0.2': 'answers' });
    assert.equal((await dial(name, at('10.0.0.1', '10.0.0.2'), signal)).name, '10.0.0.1');
    assert.deepEqual(dialled, ['10.0.0.1']);
  });

  test('is reached at the next if one leads to another machine, also if a host name has both', async () => {
    const { dial, dialled } = start(
      { '10.0.0.1': 'foreign', '10.0.0.2': 'answers' },
      { [name]: ['10.0.0.1', '10.0.0.2'] },
    );
    assert.equal((await dial(name, at('10.0.0.1', '10.0.0.2'), signal)).name, '10.0.0.2');
    assert.equal((await dial(name, at(name), signal)).name, '10.0.0.2');
    assert.deepEqual(dialled, ['10.0.0.1', '10.0.0.2', '10.0.0.1', '10.0.0.2']);
  });

  test('is reached at the next half a second later if one is silent, whose attempt ends', async () => {
    using delays = mockDelays();
    const { dial, dialled } = start({ '10.0.0.1': 'dead', 'fe80::1%eth0': 'answers' });
    const dialling = dial(name, at('10.0.0.1', 'fe80::1%eth0'), signal);
    await someTurns();
    await delays.pass(499);
    assert.deepEqual(dialled, ['10.0.0.1']);
    await delays.pass(1);
    assert.equal((await dialling).name, 'fe80::1%eth0');
  });

  test('is left connected at one address if two answer at last', async () => {
    using delays = mockDelays();
    const { closed, dial, late } = start({ '10.0.0.1': 'dead', '10.0.0.2': 'dead' });
    const dialling = dial(name, at('10.0.0.1', '10.0.0.2'), signal);
    await someTurns();
    await delays.pass(500);
    late();
    assert.equal((await dialling).name, '10.0.0.1');
    await someTurns();
    assert.deepEqual(closed, ['10.0.0.2']);
  });

  test('is given up with the reason of the last address, or when it is cancelled', async () => {
    const { dial } = start({ '10.0.0.1': 'foreign', '10.0.0.3': 'dead' });
    await assert.rejects(
      dial(name, at('10.0.0.1', 'no-such-host'), signal),
      isProblem('unreachable', /no-such-host refuses/),
    );
    await assert.rejects(dial(name, [], signal), isProblem('unreachable', /no address of bastion/));
    const cancelling = new AbortController();
    const cancelled = dial(name, at('10.0.0.3'), cancelling.signal);
    await someTurns();
    cancelling.abort();
    await assert.rejects(cancelled, isProblem('cancelled'));
    const unresolved = dialAddresses(dial, () => new Promise(() => {}))(name, at(name), cancelling.signal);
    await assert.rejects(unresolved, isProblem('cancelled', /connecting to bastion\.example\.net was cancelled/));
  });
});
