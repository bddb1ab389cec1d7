import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startPackage } from '../../../src/agents/package/agent.ts';
import type { PackageConfig } from '../../../src/agents/package/config.ts';
import type { CommandResult, RunCommand } from '../../../src/core/ports.ts';
import { actionContext, agentSetup } from '../../support/agents/agent-setup.ts';
import { type DebianRoot, startDebianRoot } from '../../support/debian-root/root.ts';

type Reply = { changed?: boolean; packages?: { package: string; from: string; to: string }[] } & Record<
  string,
  unknown
>;

const list = ['mco-alpha', 'mco-b*a', 'mco-none'];

/** Calls actions of the agent with the programs of the root. */
function caller(root: () => DebianRoot, manager: 'apt' | 'dnf') {
  const argvs: string[] = [];
  const run: RunCommand = async (argv): Promise<CommandResult> => {
    argvs.push(argv.join(' '));
    const { code, out, err } = await root().run('env', 'LC_ALL=C', 'DEBIAN_FRONTEND=noninteractive', ...argv);
    return { code, signal: null, stdout: out, stderr: err, truncated: false };
  };
  const call = async (action: string, input: object, overrides: object = {}, packages = list): Promise<Reply> => {
    const config: PackageConfig = { packages, manager, sudo: false, lock_wait: 5 };
    const { handlers } = await startPackage(agentSetup(config, { run }));
    const handler = handlers[action] as unknown as (input: object, context: object) => Promise<Reply>;
    return handler({ refresh: false, security: false, ...input }, actionContext(overrides));
  };
  const changing = () => argvs.filter((argv) => /^(apt-get (install|update)|dnf (install|makecache))/.test(argv));
  return { call, changing, argvs };
}

describe('the agent “package”, with apt', () => {
  let root: DebianRoot;
  const { call, changing, argvs } = caller(() => root, 'apt');
  before(async () => {
    root = await startDebianRoot();
    const pack = (repository: string, name: string, version: string, depends = '') =>
      `mkdir -p /p/DEBIAN /srv/${repository}\nprintf 'Package: ${name}\\nVersion: ${version}\\nArchitecture: all\\nMaintainer: A <a@devco.net>\\nDescription: test\\n${depends}' >/p/DEBIAN/control\ndpkg-deb -b /p /srv/${repository}/${name}_${version}.deb >/dev/null\n`;
    const index = (repository: string, label: string, suite: string) =>
      `cd /srv/${repository}; apt-ftparchive packages . >Packages; apt-ftparchive -o APT::FTPArchive::Release::Label=${label} -o APT::FTPArchive::Release::Suite=${suite} release . >Release; cd /\n`;
    await root.shell(
      pack('main', 'mco-alpha', '1.0') +
        pack('main', 'mco-alpha', '1.1') +
        pack('main', 'mco-beta', '1.0', 'Depends: mco-lib\\n') +
        pack('main', 'mco-beta', '1.2', 'Depends: mco-lib\\n') +
        pack('main', 'mco-lib', '3') +
        pack('main', 'mco-other', '1') +
        pack('security', 'mco-beta', '1.1', 'Depends: mco-lib\\n') +
        pack('security', 'mco-alpha', '1.2') +
        index('main', 'Debian', 'stable') +
        index('security', 'Debian-Security', 'stable-security') +
        `rm -rf /etc/apt/sources.list /etc/apt/sources.list.d /var/lib/apt/lists; mkdir -p /etc/apt/sources.list.d /var/lib/apt/lists/partial
         for repository in main security; do echo "deb [trusted=yes] file:/srv/$repository ./" >>/etc/apt/sources.list; done`,
    );
  });
  after(() => root[Symbol.asyncDispose]());

  const versionOf = async (name: string) => /^Version: (.*)$/m.exec(await root.shell(`dpkg --status ${name}`))?.[1];

  test('fetches the lists, installs a version with its dependencies, and reports the versions before and after', async () => {
    const planned = await call('install', { package: 'mco-beta', version: '1.0', refresh: true });
    assert.deepEqual(planned.packages?.map((one) => Object.values(one).join(' ')).sort(), [
      'mco-beta  1.0',
      'mco-lib  3',
    ]);
    assert.equal(planned.changed, true);
    assert.equal(await versionOf('mco-beta'), '1.0');
    assert.deepEqual(await call('status', { package: 'mco-beta' }), {
      package: 'mco-beta',
      installed: '1.0',
      candidate: '1.2',
    });
    assert.deepEqual(await call('status', { package: 'mco-none' }), {
      package: 'mco-none',
      installed: '',
      candidate: '',
    });
  });

  test('reports what would change in a dry run, and changes nothing; a second dry run reports no change', async () => {
    const before = changing().length;
    const dry = await call('install', { package: 'mco-alpha', version: '1.0' }, { dryRun: true });
    assert.deepEqual(dry.packages, [{ package: 'mco-alpha', from: '', to: '1.0' }]);
    assert.equal(changing().length, before);
    await call('install', { package: 'mco-alpha', version: '1.0' });
    const again = await call('install', { package: 'mco-alpha', version: '1.0' });
    assert.deepEqual([again.changed, again.packages], [false, []]);
  });

  test('applies only security updates if the node allows only those', async () => {
    const { packages } = await call('updates', { security: true });
    assert.deepEqual(packages, [{ package: 'mco-alpha', from: '1.0', to: '1.2' }]);
    const updated = await call('update', { security: true });
    assert.deepEqual(updated.packages, [{ package: 'mco-alpha', from: '1.0', to: '1.2' }]);
    assert.equal(await versionOf('mco-beta'), '1.0');
  });

  test('updates one package to the newest version or a given one, only when it is installed', async () => {
    const updated = await call('update', { package: 'mco-beta', version: '1.1' });
    assert.deepEqual(updated.packages, [{ package: 'mco-beta', from: '1.0', to: '1.1' }]);
    assert.equal((await call('update', { package: 'mco-beta' })).packages?.[0]?.to, '1.2');
    await assert.rejects(call('update', { package: 'mco-none' }), { code: 'not-installed' });
    await assert.rejects(call('update', { version: '1' }), { code: 'invalid-input' });
  });

  test('refuses packages that are not on the list, runs nothing for them, and names those that apt does not have', async () => {
    argvs.length = 0;
    for (const name of ['mco-other', 'mco-b', 'mco-alpha2', 'xmco-alpha'])
      await assert.rejects(call('install', { package: name }), { code: 'not-allowed' });
    await assert.rejects(call('status', { package: 'bash' }, {}, []), { code: 'not-allowed' });
    assert.deepEqual(argvs, []);
    await assert.rejects(call('install', { package: 'mco-none' }), { code: 'package-failed', message: /mco-none/ });
    await assert.rejects(call('install', { package: 'mco-alpha', version: '9' }), {
      message: /Version .9. for .mco-alpha. was not found/,
    });
  });
});

describe('the agent “package”, with dnf', () => {
  let root: DebianRoot;
  const { call } = caller(() => root, 'dnf');
  before(async () => {
    root = await startDebianRoot();
    const pack = (name: string, version: string) =>
      `printf 'Name: ${name}\\nVersion: ${version}\\nRelease: 1\\nSummary: test\\nLicense: MIT\\nBuildArch: noarch\\n%%description\\ntest\\n%%files\\n' >/tmp/a.spec; rpmbuild -bb --quiet --define "_rpmdir /srv/rpm" /tmp/a.spec\n`;
    await root.shell(
      `mkdir -p /var/lib/rpm /srv/rpm /etc/yum.repos.d; rpm --initdb\n${pack('mco-alpha', '1.0')}${pack('mco-alpha', '1.1')}${pack('mco-beta', '1.0')}${pack('mco-other', '1')}createrepo_c --quiet /srv/rpm
      printf '[test]\\nname=test\\nbaseurl=file:///srv/rpm\\ngpgcheck=0\\n' >/etc/yum.repos.d/test.repo; mkdir -p /etc/dnf; echo '[main]' >/etc/dnf/dnf.conf`,
    );
  });
  after(() => root[Symbol.asyncDispose]());

  test('installs, reports and updates as with apt', async () => {
    const dry = await call('install', { package: 'mco-alpha', version: '1.0-1' }, { dryRun: true });
    assert.deepEqual(dry.packages, [{ package: 'mco-alpha', from: '', to: '1.0-1' }]);
    assert.equal((await root.run('rpm', '--query', 'mco-alpha')).code, 1);
    assert.equal((await call('install', { package: 'mco-alpha', version: '1.0-1', refresh: true })).changed, true);
    assert.equal((await root.shell('rpm --query mco-alpha')).trim(), 'mco-alpha-1.0-1.noarch');
    assert.deepEqual(await call('status', { package: 'mco-alpha' }), {
      package: 'mco-alpha',
      installed: '1.0-1',
      candidate: '1.1-1',
    });
    assert.deepEqual((await call('updates', {})).packages, [{ package: 'mco-alpha', from: '1.0-1', to: '1.1-1' }]);
    assert.deepEqual((await call('update', { package: 'mco-alpha' })).packages, [
      { package: 'mco-alpha', from: '1.0-1', to: '1.1-1' },
    ]);
    assert.equal((await root.shell('rpm --query mco-alpha')).trim(), 'mco-alpha-1.1-1.noarch');
    assert.equal((await call('update', { package: 'mco-alpha' })).changed, false);
  });

  test('refuses packages that are not on the list, and names those that no repository has', async () => {
    await assert.rejects(call('install', { package: 'mco-other' }), { code: 'not-allowed' });
    await assert.rejects(call('install', { package: 'mco-none' }), { code: 'no-such-package', message: /mco-none/ });
  });
});
