import assert from 'node:assert/strict';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { makeRpm } from '../../../build/rpm/package.ts';
import { type DebianRoot, startDebianRoot } from '../../support/debian-root/root.ts';
import { builtProgram } from '../../support/program/built-program.ts';
import { runProgram } from '../../support/program/run-program.ts';

const repository = join(import.meta.dirname, '../../..');
const binary = builtProgram();
const names = { x86_64: 'mco-deploy-0.1.0-1.x86_64.rpm', aarch64: 'mco-deploy-0.1.0-1.aarch64.rpm' } as const;

let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mco-rpm-'));
  await pack(directory, 'x86_64', '0.1.0');
  await pack(directory, 'aarch64', '0.1.0');
});
after(() => rm(directory, { recursive: true }));

async function pack(at: string, architecture: keyof typeof names, version: string): Promise<string> {
  const work = await mkdtemp(join(tmpdir(), 'mco-rpm-work-'));
  const file = join(at, names[architecture].replace('0.1.0', version));
  const texts = {
    sbom: '{}',
    licences: 'none',
    maintainer: 'A Maintainer <maintainer@devco.net>',
    date: 1_700_000_000,
  };
  await makeRpm({ ...texts, binary, version, architecture, work, file, compression: 'none' });
  await rm(work, { recursive: true });
  return file;
}

async function query(file: string, format: string): Promise<string> {
  const { out } = await runProgram('rpm', ['--query', '--package', '--queryformat', format, file]);
  return out;
}

describe('the RPM package', () => {
  test('has no error and no warning for rpmlint', async () => {
    const settings = join(repository, 'build/rpm/files/rpmlintrc.toml');
    const { out } = await runProgram('rpmlint', ['--config', settings, join(directory, names.x86_64)]);
    assert.match(out, /1 packages and 0 specfiles checked; 0 errors, 0 warnings/);
  });

  test('is made for both architectures, and each package names its own', async () => {
    assert.equal(await query(join(directory, names.x86_64), '%{NAME} %{VERSION} %{ARCH}'), 'mco-deploy 0.1.0 x86_64');
    assert.equal(await query(join(directory, names.aarch64), '%{NAME} %{VERSION} %{ARCH}'), 'mco-deploy 0.1.0 aarch64');
  });

  test('contains the unit, the rules, the manual page and the completions, with the owners that the daemon needs', async () => {
    const { out } = await runProgram('rpm', ['--query', '--package', '--dump', join(directory, names.x86_64)]);
    const rows = new Map(
      out
        .trim()
        .split('\n')
        .map((line) => line.split(' '))
        .map(([path = '', , , , mode, user, group]) => [path, `${mode?.slice(-4)} ${user}:${group}`]),
    );
    const expected = {
      '/usr/bin/mco-deploy': '0755 root:root',
      '/usr/lib/systemd/system/mco-deploy.service': '0644 root:root',
      '/etc/polkit-1/rules.d/50-mco-deploy.rules': '0644 root:root',
      '/usr/share/man/man1/mco-deploy.1.gz': '0644 root:root',
      '/usr/share/bash-completion/completions/mco-deploy': '0644 root:root',
      '/usr/share/zsh/site-functions/_mco-deploy': '0644 root:root',
      '/usr/share/fish/vendor_completions.d/mco-deploy.fish': '0644 root:root',
      '/etc/mco-deploy': '0750 root:mco-deploy',
      '/var/lib/mco-deploy': '0700 mco-deploy:mco-deploy',
      '/var/log/mco-deploy': '0750 mco-deploy:mco-deploy',
    };
    for (const [path, owner] of Object.entries(expected)) assert.equal(rows.get(path), owner, path);
  });

  test('installs under another root exactly what was packed', async () => {
    const root = await mkdtemp(join(tmpdir(), 'mco-rpm-root-'));
    try {
      const rpm = (...words: string[]) => runProgram('rpm', ['--root', root, ...words]);
      await rpm('--initdb');
      const lacking = await rpm('--install', '--noscripts', join(directory, names.x86_64));
      assert.notEqual(lacking.code, 0, 'on a system that has not what it needs');
      assert.match(lacking.err, /glibc >= 2\.28 is needed by mco-deploy/);
      const { code, err } = await rpm('--install', '--nodeps', '--noscripts', join(directory, names.x86_64));
      assert.equal(code, 0, err);
      const installed = await runProgram(join(root, 'usr/bin/mco-deploy'), ['--version']);
      assert.match(installed.out, /^mco-deploy /);
      const changed = await rpm('--verify', '--nodeps', '--nouser', '--nogroup', 'mco-deploy');
      assert.equal(changed.out, '');
      const foreign = await rpm('--install', '--nodeps', '--noscripts', join(directory, names.aarch64));
      assert.notEqual(foreign.code, 0);
      assert.match(foreign.err, /intended for a different architecture/);
    } finally {
      await rm(root, { recursive: true });
    }
  });
});

describe('the RPM package on a system with systemd', () => {
  let root: DebianRoot;
  before(async () => {
    root = await startDebianRoot();
    await pack(root.shared, 'x86_64', '0.1.0');
    await pack(root.shared, 'x86_64', '0.1.1');
    await root.shell('mkdir -p /var/lib/rpm && rpm --initdb');
  });
  after(() => root[Symbol.asyncDispose]());

  test('creates the daemon’s user, starts nothing without a configuration, and keeps the key when it is removed', async () => {
    await root.shell('rpm --install --nodeps /mnt/mco-deploy-0.1.0-1.x86_64.rpm');
    assert.match(await root.shell('getent passwd mco-deploy'), /:\/sbin\/nologin$/m);
    const owners = await root.shell('stat -c "%n %U:%G %a" /etc/mco-deploy /var/lib/mco-deploy /var/log/mco-deploy');
    assert.deepEqual(owners.trim().split('\n'), [
      '/etc/mco-deploy root:mco-deploy 750',
      '/var/lib/mco-deploy mco-deploy:mco-deploy 700',
      '/var/log/mco-deploy mco-deploy:mco-deploy 750',
    ]);
    assert.equal((await root.run('systemctl', 'is-active', 'mco-deploy')).out.trim(), 'inactive');
    await root.shell('systemd-analyze verify mco-deploy.service; touch /etc/mco-deploy/node.key');
    await root.shell('rpm --upgrade --nodeps /mnt/mco-deploy-0.1.1-1.x86_64.rpm');
    assert.equal((await root.shell('rpm --query mco-deploy')).trim(), 'mco-deploy-0.1.1-1.x86_64');
    await root.shell('rpm --erase mco-deploy; test ! -e /usr/bin/mco-deploy; test -e /etc/mco-deploy/node.key');
  });
});

test('the RPM package contains the whole program: rpm strips nothing from it', async () => {
  assert.equal(
    Number(await query(join(directory, names.x86_64), '[%{FILENAMES} %{FILESIZES}\n]').then(sizeIn)),
    (await stat(binary)).size,
  );
});

function sizeIn(listing: string): string {
  return /^\/usr\/bin\/mco-deploy (\d+)$/m.exec(listing)?.[1] ?? 'not in the package';
}
