import assert from 'node:assert/strict';
import { channel } from 'node:diagnostics_channel';
import { test } from 'node:test';
import { widenUploads } from '../../../../src/transport/artifacts/window.ts';

test('only connections that may upload get a wide window, once each', () => {
  widenUploads();
  widenUploads();
  const set: unknown[] = [];
  const open = (path: string, effectiveLocalWindowSize: number | undefined, isOpen = true) => {
    set.length = 0;
    const session = {
      state: { effectiveLocalWindowSize },
      setLocalWindowSize: (size: number) => set.push(size),
      settings: (settings: object) => set.push(settings),
    };
    const stream = { session: isOpen ? session : undefined };
    channel('http2.server.stream.created').publish({ stream, headers: { ':path': path } });
    return [...set];
  };
  const wide = 1024 * 1024;
  const widened = [wide, { initialWindowSize: wide }];
  assert.deepEqual(open('/mco.v1.Node/Store', 65_535), widened);
  assert.deepEqual(open('/mco.v1.Relay/Forward', undefined), widened);
  assert.deepEqual(open('/mco.v1.Node/Store', wide - 1), widened);
  assert.deepEqual(open('/mco.v1.Node/Store', wide), [], 'it is wide already');
  assert.deepEqual(open('/mco.v1.Node/Call', 65_535), []);
  assert.deepEqual(open('/mco.v1.Node/Store', 65_535, false), [], 'the connection has ended');
});
