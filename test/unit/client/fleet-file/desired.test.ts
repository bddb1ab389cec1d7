import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { configFiles } from '../../../../src/client/fleet-file/desired.ts';
import { helperSettings, serviceCommands } from '../../../../src/client/fleet-file/helper-settings.ts';
import { lockOut } from '../../../../src/client/fleet-file/lock-out.ts';
import { decide } from '../../../../src/core/policy/decide.ts';
import { parsePolicy } from '../../../../src/core/policy/parse.ts';
import { quietContext } from '../../../support/program/quiet-context.ts';
import { operatorName } from '../../../../src/client/fleet-file/operator-name.ts';
import { fleetOf, shopFleet } from '../../../support/program/fleet-file.ts';

/** The files of a host, by path below /etc/mco-deploy. */
async function filesOf(name: string, text = shopFleet, more: Record<string, string> = {}) {
  const { fleet, parts } = await fleetOf(text, more);
  const host = fleet.hosts.find((one) => one.name === name);
  assert.ok(host);
  const { files } = configFiles(host, fleet, parts, '/etc/mco-deploy');
  return new Map(files.map(({ path, content }) => [path.replace('/etc/mco-deploy/', ''), content]));
}

describe('the files of a host', () => {
  test('include node.yaml with the applications of its role, facts, classes, checks and policies', async () => {
    const files = await filesOf(
      'web3.devco.net',
      shopFleet.replace('classes: [web]', 'classes: [web]\n    hooks: [hooks/a.sh]'),
      {
        'hooks/a.sh': 'exit 0\n',
      },
    );
    const settings = parse(files.get('node.yaml') ?? '') as { agents: Record<string, object> };
    assert.deepEqual(settings.agents.appmgr, {
      applications: {
        shop: {
          root: '/srv/shop',
          artifacts: 'published',
          reload: ['systemctl', 'reload', 'shop.service'],
          health: { url: 'http://127.0.0.1:8080/health' },
        },
      },
    });
    // An operator who may deploy it may publish it, and no one else.
    const publishers = ['cert=rip@devco.net', 'cert=ci@devco.net'];
    assert.deepEqual(settings.agents.publish, { applications: { shop: { publishers } } });
    assert.deepEqual(settings.agents.nrpe, { config: '/etc/mco-deploy/nrpe.cfg' });
    assert.match(
      files.get('nrpe.cfg') ?? '',
      /^command\[check_load\]=\/usr\/lib\/nagios\/plugins\/check_load -w 5,5,5/m,
    );
    assert.deepEqual(parse(files.get('facts.d/install.yaml') ?? ''), { cluster: 'web', rack: 'b' });
    assert.equal(files.get('classes.txt'), 'web\n');
    assert.equal(files.get('hooks/a.sh'), 'exit 0\n');
  });

  test('have no application and no checks for a balancer', async () => {
    const files = await filesOf('lb1.devco.net');
    const settings = parse(files.get('node.yaml') ?? '') as { agents: Record<string, object> };
    assert.equal(Object.hasOwn(settings.agents, 'appmgr'), false);
    assert.equal(files.has('nrpe.cfg'), false);
    assert.deepEqual(settings.agents.haproxy, { sockets: ['/run/haproxy/admin.sock'] });
  });
});

describe('the policies of a host', () => {
  const may = async (host: string, text = shopFleet) => {
    const files = await filesOf(host, text);
    return (caller: string, agent: string, action: string, facts: Record<string, string> = {}) => {
      const name = files.has(`policies/${agent}.policy`) ? agent : 'default';
      const policy = parsePolicy(files.get(`policies/${name}.policy`) ?? '', name, new Map());
      const node = { name: host, agents: [], classes: [], facts };
      return decide(policy, { caller: `cert=${caller}`, action, node }).allowed;
    };
  };

  test('allow “all” everything, “read” no change, and others nothing', async () => {
    const allowed = await may('web1.devco.net');
    for (const [agent, action] of [
      ['appmgr', 'upgrade'],
      ['rpcutil', 'ping'],
      ['outside', 'whatever'],
    ] as const) {
      assert.equal(allowed('rip@devco.net', agent, action), true, `${agent}.${action}`);
      assert.equal(allowed('mallory@devco.net', agent, action), false, `${agent}.${action}`);
    }
    assert.equal(allowed('eve@devco.net', 'appmgr', 'status'), true);
    assert.equal(allowed('eve@devco.net', 'publish', 'list'), true);
    assert.equal(allowed('eve@devco.net', 'publish', 'prepare'), false);
    for (const action of ['prepare', 'fetch', 'prune', 'list'])
      assert.equal(allowed('ci@devco.net', 'publish', action), true, action);
    assert.equal(allowed('eve@devco.net', 'nrpe', 'runcommand'), true);
    assert.equal(allowed('eve@devco.net', 'appmgr', 'upgrade'), false);
    assert.equal(allowed('eve@devco.net', 'lock', 'take'), false);
  });

  test('allow a deployer of an application that on its hosts and on the balancers, and no more', async () => {
    const web = await may('web1.devco.net');
    const balancer = await may('lb1.devco.net');
    const ci = 'ci@devco.net';
    assert.equal(web(ci, 'appmgr', 'upgrade'), true);
    assert.equal(web(ci, 'lock', 'take'), true);
    assert.equal(web(ci, 'lock', 'break'), false);
    assert.equal(web(ci, 'crl', 'install'), false);
    assert.equal(web(ci, 'outside', 'whatever'), false);
    assert.equal(balancer(ci, 'haproxy', 'disable'), true);
    assert.equal(balancer(ci, 'angelia', 'sendmsg'), true);
  });

  test('deny by default, each of them, on its own line', async () => {
    const files = await filesOf('web1.devco.net');
    const policies = [...files].filter(([name]) => name.endsWith('.policy'));
    assert.ok(policies.length > 5);
    for (const [name, text] of policies) assert.match(text, /^policy default deny$/m, name);
  });

  test('do not show the files of a configuration to an operator who may only read', async () => {
    const allowed = await may('web1.devco.net');
    for (const [action, expected] of [
      ['status', true],
      ['files', false],
      ['apply', false],
      ['confirm', false],
    ] as const) {
      assert.equal(allowed('eve@devco.net', 'config', action), expected, action);
      assert.equal(allowed('ci@devco.net', 'config', action), expected, action);
      assert.equal(allowed('rip@devco.net', 'config', action), true, action);
    }
  });

  test('allow no deploy of an application on another role', async () => {
    const text = shopFleet
      .replace('  web3.devco.net: { role: web', '  web3.devco.net: { role: jobs')
      .replace('applications:\n', '  jobs: {}\napplications:\n  jobs: { role: jobs, reload: [/bin/true] }\n');
    const jobs = await may('web3.devco.net', text);
    assert.equal(jobs('ci@devco.net', 'appmgr', 'upgrade'), false);
    assert.equal(jobs('ci@devco.net', 'appmgr', 'status'), true);
  });

  test('put rules of a role first, and a whole policy replaces them', async () => {
    const rules = 'policies: { appmgr: ["deny cert=ci@devco.net upgrade cluster=web"] }';
    const first = await may('web1.devco.net', shopFleet.replace('classes: [web]', rules));
    assert.equal(first('ci@devco.net', 'appmgr', 'upgrade', { cluster: 'web' }), false);
    assert.equal(first('ci@devco.net', 'appmgr', 'upgrade', { cluster: 'other' }), true);
    const whole = 'policies: { appmgr: "policy default deny\\nallow\\tcert=a\\t*\\t*\\t*\\n" }';
    const alone = await may('web1.devco.net', shopFleet.replace('classes: [web]', whole));
    assert.equal(alone('rip@devco.net', 'appmgr', 'upgrade'), false);
    assert.equal(alone('a', 'appmgr', 'upgrade'), true);
  });
});

describe('an operator', () => {
  const lockedOut = async (text: string, operator = 'rip@devco.net') => {
    const { fleet, parts } = await fleetOf(text);
    return fleet.hosts.map((host) => lockOut(operator, host, fleet, parts)).find((why) => why !== undefined);
  };
  const role = (policies: string) => shopFleet.replace('classes: [web]', `policies: ${policies}`);

  test('keeps access with all rights', async () => {
    assert.equal(await lockedOut(shopFleet), undefined);
  });

  test('is not locked out without a warning: not by a rule, a policy, its default, by facts, nor by omission', async () => {
    assert.match((await lockedOut(role('{ config: ["deny * * *"] }'))) ?? '', /denies config\.apply/);
    assert.match((await lockedOut(role('{ config: ["deny * confirm *"] }'))) ?? '', /denies config\.confirm/);
    assert.match(
      (await lockedOut(role('{ rpcutil: ["deny cert=rip@devco.net ping cluster=web"] }'))) ?? '',
      /rpcutil\.ping/,
    );
    assert.match((await lockedOut(role('{ config: "policy default deny\\n" }'))) ?? '', /policy default deny, denies/);
    assert.match((await lockedOut(role('{ rpcutil: ["deny  /^cert=rip/  *  *"] }'))) ?? '', /rpcutil\.ping/);
    assert.match((await lockedOut(shopFleet, 'tom@devco.net')) ?? '', /“operators” names .*, not tom@devco\.net$/);
    assert.match((await lockedOut(shopFleet, 'ci@devco.net')) ?? '', /denies config\.apply/);
    const some = (kinds: string) => shopFleet.replace('eve@devco.net: read', `eve@devco.net: { apply: [${kinds}] }`);
    assert.match((await lockedOut(some('settings, facts'), 'eve@devco.net')) ?? '', /may not apply policies/);
    assert.equal(await lockedOut(some('settings, policies'), 'eve@devco.net'), undefined);
  });
});

test('the helper’s settings give operators rights by kind of file', async () => {
  const { fleet } = await fleetOf(
    shopFleet.replace('eve@devco.net: read', 'eve@devco.net: { apply: [facts, classes] }'),
  );
  const settings = parse(helperSettings(fleet, serviceCommands('systemd'))) as { rights: object; restart: string[] };
  assert.deepEqual(settings.rights, {
    'rip@devco.net': ['settings', 'policies', 'facts', 'classes', 'checks', 'hooks'],
    'eve@devco.net': ['facts', 'classes'],
  });
  assert.deepEqual(settings.restart, ['systemctl', '--no-block', 'restart', 'mco-deploy.service']);
  assert.deepEqual(serviceCommands('none'), { restart: [], reload: [] });
  const own = ['/etc/init.d/mco', 'restart'];
  assert.deepEqual(serviceCommands('/etc/init.d/mco'), { restart: own, reload: own });
});

test('fleet.yaml is checked without an operator, unless a configuration is named that cannot be read', async () => {
  const { context } = quietContext({ HOME: '/nowhere' });
  assert.equal(await operatorName(undefined, context), undefined);
  await assert.rejects(operatorName('/nowhere/client.yaml', context), { code: 'unreadable-file' });
});
