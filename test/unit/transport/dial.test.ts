import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, test } from 'node:test';
import { type Client, connectivityState } from '@grpc/grpc-js';
import { ready } from '../../../src/transport/dial.ts';
import { mockDelays } from '../../support/mock-delays.ts';

/** A channel that connects for as long as the test wants. */
function connecting() {
  let state = connectivityState.CONNECTING;
  let looks = 0;
  let onChange = () => {};
  const channel = {
    getConnectivityState: () => {
      looks++;
      return state;
    },
    watchConnectivityState: (_state: connectivityState, _until: number, changed: () => void) => {
      onChange = changed;
    },
  };
  return {
    client: { getChannel: () => channel } as unknown as Client,
    looks: () => looks,
    become: (next: connectivityState) => {
      state = next;
      onChange();
    },
  };
}

describe('a channel that connects', () => {
  test('is ready once it is connected, also if this program was stopped for longer than that may take', async () => {
    using delays = mockDelays();
    const { signal } = new AbortController();
    const { client, become } = connecting();
    const connected = ready(client, 5000, signal);
    await delays.stop(60_000);
    become(connectivityState.READY);
    await connected;
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  test('is given up after its time, when it fails and when its caller does not want it any more', async () => {
    using delays = mockDelays();
    const caller = new AbortController();
    const [slow, broken, unwanted, late] = [connecting(), connecting(), connecting(), connecting()];
    const fails = (one: typeof slow) => assert.rejects(ready(one.client, 5000, caller.signal), Error);
    const all = [slow, broken].map(fails);
    broken.become(connectivityState.TRANSIENT_FAILURE);
    await all[1];
    await delays.pass(4999);
    const looks = slow.looks();
    await delays.pass(1);
    await all[0];
    slow.become(connectivityState.SHUTDOWN);
    assert.equal(slow.looks(), looks, 'a look would connect it again');
    const given = fails(unwanted);
    caller.abort();
    await given;
    await fails(late);
    assert.equal(late.looks(), 0);
  });
});
