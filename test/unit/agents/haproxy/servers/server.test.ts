import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toServer } from '../../../../../src/agents/haproxy/servers/server.ts';

const stat = {
  ...{
    addr: '10.0.0.1:8080',
    tracked: '',
    status: 'UP',
    scur: '3',
    qcur: '0',
    stot: '70',
    lastchg: '60',
    bck: '0',
    act: '1',
    check_status: 'L7OK',
  },
  ...{ check_code: '200', last_chk: '', check_desc: 'Layer7 check passed', check_rise: '2', check_fall: '3' },
  ...{ agent_status: '', agent_health: '', last_agt: '' },
};
const state = {
  ...{ srv_name: 'web1', srv_addr: '10.0.0.1', srv_port: '8080', srv_fqdn: '-', srv_uweight: '5', srv_iweight: '10' },
  ...{ srv_check_state: '6', srv_check_health: '4', srv_op_state: '2', srv_admin_state: '1', srv_agent_state: '0' },
};
const read = (changes: Partial<typeof stat> = {}, more: Partial<typeof state> = {}) =>
  toServer(new Map(Object.entries({ ...stat, ...changes })), new Map(Object.entries({ ...state, ...more })));

describe('a server in HAProxy’s two replies', () => {
  test('has each value from its column', () => {
    assert.deepEqual(read(), {
      ...{ name: 'web1', ip: '10.0.0.1', port: 8080, address: '10.0.0.1:8080', fqdn: '', tracked: '', status: 'UP' },
      ...{ check: 'L7OK 200: Layer7 check passed', sessions: 3, total: 70, weight: 5, initialWeight: 10 },
      ...{ backup: false, checked: true, checking: false, health: 4, top: 4, operational: 2, admin: 1 },
      changedAgo: 60,
      agent: { configured: false, enabled: false, asking: false, status: '', words: '', health: 1 },
    });
    assert.equal(read({ lastchg: '' }).changedAgo, undefined);
  });

  test('counts sessions that wait in its queue: HAProxy sends them to it even in maintenance', () => {
    assert.equal(read({ scur: '0', qcur: '4' }).sessions, 4);
    assert.equal(read({ scur: '2', qcur: '4' }).sessions, 6);
  });

  test('has no address while its name is not resolved, and its name if HAProxy resolves it', () => {
    assert.equal(read({}, { srv_addr: '-' }).ip, '');
    assert.equal(read({}, { srv_fqdn: 'dev2.devco.net' }).fqdn, 'dev2.devco.net');
    assert.equal(read({ addr: '' }).address, '10.0.0.1:8080', 'an old HAProxy does not report it in “show stat”');
  });

  test('has empty values if an old HAProxy lacks their columns', () => {
    const { tracked: _tracked, last_chk: _check, check_desc: _desc, last_agt: _words, ...rest } = stat;
    const { agent_status: _status, agent_health: _health, ...old } = rest;
    const found = toServer(new Map(Object.entries(old)), new Map(Object.entries(state)));
    assert.deepEqual([found.tracked, found.check], ['', 'L7OK 200']);
    assert.deepEqual([found.agent.status, found.agent.words, found.agent.health], ['', '', 1]);
  });

  test('is a backup server by its count, and follows the one that it tracks', () => {
    assert.equal(read({ bck: '1' }).backup, true);
    assert.equal(read({ tracked: 'app/web9' }).tracked, 'app/web9');
  });

  test('is being checked if a check has begun and has not ended', () => {
    const checking = ['0', '6', '7', '14', '15'].map((bits) => read({}, { srv_check_state: bits }).checking);
    assert.deepEqual(checking, [false, false, true, false, true]);
  });

  test('is checked if the check is switched on, not if it is only configured', () => {
    const checked = ['0', '2', '4', '6', '7', '1'].map((bits) => read({}, { srv_check_state: bits }).checked);
    assert.deepEqual(checked, [false, false, true, true, true, false]);
  });

  test('cannot reach full health if its checks are paused', () => {
    assert.equal(read({ check_rise: '' }).top, Number.POSITIVE_INFINITY);
    assert.equal(read({ check_rise: '1', check_fall: '1' }).top, 1);
  });

  for (const [changes, words] of [
    [{ check_status: 'L7STS', check_code: '503', last_chk: 'Service Unavailable' }, 'L7STS 503: Service Unavailable'],
    [{ check_status: 'L4CON', check_code: '', last_chk: 'Connection refused' }, 'L4CON: Connection refused'],
    [{ check_status: 'L4TOUT', check_code: '', last_chk: '', check_desc: '' }, 'L4TOUT'],
    [{ check_status: '* L4OK' }, ''],
    [{ check_status: '' }, ''],
    [{ check_status: '', status: 'no check' }, 'no check'],
  ] as const) {
    test(`has the text “${words}” for ${JSON.stringify(changes)}`, () => assert.equal(read(changes).check, words));
  }

  test('has its agent-check by the bits of its state: configured, switched on, in progress', () => {
    const bits = ['1', '2', '4', '7'].map((srv_agent_state) => {
      const { asking, configured, enabled } = read({}, { srv_agent_state }).agent;
      return [asking, configured, enabled];
    });
    assert.deepEqual(bits, [
      [true, false, false],
      [false, true, false],
      [false, false, true],
      [true, true, true],
    ]);
  });

  test('has the last result of its agent-check, without the mark of one in progress', () => {
    const said = { agent_status: '* L7STS', agent_health: '0', last_agt: 'via agent : down' };
    const { status, words, health } = read(said).agent;
    assert.deepEqual([status, words, health], ['L7STS', 'via agent : down', 0]);
    assert.equal(read({ agent_health: '1' }).agent.health, 1);
  });
});
