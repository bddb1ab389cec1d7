import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { appendFile, link, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { unitText } from '../../src/client/commands/install/unit.ts';
import { runProgram } from '../support/run-program.ts';
import { builtProgram, type SshEstate, startSshEstate } from '../support/ssh/estate.ts';

const [dev1, dev2, packaged] = ['dev1.devco.net', 'dev2.devco.net', 'packaged.devco.net'] as const;

interface HostJson {
  readonly node: string;
  readonly state: string;
  readonly changes: readonly string[];
  readonly kept: readonly string[];
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly version: string | null;
}

/** Hosts that something is wrong with: how they are broken, what is told of it. */
const fake = (name: string, text: string) =>
  `printf '#!/bin/sh\\n%s\\n' '${text}' >/usr/local/sbin/${name}; chmod 755 /usr/local/sbin/${name}`;
const readOnly = (directory: string) =>
  `mkdir -p ${directory} && mount --bind ${directory} ${directory} && mount -o remount,bind,ro ${directory}`;
const broken: Readonly<Record<string, string>> = {
  'processor.devco.net': fake('uname', 'case $1 in -s) echo Linux ;; *) echo aarch64 ;; esac'),
  'clock.devco.net': fake('date', 'echo 1500000000'),
  'readonly.devco.net': readOnly('/etc/mco-deploy'),
  'full.devco.net': 'mount -t tmpfs -o size=8m tmpfs /usr/local/bin',
  'taken.devco.net': `setsid --fork python3 -m http.server 5810 </dev/null >/dev/null 2>&1; until ss -Hltn sport = 5810 | grep -q .; do sleep 0.05; done`,
  'late.devco.net': `${readOnly('/etc/mco-deploy/policies')}; echo old >/etc/mco-deploy/ca.crt`,
  'changed.devco.net': 'true',
};

let estate: SshEstate;

before(async () => {
  estate = await startSshEstate([dev1, dev2, packaged, ...Object.keys(broken)]);
  const settings =
    'discovery: { mdns: false }\nlog: { level: error }\nagents: { lock: {}, rpcutil: {}, nrpe: { config: /etc/nrpe.cfg } }\n';
  await writeFile(join(estate.directory, 'settings.yaml'), settings);
  await writeFile(join(estate.directory, 'hosts.yaml'), `- { name: ${dev2}, address: ${estate.address(dev2)} }\n`);
  const nodes = [dev1, dev2].map((node) => `- { name: ${node}, address: ${estate.address(node)} }\n`);
  await writeFile(join(estate.directory, 'nodes.yaml'), nodes.join(''));
});
after(() => estate?.[Symbol.asyncDispose]());

const file = (name: string) => join(estate.directory, name);
const onHost = (host: string) => [
  '--ssh-config',
  file('ssh.config'),
  '--service',
  '/usr/local/sbin/mco-init',
  ...host.split(' '),
];

async function install(
  ...words: string[]
): Promise<{ readonly code: number; readonly hosts: HostJson[]; readonly err: string }> {
  const more = ['--node-config', file('settings.yaml'), '--json'];
  const { code, out, err } = await estate.run(['install', ...more, ...onHost(words.join(' '))]);
  return { code, hosts: out === '' ? [] : (JSON.parse(out) as HostJson[]), err };
}

/** All that an installation may have left on a host. */
async function traces(host: string): Promise<string> {
  const places = '/etc/mco-deploy /usr/local/bin /var/lib/mco-deploy /var/log/mco-deploy';
  return (await estate.on(host, `find ${places} -type f 2>/dev/null | sort`)).out;
}

describe('install', { timeout: 120_000 }, () => {
  test('says what it would do, and does nothing', async () => {
    const { code, hosts, err } = await install(`root@${dev1}`, '--dry-run');
    assert.equal(code, 0, err);
    assert.equal(hosts[0]?.state, 'planned');
    assert.ok(hosts[0]?.changes.includes('/usr/local/bin/mco-deploy'));
    assert.equal(await traces(dev1), '');
    assert.equal((await estate.run(['ca', 'list', '--json'])).out.includes(dev1), false);
  });

  test('makes two hosts nodes at once, one of them through sudo, and waits until they answer over mutual TLS', async () => {
    const words = [
      `root@${dev1}`,
      '--hosts',
      file('hosts.yaml'),
      '--user',
      'deploy',
      '--fact',
      'cluster=bravo',
      '--class',
      'web',
    ];
    const { code, hosts, err } = await install(...words, '--agent', 'rpcutil', 'lock');
    assert.equal(code, 0, err);
    assert.equal(err, '');
    assert.deepEqual(
      hosts.map(({ node, state, version }) => ({ node, state, version })),
      [dev1, dev2].map((node) => ({ node, state: 'installed', version: '0.1.0' })),
    );
    const inventory = await estate.run(['inventory', dev2, '--nodes', file('nodes.yaml'), '--json']);
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

  test('the key was made on the host and is nowhere else', async () => {
    const { mode } = await stat(estate.path(dev2, 'etc/mco-deploy/node.key'));
    assert.equal(mode & 0o777, 0o600);
    const key = (await readFile(estate.path(dev2, 'etc/mco-deploy/node.key'), 'utf8')).split('\n')[1] ?? '';
    const found = await runProgram('grep', ['-rlF', key, file('.config'), file('.local'), file('.cache')]);
    assert.equal(found.out, '');
    assert.equal((await estate.on(dev2, 'find / -xdev -name ".mco-deploy-install*" 2>/dev/null')).out, '');
  });

  test('a second run changes nothing and says so', async () => {
    const pid = () => readFile(estate.path(dev1, 'run/mco-deploy.pid'), 'utf8');
    const before = await pid();
    const words = [`root@${dev1}`, '--fact', 'cluster=bravo', '--class', 'web', '--agent', 'rpcutil', 'lock'];
    const { code, hosts } = await install(...words);
    assert.equal(code, 0);
    assert.deepEqual(hosts[0]?.changes, []);
    assert.equal(hosts[0]?.state, 'unchanged');
    assert.equal(await pid(), before);
    const issued = JSON.parse((await estate.run(['ca', 'list', '--json'])).out) as { name: string }[];
    assert.equal(issued.filter(({ name }) => name === dev1).length, 1);
  });

  test('leaves what was changed on the host as it is, until told to replace it', async () => {
    const config = estate.path(dev1, 'etc/mco-deploy/node.yaml');
    await appendFile(config, '# by hand\n');
    const words = [`root@${dev1}`, '--agent', 'rpcutil', 'lock'];
    const kept = await install(...words);
    assert.deepEqual(kept.hosts[0]?.kept, ['/etc/mco-deploy/node.yaml']);
    assert.match(await readFile(config, 'utf8'), /by hand/);
    const replaced = await install(...words, '--replace');
    assert.deepEqual(replaced.hosts[0]?.changes, ['/etc/mco-deploy/node.yaml']);
    assert.doesNotMatch(await readFile(config, 'utf8'), /by hand/);
  });

  test('takes up what an installation left half done, with the key that is there', async () => {
    const at = (name: string) => estate.path(dev1, `etc/mco-deploy/${name}`);
    const key = await readFile(at('node.key'));
    await rm(at('node.crt'));
    const stale = estate.path(dev1, 'usr/local/bin/.mco-deploy-install.abcdef');
    await mkdir(stale);
    await estate.on(dev1, 'touch -d "2 hours ago" /usr/local/bin/.mco-deploy-install.abcdef');
    const { code, hosts } = await install(`root@${dev1}`, '--agent', 'rpcutil', 'lock');
    assert.equal(code, 0);
    assert.deepEqual(hosts[0]?.changes, ['certificate (has none yet)']);
    assert.deepEqual(await readFile(at('node.key')), key);
    assert.equal(existsSync(stale), false);
  });

  test('needs no root where all places are the user’s own', async () => {
    const home = '/home/guest/mco-deploy';
    const settings =
      'listen: { port: 5811 }\ndiscovery: { mdns: false }\naudit: { file: /home/guest/mco-deploy/audit.jsonl }\nstate: /home/guest/mco-deploy/state\n';
    await writeFile(file('own.yaml'), settings);
    const own = [
      '--program',
      `${home}/bin/mco-deploy`,
      '--directory',
      `${home}/etc`,
      '--node-config',
      file('own.yaml'),
    ];
    const words = [`guest.devco.net=guest@${dev1}`, '--service', 'none', ...own];
    const { code, hosts, err } = await install(...words);
    assert.equal(code, 0, err + JSON.stringify(hosts));
    assert.equal(hosts[0]?.state, 'installed');
    const owners = await estate.on(dev1, `find ${home} -not -user guest; stat -c %a ${home}/etc/node.key`);
    assert.equal(owners.out, '600\n');
  });

  test('installs a Debian package instead, once', async () => {
    const tree = file('package');
    await mkdir(join(tree, 'DEBIAN'), { recursive: true });
    await mkdir(join(tree, 'usr/bin'), { recursive: true });
    await link(builtProgram, join(tree, 'usr/bin/mco-deploy'));
    const control =
      'Package: mco-deploy\nVersion: 0.1.0-1\nArchitecture: amd64\nMaintainer: nobody <nobody@devco.net>\nDescription: test\n';
    await writeFile(join(tree, 'DEBIAN/control'), control);
    const built = await runProgram('dpkg-deb', ['--build', '-Znone', tree, file('mco-deploy.deb')]);
    assert.equal(built.code, 0, built.err);
    const words = [
      'install',
      '--package',
      file('mco-deploy.deb'),
      '--json',
      '--node-config',
      file('settings.yaml'),
      ...onHost(`deploy@${packaged}`),
    ];
    const first = await estate.run(words);
    assert.equal(first.code, 0, first.err + first.out);
    const [host] = JSON.parse(first.out) as HostJson[];
    assert.equal(host?.changes[0], 'package 0.1.0-1');
    assert.equal(host?.version, '0.1.0');
    const [again] = JSON.parse((await estate.run(words)).out) as HostJson[];
    assert.equal(again?.state, 'unchanged');
    const removed = await estate.run(['uninstall', '--purge', '--json', ...onHost(`deploy@${packaged}`)]);
    assert.match(removed.out, /"package"/);
    assert.equal((await estate.on(packaged, 'ls /usr/bin/mco-deploy /etc/mco-deploy 2>/dev/null')).out, '');
  });

  test('the unit for hosts with systemd is one that systemd takes', async () => {
    const unit = file('mco-deploy.service');
    await writeFile(unit, unitText('/bin/true', '/etc/mco-deploy'));
    const { code, err } = await runProgram('systemd-analyze', ['verify', unit]);
    assert.equal(code, 0, err);
    assert.equal(err, '');
  });
});

describe('hosts that cannot be installed', { timeout: 120_000 }, () => {
  const before = new Map<string, string>();
  const told = new Map<string, HostJson>();

  test('each is told in one line of its own, with what to do', async () => {
    for (const [host, command] of Object.entries(broken)) {
      const { code, err } = await estate.on(host, command);
      assert.equal(code, 0, `${host}: ${err}`);
      before.set(host, await traces(host));
    }
    const other = (await readFile(file(`${dev1}.hostkey.pub`), 'utf8')).trim();
    const known = await readFile(file('known_hosts'), 'utf8');
    const lines = known.split('\n').filter((line) => !line.startsWith(`${estate.address('changed.devco.net')} `));
    await writeFile(file('known_hosts'), [`${estate.address('changed.devco.net')} ${other}`, ...lines].join('\n'));
    const strangers = [`guest.devco.net=guest@${dev1}`, `somebody.devco.net=somebody@${dev1}`];
    const words = [...strangers, ...Object.keys(broken).map((host) => `root@${host}`)];
    const { code, hosts, err } = await install(...words, '--accept-new-host-keys', '--replace', '--parallel', '3');
    await writeFile(file('known_hosts'), known);
    assert.equal(code, 2, err);
    for (const host of hosts) told.set(host.node, host);
    assert.deepEqual(Object.fromEntries(hosts.map(({ node, code }) => [node.split('.')[0], code])), {
      guest: 'needs-root',
      somebody: 'ssh-failed',
      processor: 'wrong-architecture',
      clock: 'clock-off',
      readonly: 'read-only',
      full: 'no-space',
      taken: 'port-in-use',
      late: 'host-failed',
      changed: 'ssh-failed',
    });
    for (const { message } of hosts) assert.equal(message.includes('\n'), false, message);
  });

  test('nothing of it is left half done', async () => {
    for (const host of Object.keys(broken)) assert.equal(await traces(host), before.get(host), host);
    assert.match(
      told.get('late.devco.net')?.message ?? '',
      /Read-only file system; what had been changed was put back$/,
    );
    assert.equal((await estate.on('late.devco.net', 'cat /etc/mco-deploy/ca.crt')).out, 'old\n');
  });

  test('a host with another key than the known one gets nothing, even where new keys are accepted', () => {
    assert.match(told.get('changed.devco.net')?.message ?? '', /Host key verification failed/);
    assert.match(told.get('changed.devco.net')?.hint ?? '', /^make “ssh root@changed.devco.net true” work/);
    assert.match(told.get('clock.devco.net')?.message ?? '', /years behind/);
  });
});

test('a node that does not come up is told of with what its host finds wrong', { timeout: 60_000 }, async () => {
  const host = 'changed.devco.net';
  await estate.on(host, `printf '#!/bin/sh\\n' >/usr/local/sbin/mco-init`);
  const { code, hosts } = await install(`root@${host}`, '--wait', '1');
  assert.equal(code, 2);
  assert.equal(hosts[0]?.code, 'no-answer');
  assert.match(
    hosts[0]?.message ?? '',
    /does not answer: .*connection refused; the host says: port: nothing listens on port 5810$/,
  );
  assert.equal(hosts[0]?.hint, 'start the daemon');
});

describe('uninstall', { timeout: 120_000 }, () => {
  const uninstall = (...words: string[]) => estate.run(['uninstall', '--json', ...onHost(words.join(' '))]);

  test('stops the daemon and removes the program; key and configuration stay', async () => {
    const { code, out } = await uninstall(`root@${dev1}`);
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(out), [
      { node: dev1, host: dev1, state: 'removed', removed: ['/usr/local/bin/mco-deploy'] },
    ]);
    assert.equal(existsSync(estate.path(dev1, 'run/mco-deploy.pid')), false);
    assert.equal(existsSync(estate.path(dev1, 'etc/mco-deploy/node.key')), true);
    const again = await uninstall(`root@${dev1}`);
    assert.deepEqual((JSON.parse(again.out) as { removed: string[] }[])[0]?.removed, []);
  });

  test('--purge removes all that was the node’s', async () => {
    const { code } = await uninstall(`deploy@${dev2}`, '--purge');
    assert.equal(code, 0);
    assert.equal(await traces(dev2), '');
  });
});
