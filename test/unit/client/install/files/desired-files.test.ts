import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { agents } from '../../../../../src/agents/index.ts';
import { describeDesiredFiles } from '../../../../../src/client/install/files/desired-files.ts';
import { describePaths } from '../../../../../src/daemon/config/config-paths.ts';
import { temporaryDirectory } from '../../../../support/agents/agent-setup.ts';

const paths = { program: '/usr/bin/mco-deploy', directory: '/etc/mco-deploy', staging: '/tmp/staging' };

test('install --relay makes a host a relay, in its certificate and in its configuration; without it, neither', async () => {
  const describe = (relay: boolean) =>
    describeDesiredFiles({ relay }, paths, { ca: 'CA' }, 'rip@devco.net', async (text, file) =>
      describePaths(text, file, agents),
    );
  for (const relay of [true, false]) {
    const wanted = await describe(relay);
    const config = wanted.files.find(({ path }) => path.endsWith('node.yaml'))?.content ?? '';
    assert.deepEqual((parse(config) as { relay?: object }).relay, relay ? {} : undefined);
    assert.equal(wanted.relay, relay);
  }
});

describe('the files of a host', () => {
  const desired = (
    options: Parameters<typeof describeDesiredFiles>[0],
    fleet: { ca: string; crl?: string } = { ca: 'CA' },
  ) =>
    describeDesiredFiles(options, paths, fleet, 'rip@devco.net', async (text, file) =>
      describePaths(text, file, agents),
    );
  const file = (name: string, text: string) => {
    const path = join(temporaryDirectory(), name);
    writeFileSync(path, text);
    return path;
  };

  test('are refused with the line of the operator’s own file, not of the one that is made of it', async () => {
    const own = file('web.yaml', 'listen: { port: 5810 }\nlog: {}\nagentz: {}\n');
    await assert.rejects(desired({ nodeConfig: own }), {
      code: 'bad-configuration',
      message: `${own}:3:1: unknown key “agentz”: did you mean “agents”?`,
    });
  });

  test('are refused with the agent that was typed, not with a file that nobody wrote', async () => {
    const own = file('web.yaml', 'log: {}\n');
    for (const more of [{}, { nodeConfig: own }]) {
      await assert.rejects(desired({ agent: ['nrpe', 'rpcutl'], ...more }), {
        code: 'usage',
        message: '--agent nrpe rpcutl: there is no agent “rpcutl”: did you mean “rpcutil”?',
      });
    }
  });

  test('are those of a first node, if nothing is asked for', async () => {
    const { files, relay } = await desired({});
    assert.deepEqual(
      files.map(({ path, theirs, needs, mode }) => [path.replace('/etc/mco-deploy/', ''), theirs, needs, mode]),
      [
        ['node.yaml', true, 'restart', 0o644],
        ['policies/default.policy', true, 'reload', 0o644],
        ['ca.crt', false, undefined, 0o644],
      ],
    );
    const [config, policy, ca] = files.map(({ content }) => content);
    assert.deepEqual(Object.keys(parse(config ?? '').agents), ['rpcutil', 'lock', 'journal', 'jobs', 'crl', 'audit']);
    assert.match(policy ?? '', /^policy default deny\nallow\tcert=rip@devco\.net\t\*\t\*\t\*$/m);
    assert.deepEqual([ca, relay], ['CA', false]);
  });

  test('have the facts, the classes and the agents that were asked for, and the list of revocations', async () => {
    const options = { fact: ['cluster=bravo', 'a=b=c'], class: ['webserver', 'role::x'], agent: ['nrpe'] };
    const { files } = await desired(options, { ca: 'CA', crl: 'CRL' });
    const text = (end: string) => files.find(({ path }) => path.endsWith(end))?.content ?? '';
    assert.deepEqual(parse(text('facts.d/install.yaml')), { cluster: 'bravo', a: 'b=c' });
    assert.equal(text('classes.txt'), 'webserver\nrole::x\n');
    assert.deepEqual(Object.keys(parse(text('node.yaml')).agents), ['nrpe']);
    assert.equal(text('crl.pem'), 'CRL');
    const one = await desired({ class: ['webserver'] });
    assert.ok(one.files.some(({ path }) => path.endsWith('classes.txt')));
  });

  test('keep the settings of a given configuration, of all its agents or of the ones that were asked for', async () => {
    const nodeConfig = file(
      'node.yaml',
      'listen: {port: 7000}\nagents:\n  haproxy: {sockets: [/run/x.sock]}\n  nrpe: {}\n',
    );
    const { files, places, sockets } = await desired({ nodeConfig });
    const config = parse(files[0]?.content ?? '');
    assert.deepEqual(Object.entries(config.agents), [
      ['haproxy', { sockets: ['/run/x.sock'] }],
      ['nrpe', {}],
    ]);
    assert.deepEqual([places.port, sockets], [7000, ['/run/x.sock']]);
    const some = await desired({ nodeConfig, agent: ['nrpe', 'lock'] });
    assert.deepEqual(parse(some.files[0]?.content ?? '').agents, { nrpe: {}, lock: {} });
  });

  test('have the policies of a file or of a folder, which the daemon would accept', async () => {
    const rule = 'policy default deny\nallow\tops\t*\t*\t*\n';
    const folder = temporaryDirectory();
    for (const [name, text] of Object.entries({
      'b.policy': rule,
      groups: 'ops cert=rip\n',
      'notes.txt': 'x',
      'a b.policy': 'x',
    }))
      writeFileSync(join(folder, name), text);
    const { files } = await desired({ policies: folder });
    assert.deepEqual(
      files.filter(({ path }) => path.includes('/policies/')).map(({ path }) => path.replace(/.*\//, '')),
      ['b.policy', 'groups'],
    );
    mkdirSync(join(folder, 'empty'));
    for (const [policies, code] of [
      [join(folder, 'empty'), 'usage'],
      [join(folder, 'none'), 'unreadable-file'],
      [file('x.policy', 'allow nonsense\n'), 'bad-policy'],
    ] as const) {
      await assert.rejects(desired({ policies }), { code }, policies);
    }
  });

  test('are refused if something of them is not valid', async () => {
    for (const fact of ['cluster', '=x', 'a b=c', `${'n'.repeat(65)}=x`, 'a=b\nc']) {
      await assert.rejects(desired({ fact: [fact] }), { code: 'usage', message: `“${fact}” is not a valid fact` });
    }
    for (const name of ['', 'a b', 'x\ny']) await assert.rejects(desired({ class: [name] }), { code: 'usage' });
    for (const text of ['a: 1\na: 2\n', '[]', 'a: "b']) {
      await assert.rejects(desired({ nodeConfig: file('n.yaml', text) }), { code: 'bad-configuration' }, text);
    }
    await assert.rejects(desired({ nodeConfig: '/nowhere/n.yaml' }), { code: 'unreadable-file' });
  });
});
