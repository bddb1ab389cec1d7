import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatProcess, processesLeadingTo } from '../../../../../src/agents/haproxy/servers/elsewhere.ts';
import { linesOf } from '../../../../../src/agents/haproxy/servers/line.ts';
import type { Server } from '../../../../../src/agents/haproxy/servers/server.ts';
import { backendView, server } from '../../../../support/agents/haproxy/haproxy-server.ts';

const processOf = (...targets: string[]) => ({ pid: 7, files: '/etc/edge.cfg', targets: new Set(targets) });
/** Whether a process with these targets is one that leads to the host. */
const leads = (name: string, line: Partial<Server>, ...targets: string[]) =>
  processesLeadingTo({ name, lines: linesOf([backendView('app', [server('web1', line)])]) }, [processOf(...targets)])
    .length === 1;

describe('a process of HAProxy that no command reaches', () => {
  test('leads to a host if one of its lines does, by address or by name', () => {
    assert.equal(leads('web1', { ip: '10.0.0.1' }, '10.0.0.9', '10.0.0.1'), true);
    assert.equal(leads('web1', { ip: '10.0.0.1', fqdn: 'dev1.net' }, 'dev9.net', 'dev1.net'), true);
    assert.equal(leads('dev1.devco.net', { ip: '10.0.0.1' }, 'dev1.devco.net'), true);
    assert.equal(leads('web1', { ip: 'fd00::1' }, 'FD00:0::1'), true);
    assert.equal(leads('web1', { ip: '10.0.0.1' }, '10.0.0.9', 'dev9.net'), false);
  });

  test('does not lead to it by what only is a name within one configuration, or is not known', () => {
    assert.equal(leads('web1', { ip: '10.0.0.1' }, 'web1'), false);
    assert.equal(leads('web1', { ip: '', address: '' }, ''), false);
  });

  test('leads to it at an address of this machine only with its port', () => {
    for (const ip of ['127.0.0.1', '::1']) {
      const line = { ip, port: 9001, address: `${ip}:9001` };
      assert.equal(leads('web1', line, ip), false);
      assert.equal(leads('web1', line, ip, `${ip}:9001`), true);
    }
  });

  test('is not named if its configuration cannot be read, and else with its files', () => {
    const host = { name: 'web1', lines: linesOf([backendView('app', [server('web1', { ip: '10.0.0.1' })])]) };
    const known = processOf('10.0.0.1');
    assert.deepEqual(processesLeadingTo(host, [{ ...known, targets: undefined }, known]), [formatProcess(known)]);
    assert.match(formatProcess(known), /process 7 \(\/etc\/edge\.cfg\)/);
  });
});
