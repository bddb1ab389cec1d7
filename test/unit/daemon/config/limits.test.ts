import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseNodeConfig } from '../../../../src/daemon/config/config.ts';
import { auditLimits, callerLimits, listenLimits, relayLimits } from '../../../../src/daemon/config/limits.ts';
import { keepalive } from '../../../../src/transport/server/options.ts';

const read = (text: string) => parseNodeConfig(text, '/etc/mco-deploy/node.yaml', []);

// All numbers differ, so that none can stand for another.
const config = read(`
agents: {}
listen: { max_connections: 501 }
limits:
  connections_per_address: 102
  connections_per_caller: 53
  unproven_connections: 104
  unproven_per_address: 55
  calls_per_caller: 36
  rate: 207
  burst: 2008
  calls_per_relay: 509
  rate_per_relay: 2010
  handshake: 11
  stall: 12
  idle: 1300
audit: { max_bytes: 65540, max_age: 14, keep: { files: 15, days: 16 } }
`);

describe('each limit in node.yaml', () => {
  test('is the limit of connections that its name says, in milliseconds', () => {
    assert.deepEqual(listenLimits(config), {
      connections: {
        total: 501,
        perAddress: 102,
        perCaller: 53,
        unproven: 104,
        unprovenPerAddress: 55,
        handshake: 11_000,
        quiet: 1_300_000 + keepalive,
      },
      stall: 12_000,
      idle: 1_300_000,
    });
  });

  test('ends a quiet connection only after two keepalives, however short “idle” is', () => {
    assert.equal(listenLimits(read('agents: {}\nlimits: { idle: 0.5 }\n')).connections.quiet, 2 * keepalive);
  });

  test('counts for callers and for relays apart', () => {
    assert.deepEqual(callerLimits(config), { atOnce: 36, rate: 207, burst: 2008 });
    assert.deepEqual(relayLimits(config), { atOnce: 509, rate: 2010, burst: 20_100 });
  });

  test('counts the age of an audit log in days', () => {
    assert.deepEqual(auditLimits(config), {
      maxBytes: 65_540,
      maxAge: 14 * 24 * 60 * 60_000,
      keep: { files: 15, days: 16 },
    });
  });
});
