import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { type HostJson, type Installation, startInstallation } from '../../support/ssh/install.ts';

const fake = (name: string, text: string) =>
  `printf '#!/bin/sh\\n%s\\n' '${text}' >/usr/local/sbin/${name}; chmod 755 /usr/local/sbin/${name}`;
const readOnly = (directory: string) =>
  `mkdir -p ${directory} && mount --bind ${directory} ${directory} && mount -o remount,bind,ro ${directory}`;
/** Hosts that something is wrong with: how they are broken. */
const broken: Readonly<Record<string, string>> = {
  'processor.devco.net': fake('uname', 'case $1 in -s) echo Linux ;; *) echo aarch64 ;; esac'),
  'clock.devco.net': fake('date', 'echo 1500000000'),
  'readonly.devco.net': readOnly('/etc/mco-deploy'),
  'full.devco.net': 'mount -t tmpfs -o size=8m tmpfs /usr/local/bin',
  'taken.devco.net': `setsid --fork python3 -m http.server 5810 </dev/null >/dev/null 2>&1; until ss -Hltn sport = 5810 | grep -q .; do sleep 0.05; done`,
  'late.devco.net': `${readOnly('/etc/mco-deploy/policies')}; echo old >/etc/mco-deploy/ca.crt`,
  'changed.devco.net': 'true',
};

const healthy = 'dev1.devco.net';

let estate: Installation;

before(async () => {
  estate = await startInstallation([healthy, ...Object.keys(broken)]);
});
after(() => estate?.[Symbol.asyncDispose]());

describe('hosts that cannot be installed', { timeout: 600_000 }, () => {
  const before = new Map<string, string>();
  const told = new Map<string, HostJson>();

  test('each get one line that names the next step', async () => {
    for (const [host, command] of Object.entries(broken)) {
      const { code, err } = await estate.on(host, command);
      assert.equal(code, 0, `${host}: ${err}`);
      before.set(host, await estate.traces(host));
    }
    const other = (await readFile(estate.file(`${healthy}.hostkey.pub`), 'utf8')).trim();
    const known = await readFile(estate.file('known_hosts'), 'utf8');
    const lines = known.split('\n').filter((line) => !line.startsWith(`${estate.address('changed.devco.net')} `));
    await writeFile(
      estate.file('known_hosts'),
      [`${estate.address('changed.devco.net')} ${other}`, ...lines].join('\n'),
    );
    const strangers = [`guest.devco.net=guest@${healthy}`, `somebody.devco.net=somebody@${healthy}`];
    const words = [...strangers, ...Object.keys(broken).map((host) => `root@${host}`)];
    const { code, hosts, err } = await estate.install(
      ...words,
      '--accept-new-host-keys',
      '--replace',
      '--parallel',
      '3',
    );
    await writeFile(estate.file('known_hosts'), known);
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

  test('keep no trace of a refused installation', async () => {
    for (const host of Object.keys(broken)) assert.equal(await estate.traces(host), before.get(host), host);
    assert.match(told.get('late.devco.net')?.message ?? '', /Read-only file system; its changes were undone$/);
    assert.equal((await estate.on('late.devco.net', 'cat /etc/mco-deploy/ca.crt')).out, 'old\n');
  });

  test('receive nothing if they have another key than the known one, even if new keys are accepted', () => {
    assert.match(told.get('changed.devco.net')?.message ?? '', /Host key verification failed/);
    assert.match(told.get('changed.devco.net')?.hint ?? '', /^make “ssh root@changed.devco.net true” work/);
    assert.match(told.get('clock.devco.net')?.message ?? '', /years behind/);
  });
});

test('include a node that does not start, and the report shows the fault that its host found', {
  timeout: 600_000,
}, async () => {
  const host = 'changed.devco.net';
  await estate.on(host, `printf '#!/bin/sh\\n' >/usr/local/sbin/mco-init`);
  const { code, hosts } = await estate.install(`root@${host}`, '--wait', '1');
  assert.equal(code, 2);
  assert.equal(hosts[0]?.code, 'no-answer');
  assert.match(
    hosts[0]?.message ?? '',
    /does not answer: .*connection refused; the host reports: port: nothing listens on port 5810$/,
  );
  assert.equal(hosts[0]?.hint, 'start the daemon');
});
