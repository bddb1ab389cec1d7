import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createContext, runInContext } from 'node:vm';
import { dropInText, polkitText } from '../../../../../src/client/install/files/system-files.ts';
import { systemNeeds } from '../../../../../src/client/install/files/system-needs.ts';
import { temporaryDirectory } from '../../../../support/agents/agent-setup.ts';
import { runProgram } from '../../../../support/program/run-program.ts';

const agents = {
  appmgr: {
    applications: {
      shop: { root: '/srv/shop', artifacts: '/srv/artifacts', reload: ['systemctl', '--no-block', 'reload', 'shop'] },
      api: { root: '/srv/api', artifacts: 'https://x/{revision}', service: { unit: 'api.service', action: 'reload' } },
      odd: { root: '/srv/../etc', artifacts: '/srv/artifacts', reload: ['nginx', '-s', 'reload'] },
    },
  },
  haproxy: { sockets: ['/run/haproxy/admin.sock', '10.0.0.1:9999'] },
  service: { units: { 'cron.service': ['start', 'enable'] } },
};

describe('the parts of the system that node.yaml uses', () => {
  test('include directories, sockets and units, each from the agents’ sections', () => {
    assert.deepEqual(systemNeeds(agents), {
      directories: ['/srv/shop', '/srv/artifacts', '/srv/api'],
      sockets: ['/run/haproxy/admin.sock'],
      units: { 'shop.service': ['reload'], 'api.service': ['reload', 'restart'], 'cron.service': ['start'] },
    });
    assert.deepEqual(systemNeeds({ haproxy: {} }).sockets, ['/run/haproxy/admin.sock']);
    assert.deepEqual(systemNeeds({ rpcutil: {} }), { directories: [], sockets: [], units: {} });
  });

  test('become a drop-in that systemd accepts', async () => {
    const directory = temporaryDirectory();
    const unit = join(directory, 'x.service');
    await writeFile(
      unit,
      `[Service]\nExecStart=/bin/true\n${dropInText(['/srv/shop'], ['root']).replace('[Service]', '')}`,
    );
    const { code, err } = await runProgram('systemd-analyze', ['verify', unit]);
    assert.equal(code, 0, err);
    assert.equal(err, '');
  });

  test('become rules of polkit that allow the daemon these verbs of these units, and decide nothing else', () => {
    type Rule = (action: object, subject: object) => string | undefined;
    const rules: Rule[] = [];
    const polkit = { addRule: (rule: Rule) => rules.push(rule), Result: { YES: 'yes' } };
    runInContext(polkitText(systemNeeds(agents).units), createContext({ polkit }));
    const ask = (unit: string, verb: string, user = 'mco-deploy') => {
      const values: Record<string, string> = { unit, verb };
      const action = { id: 'org.freedesktop.systemd1.manage-units', lookup: (key: string) => values[key] };
      return rules[0]?.(action, { user });
    };
    assert.equal(ask('shop.service', 'reload'), 'yes');
    assert.equal(ask('shop.service', 'stop'), undefined);
    assert.equal(ask('sshd.service', 'reload'), undefined);
    assert.equal(ask('constructor', 'reload'), undefined);
    assert.equal(ask('shop.service', 'reload', 'eve'), undefined);
  });
});
