import assert from 'node:assert/strict';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { mock, test } from 'node:test';
import { lookUpAddresses } from '../../../../../src/agents/haproxy/servers/address.ts';
import { mockDelays } from '../../../../support/mock-delays.ts';

const dns = createRequire(import.meta.url)('node:dns/promises') as typeof import('node:dns/promises');

test('a host whose addresses are not found within two seconds has none, and the others keep theirs', async () => {
  const lookup = mock.method(dns, 'lookup', async (name: string) =>
    name === 'fast' ? [{ address: '::ffff:10.0.0.1', family: 6 }] : await Promise.withResolvers().promise,
  );
  {
    using clock = mockDelays();
    const cleared = mock.method(globalThis, 'clearTimeout').mock;
    const looking = lookUpAddresses(['slow', 'fast']);
    let done = false;
    void looking.then(() => {
      done = true;
    });
    await clock.pass(1999);
    assert.equal(done, false);
    await clock.pass(1);
    assert.deepEqual(
      [...(await looking)],
      [
        ['slow', []],
        ['fast', ['10.0.0.1']],
      ],
    );
    assert.equal(cleared.callCount(), 2, 'no timer is left');
    cleared.restore();
  }
  lookup.mock.restore();
  syncBuiltinESMExports();
});
