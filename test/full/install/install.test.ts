import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { appendFile, link, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { unitText } from '../../../src/client/install/files/unit.ts';
import { runProgram } from '../../support/program/run-program.ts';
import { builtProgram } from '../../support/program/built-program.ts';
import { type HostJson, type Installation, startInstallation } from '../../support/ssh/install.ts';

const [dev1, dev2, packaged] = ['dev1.devco.net', 'dev2.devco.net', 'packaged.devco.net'] as const;

let estate: Installation;

before(async () => {
  estate = await startInstallation([dev1, dev2, packaged]);
  await writeFile(estate.file('hosts.yaml'), `- { name: ${dev2}, address: ${estate.address(dev2)} }\n`);
  const nodes = [dev1, dev2].map((node) => `- { name: ${node}, address: ${estate.address(node)} }\n`);
  await writeFile(estate.file('nodes.yaml'), nodes.join(''));
});
after(() => estate?.[Symbol.asyncDispose]());

describe('install', { timeout: 600_000 }, () => {
  test('prints what it would do, and does nothing', async () => {
    const { code, hosts, err } = await estate.install(`root@${dev1}`, '--dry-run');
    assert.equal(code, 0, err);
    assert.equal(hosts[0]?.state, 'planned');
    assert.ok(hosts[0]?.changes.includes('/usr/local/bin/mco-deploy'));
    assert.equal(await estate.traces(dev1), '');
    assert.equal((await estate.run(['ca', 'list', '--json'])).out.includes(dev1), false);
  });

  test('makes two hosts nodes at once, one of them through sudo, and waits until they reply over mutual TLS', async () => {
    const words = [
      `root@${dev1}`,
      '--hosts',
      estate.file('hosts.yaml'),
      '--user',
      'deploy',
      '--fact',
      'cluster=bravo',
      '--class',
      'web',
    ];
    const { code, hosts, err } = await estate.install(...words, '--agent', 'rpcutil', 'lock');
    assert.equal(code, 0, err);
    assert.equal(err, '');
    assert.deepEqual(
      hosts.map(({ node, state, version }) => ({ node, state, version })),
      [dev1, dev2].map((node) => ({ node, state: 'installed', version: '0.1.0' })),
    );
    const inventory = await estate.run(['inventory', dev2, '--nodes', estate.file('nodes.yaml'), '--json']);
    assert.equal(inventory.code, 0, inventory.err);
    const told = JSON.parse(inventory.out) as {
      agents: { name: string }[];
      classes: string[];
      facts: { cluster: string };
    };
    assert.deepEqual(
      told.agents.map(({ name }) => name),
      ['lock', 'rpcutil'],
    );
    assert.equal(told.facts.cluster, 'bravo');
    assert.deepEqual(told.classes, ['web']);
  });

  test('makes the key on the host and stores it nowhere else', async () => {
    const { mode } = await stat(estate.path(dev2, 'etc/mco-deploy/node.key'));
    assert.equal(mode & 0o777, 0o600);
    const key = (await readFile(estate.path(dev2, 'etc/mco-deploy/node.key'), 'utf8')).split('\n')[1] ?? '';
    const found = await runProgram('grep', [
      '-rlF',
      key,
      estate.file('.config'),
      estate.file('.local'),
      estate.file('.cache'),
    ]);
    assert.equal(found.out, '');
    // Without the machine's own /tmp, where other tests have their hosts.
    const left = await estate.on(dev2, 'find / -xdev -path /tmp -prune -o -name ".mco-deploy-install*" -print');
    assert.equal(left.out, '');
    assert.equal((await runProgram('find', [estate.path(dev2, '.'), '-name', '.mco-deploy-install*'])).out, '');
  });

  test('changes nothing the second time, and reports that', async () => {
    const pid = () => readFile(estate.path(dev1, 'run/mco-deploy.pid'), 'utf8');
    const before = await pid();
    const words = [`root@${dev1}`, '--fact', 'cluster=bravo', '--class', 'web', '--agent', 'rpcutil', 'lock'];
    const { code, hosts } = await estate.install(...words);
    assert.equal(code, 0);
    assert.deepEqual(hosts[0]?.changes, []);
    assert.equal(hosts[0]?.state, 'unchanged');
    assert.equal(await pid(), before);
    const issued = JSON.parse((await estate.run(['ca', 'list', '--json'])).out) as { name: string }[];
    assert.equal(issued.filter(({ name }) => name === dev1).length, 1);
  });

  test('keeps what was changed on the host, until --replace', async () => {
    const config = estate.path(dev1, 'etc/mco-deploy/node.yaml');
    await appendFile(config, '# by hand\n');
    const words = [`root@${dev1}`, '--agent', 'rpcutil', 'lock'];
    const kept = await estate.install(...words);
    assert.deepEqual(kept.hosts[0]?.kept, ['/etc/mco-deploy/node.yaml']);
    assert.match(await readFile(config, 'utf8'), /by hand/);
    const replaced = await estate.install(...words, '--replace');
    assert.deepEqual(replaced.hosts[0]?.changes, ['/etc/mco-deploy/node.yaml']);
    assert.doesNotMatch(await readFile(config, 'utf8'), /by hand/);
  });

  test('completes an interrupted installation with the existing key', async () => {
    const at = (name: string) => estate.path(dev1, `etc/mco-deploy/${name}`);
    const key = await readFile(at('node.key'));
    await rm(at('node.crt'));
    const stale = estate.path(dev1, 'usr/local/bin/.mco-deploy-install.abcdef');
    await mkdir(stale);
    await estate.on(dev1, 'touch -d "2 hours ago" /usr/local/bin/.mco-deploy-install.abcdef');
    const { code, hosts } = await estate.install(`root@${dev1}`, '--agent', 'rpcutil', 'lock');
    assert.equal(code, 0);
    assert.deepEqual(hosts[0]?.changes, ['certificate (has none yet)']);
    assert.deepEqual(await readFile(at('node.key')), key);
    assert.equal(existsSync(stale), false);
  });
});

describe('install on hosts of other kinds', { timeout: 600_000 }, () => {
  test('needs no root if all paths belong to the user', async () => {
    const home = '/home/guest/mco-deploy';
    const settings =
      'listen: { port: 5811 }\ndiscovery: { mdns: false }\naudit: { file: /home/guest/mco-deploy/audit.jsonl }\nstate: /home/guest/mco-deploy/state\n';
    await writeFile(estate.file('own.yaml'), settings);
    const own = [
      '--program',
      `${home}/bin/mco-deploy`,
      '--directory',
      `${home}/etc`,
      '--node-config',
      estate.file('own.yaml'),
    ];
    const words = [`guest.devco.net=guest@${dev1}`, '--service', 'none', ...own];
    const { code, hosts, err } = await estate.install(...words);
    assert.equal(code, 0, err + JSON.stringify(hosts));
    assert.equal(hosts[0]?.state, 'installed');
    const owners = await estate.on(dev1, `find ${home} -not -user guest; stat -c %a ${home}/etc/node.key`);
    assert.equal(owners.out, '600\n');
  });

  test('installs a Debian package instead, once', async () => {
    const tree = estate.file('package');
    await mkdir(join(tree, 'DEBIAN'), { recursive: true });
    await mkdir(join(tree, 'usr/bin'), { recursive: true });
    await link(builtProgram(), join(tree, 'usr/bin/mco-deploy'));
    const control =
      'Package: mco-deploy\nVersion: 0.1.0-1\nArchitecture: amd64\nMaintainer: nobody <nobody@devco.net>\nDescription: test\n';
    await writeFile(join(tree, 'DEBIAN/control'), control);
    const built = await runProgram('dpkg-deb', ['--build', '-Znone', tree, estate.file('mco-deploy.deb')]);
    assert.equal(built.code, 0, built.err);
    const words = [
      'install',
      '--package',
      estate.file('mco-deploy.deb'),
      '--json',
      '--node-config',
      estate.file('settings.yaml'),
      ...estate.onHosts(`deploy@${packaged}`),
    ];
    const first = await estate.run(words);
    assert.equal(first.code, 0, first.err + first.out);
    const [host] = JSON.parse(first.out) as HostJson[];
    assert.equal(host?.changes[0], 'package 0.1.0-1');
    assert.equal(host?.version, '0.1.0');
    const [again] = JSON.parse((await estate.run(words)).out) as HostJson[];
    assert.equal(again?.state, 'unchanged');
    const removed = await estate.run(['uninstall', '--purge', '--json', ...estate.onHosts(`deploy@${packaged}`)]);
    assert.match(removed.out, /"package"/);
    assert.equal((await estate.on(packaged, 'ls /usr/bin/mco-deploy /etc/mco-deploy 2>/dev/null')).out, '');
  });

  test('writes a unit for hosts with systemd that systemd accepts', async () => {
    const unit = estate.file('mco-deploy.service');
    await writeFile(unit, unitText('/bin/true', '/etc/mco-deploy'));
    const { code, err } = await runProgram('systemd-analyze', ['verify', unit]);
    assert.equal(code, 0, err);
    assert.equal(err, '');
  });
});

describe('uninstall', { timeout: 600_000 }, () => {
  const uninstall = (...words: string[]) => estate.run(['uninstall', '--json', ...estate.onHosts(...words)]);

  test('prints what it would remove, and warns if nobody could stop the daemon', async () => {
    const { code, out } = await uninstall(`root@${dev1}`, '--dry-run');
    assert.equal(code, 0);
    assert.equal((JSON.parse(out) as { state: string }[])[0]?.state, 'planned');
    assert.equal(existsSync(estate.path(dev1, 'usr/local/bin/mco-deploy')), true);
    const alone = await estate.run([
      'uninstall',
      '--ssh-config',
      estate.file('ssh.config'),
      '--dry-run',
      `root@${dev1}`,
    ]);
    assert.match(
      alone.err,
      /warning: dev1\.devco\.net: there is no service that stops its daemon: stop it on the host/,
    );
  });

  test('stops the daemon and removes the program; key and configuration stay', async () => {
    const { code, out } = await uninstall(`root@${dev1}`);
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(out), [
      { node: dev1, host: dev1, state: 'removed', removed: ['/usr/local/bin/mco-deploy'], stopped: true },
    ]);
    assert.equal(existsSync(estate.path(dev1, 'run/mco-deploy.pid')), false);
    assert.equal(existsSync(estate.path(dev1, 'etc/mco-deploy/node.key')), true);
    const again = await uninstall(`root@${dev1}`);
    assert.deepEqual((JSON.parse(again.out) as { removed: string[] }[])[0]?.removed, []);
  });

  test('--purge removes everything that belonged to the node', async () => {
    const { code } = await uninstall(`deploy@${dev2}`, '--purge');
    assert.equal(code, 0);
    assert.equal(await estate.traces(dev2), '');
  });
});
