import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Server } from '../../../../../src/agents/haproxy/servers/server.ts';
import {
  adminBits,
  adminStateOf,
  inMaintenance,
  inRotation,
  servesAsConfigured,
  unknownState,
} from '../../../../../src/agents/haproxy/servers/state.ts';
import { server } from '../../../../support/agents/haproxy/haproxy-server.ts';

const with_ = (fields: Partial<Server>) => server('web1', fields);

test('the bits are those of SRV_ADMF_* in HAProxy: one each', () => {
  assert.deepEqual(Object.values(adminBits), [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40]);
});

test('a server serves as configured with a weight of 0 only if the configuration gives it that', () => {
  for (const [fields, serves] of [
    [{}, true],
    [{ weight: 0, initialWeight: 0 }, true],
    [{ weight: 0, initialWeight: 5 }, false],
    [{ weight: 0, initialWeight: 0, operational: 0 }, false],
    [{ weight: 0, initialWeight: 0, admin: 1 }, false],
  ] as const)
    assert.equal(servesAsConfigured(with_(fields)), serves, JSON.stringify(fields));
});

describe('the traffic state of a server', () => {
  const cases: [string, Partial<Server>, boolean][] = [
    ['running', {}, true],
    ['starting slowly', { operational: 1 }, true],
    ['down', { operational: 0 }, false],
    ['stopping', { operational: 3 }, false],
    ['weight 0', { weight: 0 }, false],
    ['0x01, forced maintenance', { admin: 0x01 }, false],
    ['0x02, maintenance of the server that it tracks', { admin: 0x02 }, false],
    ['0x04, once disabled by the configuration, ready since', { admin: 0x04 }, true],
    ['0x08, forced drain', { admin: 0x08 }, false],
    ['0x10, drain of the server that it tracks', { admin: 0x10 }, false],
    ['0x20, a host name that does not resolve', { admin: 0x20 }, false],
    ['0x40, its host name was set at run time (SRV records)', { admin: 0x40 }, true],
    ['0x41, the same in forced maintenance', { admin: 0x41 }, false],
    ['0x48, the same in drain', { admin: 0x48 }, false],
    ['0x60, the same without an address', { admin: 0x60 }, false],
  ];
  for (const [what, fields, expected] of cases) {
    test(`is ${expected}: ${what}`, () => assert.equal(inRotation(with_(fields)), expected));
  }

  test('is false in maintenance, its own or that of the server that it tracks', () => {
    const out = [0x01, 0x02, 0x05, 0x41].map((admin) => inMaintenance(with_({ admin })));
    assert.deepEqual(out, [true, true, true, true]);
    const reachable = [0x00, 0x04, 0x08, 0x10, 0x20, 0x40].map((admin) => inMaintenance(with_({ admin })));
    assert.deepEqual(new Set(reachable), new Set([false]));
  });

  test('the state to restore is the one that was set by command', () => {
    const states = [0x00, 0x01, 0x05, 0x08, 0x0c, 0x02, 0x40].map((admin) => adminStateOf(with_({ admin })));
    assert.deepEqual(states, ['ready', 'maint', 'maint', 'drain', 'drain', 'ready', 'ready']);
  });
});

describe('an administrative or operational state', () => {
  for (const status of [
    'UP',
    'UP 1/2',
    'DOWN',
    'DOWN 1/2',
    'DOWN (agent)',
    'NOLB',
    'NOLB 1/3',
    'DRAIN',
    'DRAIN 2/3',
    'DRAIN (agent)',
    'MAINT',
    'MAINT (via app/web1)',
    'MAINT(via app/web1)',
    'MAINT (resolution)',
    'no check',
  ]) {
    test(`may be “${status}”`, () => assert.equal(unknownState(with_({ status })), ''));
  }

  for (const status of ['', 'UP (agent)', 'SLOW', 'up', 'UP 1/', 'DOWN (someone)', 'MAINT (via a b)', 'STOPPED']) {
    test(`cannot be “${status}”`, () => assert.equal(unknownState(with_({ status })), `the status “${status}”`));
  }

  test('is known for every bit of srv_admin_state, and for none beyond', () => {
    for (let admin = 0; admin < 0x80; admin++) assert.equal(unknownState(with_({ admin })), '', String(admin));
    for (const admin of [0x80, 0x81, 0x100, 0x8000, -1]) {
      assert.equal(unknownState(with_({ admin })), `srv_admin_state ${admin}`);
    }
  });

  test('is known for the four values of srv_op_state', () => {
    for (const operational of [0, 1, 2, 3]) assert.equal(unknownState(with_({ operational })), '');
    for (const operational of [4, -1])
      assert.equal(unknownState(with_({ operational })), `srv_op_state ${operational}`);
  });
});
