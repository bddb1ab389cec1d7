import assert from 'node:assert/strict';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { findPackage, fitToHost } from '../../../../src/client/install/debian.ts';
import type { InstallHostOptions } from '../../../../src/client/install/install-options.ts';
import type { Program } from '../../../../src/client/install/program.ts';
import type { Remote } from '../../../../src/client/install/ssh.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';
import { runProgram } from '../../../support/program/run-program.ts';

const binary: Program = { form: 'binary', file: '', size: 1, sha256: '', machine: 'x86_64', version: '' };

async function makePackage(directory: string, name: string, architecture: string): Promise<void> {
  const tree = join(directory, `tree-${name}`);
  await mkdir(join(tree, 'DEBIAN'), { recursive: true });
  // dpkg-deb refuses what a careful umask makes of it.
  await chmod(join(tree, 'DEBIAN'), 0o755);
  const control = `Package: mco-deploy\nVersion: 0.1.0\nArchitecture: ${architecture}\nMaintainer: nobody <n@devco.net>\nDescription: test\n`;
  await writeFile(join(tree, 'DEBIAN/control'), control);
  const built = await runProgram('dpkg-deb', ['--build', '-Znone', tree, join(directory, name)]);
  assert.equal(built.code, 0, built.err);
}

test('the package of a release is found next to its program, by the architecture', async () => {
  const directory = temporaryDirectory();
  const own = join(directory, 'mco-deploy');
  assert.equal(await findPackage(own, binary), 'none');
  await makePackage(directory, 'mco-deploy_0.1.0_arm64.deb', 'arm64');
  assert.equal(await findPackage(own, binary), 'none');
  await makePackage(directory, 'mco-deploy_0.1.0_amd64.deb', 'amd64');
  const found = await findPackage(own, binary);
  assert.ok(found !== 'none');
  assert.deepEqual([found.form, found.machine, found.version], ['package', 'x86_64', '0.1.0']);
  await makePackage(directory, 'mco-deploy_0.2.0_amd64.deb', 'amd64');
  assert.equal(await findPackage(own, binary), 'none', 'which of two is meant is for a person to say');
});

test('Debian hosts with systemd get the package, others the bare program, with a warning about a daemon that runs as root', async () => {
  const paths = { program: '/usr/local/bin/mco-deploy', directory: '/etc/mco-deploy', staging: '/usr/local/bin' };
  const package_: Program = { ...binary, form: 'package', version: '0.1.0' };
  const options = { program: binary, desired: { paths }, service: undefined } as unknown as InstallHostOptions;
  const fit = (more: Partial<InstallHostOptions>, says: string) => {
    const remote = { run: async () => ({ code: 0, out: says, said: '' }) } as unknown as Remote;
    return fitToHost({ ...options, ...more }, remote);
  };
  const debian = await fit({ debian: package_ }, 'debian=yes\n');
  assert.deepEqual([debian.options.program, debian.options.desired.paths.program], [package_, '/usr/bin/mco-deploy']);
  const other = await fit({ debian: package_ }, '');
  assert.equal(other.options.program, binary);
  const none = await fit({ debian: 'none' }, 'debian=yes\n');
  assert.match(none.warnings.join(), /the daemon runs as root/);
  assert.deepEqual((await fit({}, 'debian=yes\n')).warnings, [], 'who names a program knows');
  const init = await fit({ debian: package_, service: '/etc/init.d/mco-deploy' }, 'debian=yes\n');
  assert.equal(init.options.program, binary);
});
