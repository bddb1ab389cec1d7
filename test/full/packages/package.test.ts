import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { makePackage, type PackageOptions } from '../../../build/deb/package.ts';
import { type DebianRoot, startDebianRoot } from '../../support/debian-root/root.ts';
import { builtProgram } from '../../support/program/built-program.ts';
import { runProgram } from '../../support/program/run-program.ts';

const binary = builtProgram();

async function pack(file: string, options: Partial<PackageOptions> = {}): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'mco-package-'));
  const maintainer = 'A Maintainer <maintainer@devco.net>';
  const texts = { sbom: '{}', licences: 'none', maintainer, date: 1_800_000_000 };
  const whole = { ...texts, binary, architecture: 'amd64', version: '0.1.0', compression: 'none', work, file } as const;
  await makePackage({ ...whole, ...options });
  await rm(work, { recursive: true });
}

/** Replaces the program where only the package matters. */
async function writeStandIn(directory: string): Promise<string> {
  const file = join(directory, 'stand-in');
  await writeFile(file, '#!/bin/sh\n');
  await chmod(file, 0o755);
  return file;
}

describe('the Debian package, on a Debian with systemd', () => {
  let root: DebianRoot;
  before(async () => {
    root = await startDebianRoot();
    const standIn = await writeStandIn(root.shared);
    await pack(join(root.shared, 'one.deb'), { version: '0.1.0~1' });
    await pack(join(root.shared, 'two.deb'), { version: '0.1.0~2' });
    await pack(join(root.shared, 'foreign.deb'), { binary: standIn, architecture: 'arm64' });
  });
  after(() => root[Symbol.asyncDispose]());

  const ping = `mco-deploy ping --nodes /root/nodes.yaml`;
  const pid = () => root.shell('systemctl show --property MainPID --value mco-deploy');
  const refuses = async (command: string, words: RegExp) => {
    const { code, err } = await root.run('sh', '-c', command);
    assert.notEqual(code, 0);
    assert.match(err, words);
  };

  test('is refused by a machine of another architecture', async () => {
    await refuses('dpkg --install /mnt/foreign.deb', /architecture \(arm64\) does not match system \(amd64\)/);
  });

  test('is refused if the disk is full or /etc is read-only, and installs when that is fixed', async () => {
    await root.shell('fallocate -l "$(($(df -B1 --output=avail / | tail -1) - 50000000))" /filler');
    await refuses('dpkg --install /mnt/one.deb', /No space left on device/);
    await root.shell('rm /filler; mount --bind -o ro /etc /etc');
    await refuses('dpkg --install /mnt/one.deb', /Read-only file system/);
    await root.shell('umount /etc; dpkg --install /mnt/one.deb; dpkg --verify mco-deploy');
    assert.equal(await root.shell('dpkg --audit mco-deploy'), '');
  });

  test('creates a user and directories that nobody else can enter, and starts nothing without a configuration', async () => {
    const owners = await root.shell('stat -c "%n %U:%G %a" /etc/mco-deploy /var/lib/mco-deploy /var/log/mco-deploy');
    assert.deepEqual(owners.trim().split('\n'), [
      '/etc/mco-deploy root:mco-deploy 750',
      '/var/lib/mco-deploy mco-deploy:mco-deploy 700',
      '/var/log/mco-deploy mco-deploy:mco-deploy 750',
    ]);
    assert.match(await root.shell('getent passwd mco-deploy'), /:\/usr\/sbin\/nologin$/m);
    assert.equal((await root.shell('systemctl is-enabled mco-deploy')).trim(), 'enabled');
    const { out } = await root.run('systemctl', 'is-active', 'mco-deploy');
    assert.equal(out.trim(), 'inactive');
  });

  test('installs a unit in which systemd finds nothing wrong, with a tight sandbox', async () => {
    const { code, out, err } = await root.run('systemd-analyze', 'verify', 'mco-deploy.service');
    assert.deepEqual({ code, out, err }, { code: 0, out: '', err: '' });
    await root.shell('systemd-analyze security --offline=yes --threshold=20 mco-deploy.service');
  });

  test('installs a manual page, and completions in the directories of the shells', async () => {
    const { code, out: page, err } = await root.run('man', '--warnings', 'mco-deploy');
    assert.deepEqual({ code, err }, { code: 0, err: '' });
    for (const words of ['mco-deploy upgrade [options]', '--cluster <name>', 'EXIT STATUS'])
      assert.ok(page.includes(words), words);
    await root.shell('bash -c ". /usr/share/bash-completion/completions/mco-deploy; complete -p mco-deploy"');
  });

  test('runs the daemon unprivileged, from a bundle that root unpacked', async () => {
    await root.shell(`cd /root
      mco-deploy ca init --realm devco.net
      mco-deploy ca issue node web1.devco.net --bundle web1.tar.gz
      mco-deploy ca issue operator rip@devco.net --bundle rip.tar.gz
      tar -xzf web1.tar.gz -C /etc/mco-deploy
      mkdir -p .config/mco-deploy && tar -xzf rip.tar.gz -C .config/mco-deploy
      printf 'allow\\tcert=rip@devco.net\\t*\\t*\\t*\\n' >>/etc/mco-deploy/policies/default.policy
      printf 'nodes:\\n  - { name: web1.devco.net, address: 127.0.0.1 }\\n' >nodes.yaml
      systemctl start mco-deploy`);
    const seen = await root.shell(
      `ps -o user:20= -p "$(systemctl show -P MainPID mco-deploy)"; grep -E '^(CapBnd|NoNewPrivs)' /proc/"$(systemctl show -P MainPID mco-deploy)"/status`,
    );
    assert.match(seen, /^mco-deploy\nCapBnd:\t0+\nNoNewPrivs:\t1/);
    assert.match(await root.shell(ping), /^web1\.devco\.net +time=/);
    assert.match(await root.shell('stat -c "%U:%G %a" /etc/mco-deploy/node.key'), /root:mco-deploy 640/);
    // A key that was replaced, as root does it, is readable again after a reload.
    await root.shell(
      'chown root:root /etc/mco-deploy/node.key; chmod 600 /etc/mco-deploy/node.key; systemctl reload mco-deploy',
    );
    assert.match(await root.shell('stat -c "%U:%G %a" /etc/mco-deploy/node.key'), /root:mco-deploy 640/);
  });

  test('lets the daemon ask systemd only for what the list names', async () => {
    await root.shell(`printf '[Service]\\nExecStart=/bin/sleep 1000\\nExecReload=/bin/touch /run/reloaded\\n' >/etc/systemd/system/nginx.service
      cp /etc/systemd/system/nginx.service /etc/systemd/system/other.service
      systemctl daemon-reload; systemctl start nginx other`);
    const asDaemon =
      'setpriv --reuid mco-deploy --regid mco-deploy --clear-groups --no-new-privs systemctl --no-ask-password';
    await root.shell(`${asDaemon} reload nginx.service; test -e /run/reloaded`);
    for (const words of ['stop nginx.service', 'restart nginx.service', 'reload other.service', 'daemon-reload'])
      await refuses(`${asDaemon} ${words}`, /Access denied|authentication required/i);
  });

  test('is upgraded while the daemon runs: the new one takes over, and its audit log continues', async () => {
    const before = await pid();
    await root.shell('dpkg --install /mnt/two.deb');
    assert.notEqual(await pid(), before);
    assert.match(await root.shell(ping), /^web1\.devco\.net +time=/);
    assert.match(await root.shell('mco-deploy audit verify'), /records are valid/);
    const kinds = await root.shell(
      `sed -n 's/.*"kind":"\\(started\\|stopped\\)".*/\\1/p' /var/log/mco-deploy/audit.jsonl`,
    );
    assert.deepEqual(kinds.trim().split('\n'), ['started', 'stopped', 'started']);
  });

  test('keeps the host’s own files when it is removed, and nothing when it is purged', async () => {
    await root.shell('dpkg --remove mco-deploy');
    assert.equal((await root.run('pgrep', '-u', 'mco-deploy')).out, '');
    await root.shell(
      'test ! -e /usr/bin/mco-deploy; test -e /etc/mco-deploy/node.key; test -e /var/log/mco-deploy/audit.jsonl',
    );
    await root.shell('dpkg --install /mnt/two.deb; systemctl is-active mco-deploy');
    await root.shell('dpkg --purge mco-deploy');
    const left =
      'ls -d /etc/mco-deploy /var/lib/mco-deploy /var/log/mco-deploy /etc/polkit-1/rules.d/50-mco-deploy.rules /etc/systemd/system/*.wants/mco-deploy* /etc/systemd/system/mco-deploy*';
    assert.equal((await root.run('sh', '-c', `${left} 2>/dev/null`)).out, '');
  });
});

test('the Debian package has no error for lintian', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mco-lintian-'));
  try {
    // The binary itself takes lintian minutes: what it says of it is overridden, each with its reason.
    const file = join(directory, 'mco-deploy_0.1.0_amd64.deb');
    await pack(file, { binary: await writeStandIn(directory), compression: 'xz' });
    const { out, err } = await runProgram('lintian', ['--allow-root', '--no-cfg', file]);
    assert.doesNotMatch(out + err, /^E:/m);
  } finally {
    await rm(directory, { recursive: true });
  }
});
