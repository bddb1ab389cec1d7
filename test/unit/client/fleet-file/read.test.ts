import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Problem } from '../../../../src/core/errors.ts';
import { fleetOf, shopFleet } from '../../../support/program/fleet-file.ts';

/** The faults of the fleet with one place of it changed, without the path of the file. */
async function faultsWith(before: string | RegExp, after: string): Promise<string[]> {
  const text = shopFleet.replace(before, after);
  assert.notEqual(text, shopFleet, 'the place is there');
  return await faultsIn(text);
}

async function faultsIn(text: string, more: Readonly<Record<string, string>> = {}): Promise<string[]> {
  try {
    await fleetOf(text, more);
  } catch (error) {
    assert.ok(error instanceof Problem);
    assert.equal(error.code, 'bad-configuration');
    return error.message.split('\n').map((line) => line.replace(/^.*fleet\.yaml:/, ''));
  }
  return [];
}

describe('fleet.yaml', () => {
  test('contains roles, hosts, applications and operators', async () => {
    const { fleet } = await fleetOf(shopFleet);
    assert.deepEqual(
      fleet.hosts.map(({ name, role, facts }) => [name, role.name, facts]),
      [
        ['lb1.devco.net', 'balancer', {}],
        ['web1.devco.net', 'web', { cluster: 'web' }],
        ['web2.devco.net', 'web', { cluster: 'web' }],
        ['web3.devco.net', 'web', { cluster: 'web', rack: 'b' }],
      ],
    );
    assert.deepEqual(fleet.applications[0]?.clusters, ['web']);
    assert.deepEqual(fleet.operators.get('ci@devco.net'), { all: false, deploy: ['shop'], apply: [] });
  });

  test('gives a host the facts of its role, except those of its own', async () => {
    const { fleet } = await fleetOf(shopFleet.replace('classes: [web]', 'facts: { rack: a, tier: web }'));
    assert.deepEqual(
      fleet.hosts.slice(2).map(({ facts }) => facts),
      [
        { cluster: 'web', rack: 'a', tier: 'web' },
        { cluster: 'web', rack: 'b', tier: 'web' },
      ],
    );
  });

  test('shows the line, the column and the nearest known name of each mistake', async () => {
    assert.deepEqual(await faultsWith('hosts:', 'host:'), [
      '1:1: “hosts” is missing',
      '6:1: unknown key “host”: did you mean “hosts”?',
    ]);
    assert.deepEqual(await faultsWith('role: web, address: 10.0.0.11', 'role: wep, address: 10.0.0.11'), [
      '8:27: there is no role “wep”: did you mean “web”?',
    ]);
    assert.deepEqual(await faultsWith('sockets', 'sockts'), ['14:18: unknown key “sockts”: did you mean “sockets”?']);
    assert.deepEqual(await faultsWith('haproxy: {', 'haproxi: {'), [
      '14:7: there is no agent “haproxi”: did you mean “haproxy”?',
    ]);
    assert.deepEqual(await faultsWith('rolling', 'roling'), [
      '24:26: applications.shop.upgrade.strategy: must be one of auto, parallel, rolling, canary',
    ]);
    assert.deepEqual(await faultsWith('    health:', '    heath:'), [
      '23:5: unknown key “heath”: did you mean “health”?',
    ]);
    assert.deepEqual(await faultsWith('{ deploy: shop }', '{ deploy: shopp }'), [
      '3:27: there is no application “shopp”: did you mean “shop”?',
    ]);
    assert.deepEqual(await faultsWith('eve@devco.net: read', 'eve@devco.net: reed'), [
      '4:18: “reed” is not a right: did you mean “read”?',
    ]);
    assert.deepEqual(await faultsWith('batch: 1', 'checks: [check_lode]'), [
      '24:44: there is no check “check_lode”: did you mean “check_load”?',
    ]);
    assert.deepEqual(await faultsWith('classes: [web]', 'settings: { listn: {} }'), [
      '17:17: unknown key “listn”: did you mean “listen”?',
    ]);
  });

  test('reports all mistakes at once', async () => {
    const text = shopFleet
      .replace('role: balancer', 'role: balancr')
      .replace('read', 'reed')
      .replace('sockets', 'socket');
    assert.equal((await faultsIn(text)).length, 3);
    const hosts = (count: number) => Array.from({ length: count }, (_, at) => `  h${at}: wep\n`).join('');
    assert.equal((await faultsWith('roles:\n', `${hosts(10)}roles:\n`)).length, 10);
    const eleven = await faultsWith('roles:\n', `${hosts(11)}roles:\n`);
    assert.deepEqual([eleven.length, eleven.at(-1)], [11, 'and 1 more']);
  });

  test('refuses a host in two roles, in any spelling', async () => {
    const list = await faultsWith('{ role: web, address: 10.0.0.11 }', '[web, balancer]');
    assert.match(list[0] ?? '', /^8:19: web1\.devco\.net is in two roles, web and balancer/);
    const listed = await faultsWith('role: web, address: 10.0.0.11', 'role: [web, balancer], address: 10.0.0.11');
    assert.match(listed[0] ?? '', /^8:27: web1\.devco\.net is in two roles, web and balancer/);
    const again = await faultsWith('  web1.devco.net:', '  lb1.devco.net: { role: web }\n  web1.devco.net:');
    assert.deepEqual(again, ['8:3: the key “lb1.devco.net” occurs twice']);
    const same = await faultsWith('address: 10.0.0.11', 'address: 10.0.0.1');
    assert.match(same[0] ?? '', /^8:3: web1\.devco\.net and lb1\.devco\.net are the same host, 10\.0\.0\.1/);
  });

  test('refuses an application that no balancer serves, or that would run nowhere', async () => {
    const [none] = await faultsWith('haproxy: { sockets: [/run/haproxy/admin.sock] }', 'lock: {}');
    assert.match(none ?? '', /^20:3: no balancer serves shop: no role has the agent haproxy/);
    const [gone] = await faultsWith(/ {2}lb1.*\n/, '');
    assert.match(gone ?? '', /no balancer serves shop: no host has the role “balancer”/);
    const [nowhere] = await faultsIn(shopFleet.replaceAll('role: web, address', 'role: balancer, address'));
    assert.match(nowhere ?? '', /^21:11: no host has the role “web”, so shop would run nowhere/);
  });

  test('refuses a recipient of notifications if no host could deliver them', async () => {
    const [fault] = await faultsWith(/ {6}angelia.*\n/, '');
    assert.match(fault ?? '', /^5:9: no host has the agent angelia/);
  });

  test('refuses rules of policies that a daemon would refuse, with the position of the rule', async () => {
    const [rule] = await faultsWith('classes: [web]', 'policies: { appmgr: ["allow cert=rip@devco.net *"] }');
    assert.match(rule ?? '', /^17:26: this is not a valid rule|^17:26: a rule has four or five columns/);
    const [agent] = await faultsWith('classes: [web]', 'policies: { apmgr: ["deny * * *"] }');
    assert.match(agent ?? '', /^17:24: there is no agent “apmgr”: did you mean “appmgr”/);
  });

  const checks = / {4}checks: .*\n/;

  test('refuses the checks of a role beside a file of checks, and takes either alone', async () => {
    const agents = '    agents: { nrpe: { config: /etc/nagios/nrpe.cfg } }\n';
    const [both] = await faultsWith('    classes: [web]\n', agents);
    assert.match(both ?? '', /: the role has “checks”, which make their own file: leave one of the two out$/);
    assert.deepEqual(await faultsWith(checks, agents), []);
  });

  test('refuses checks of an upgrade that nothing runs', async () => {
    const text = shopFleet.replace(checks, '').replace('batch: 1', 'checks: [check_load]');
    assert.match((await faultsIn(text)).join(), /: there is no check “check_load”: there are none$/);
  });

  test('refuses batches and times that an upgrade could not use, and takes all others', async () => {
    const withBatch = (settings: string) => faultsIn(shopFleet.replace('batch: 1', settings));
    for (const batch of ['two', '0', '-1', '500000', '1,,2', '0%', '200%', '1,150%'])
      assert.match(
        (await withBatch(`batch: "${batch}"`)).join(),
        /^\d+:\d+: “\S+” is not a number of servers: write 2/,
      );
    assert.match((await withBatch('soak: soon')).join(), /^\d+:\d+: “soon” is not a time: write 30s or 5m$/);
    for (const good of ['batch: 3', 'batch: 25%', 'batch: "1,2,50%"', 'batch: "05"', 'soak: 5m', 'soak: 0s'])
      assert.deepEqual(await withBatch(good), [], good);
  });

  test('refuses an application among the agents of a role', async () => {
    const section = '{ applications: { shop: { root: /srv/shop, artifacts: published } } }';
    const faults = await faultsWith('classes: [web]', `agents: { appmgr: ${section} }`);
    assert.match(faults.join(), /: put applications under “applications”, with the role that they run on/);
  });

  test('refuses a script of more than 256 KiB', async () => {
    const text = shopFleet.replace('classes: [web]', 'hooks: [migrate.sh]');
    const script = 'x'.repeat(256 * 1024);
    assert.deepEqual(await faultsIn(text, { 'migrate.sh': script }), []);
    assert.deepEqual(await faultsIn(text, { 'migrate.sh': `${script}x` }), [
      '17:13: migrate.sh is larger than 262144 bytes',
    ]);
  });

  test('refuses a script that is missing', async () => {
    const [fault] = await faultsWith('classes: [web]', 'hooks: [hooks/migrate.sh]');
    assert.match(fault ?? '', /^17:13: hooks\/migrate\.sh cannot be read: no such file/);
  });
});
