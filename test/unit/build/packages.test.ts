// What a package holds and what its scripts do, without installing it: test/full/packages installs it on a Debian with systemd.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { makePackage } from '../../../build/deb/package.ts';
import { publicPem, releaseKey, writeSums } from '../../../build/sums.ts';

const build = join(import.meta.dirname, '../../../build');
const directory = mkdtempSync(join(tmpdir(), 'mco-packages-'));
after(() => rmSync(directory, { recursive: true }));

const commands = [
  'adduser chgrp chmod chown deb-systemd-helper deb-systemd-invoke dpkg-statoverride getent groupadd rm systemctl useradd',
].flatMap((names) => names.split(' '));

/**
 * Runs a script of a package in which every command only notes its words: no other one is in its PATH.
 * @param failing what fails: beginnings of such lines
 * @param systemd whether systemd runs
 * @returns the lines
 */
function runScript(file: string, words: readonly string[], failing: readonly string[] = [], systemd = true): string[] {
  const bin = mkdtempSync(join(directory, 'bin-'));
  const noted = join(bin, 'noted');
  const cases = failing.map((one) => `case "$line" in "${one}"*) exit 1 ;; esac\n`).join('');
  const stand = `#!/bin/sh\nline="\${0##*/} $*"\necho "$line" >>'${noted}'\n${cases}exit 0\n`;
  for (const name of commands) writeFileSync(join(bin, name), stand, { mode: 0o755 });
  writeFileSync(noted, '');
  const script = join(bin, 'script');
  const place = systemd ? bin : join(bin, 'none');
  writeFileSync(script, readFileSync(join(build, file), 'utf8').replaceAll('/run/systemd/system', place));
  const { status, stderr } = spawnSync('/bin/sh', [script, ...words], {
    env: { PATH: bin },
    encoding: 'utf8',
  });
  assert.deepEqual([status, stderr], [0, '']);
  return readFileSync(noted, 'utf8').split('\n').slice(0, -1);
}

describe('the scripts of the Debian package', () => {
  const owners = [
    'dpkg-statoverride --list /etc/mco-deploy',
    'chown root:mco-deploy /etc/mco-deploy',
    'chmod 0750 /etc/mco-deploy',
    'dpkg-statoverride --list /var/lib/mco-deploy',
    'chown mco-deploy:mco-deploy /var/lib/mco-deploy',
    'chmod 0700 /var/lib/mco-deploy',
    'dpkg-statoverride --list /var/log/mco-deploy',
    'chown mco-deploy:mco-deploy /var/log/mco-deploy',
    'chmod 0750 /var/log/mco-deploy',
  ];
  const noOverride = ['dpkg-statoverride --list'];

  test('create the user once, give the directories to it, and enable the daemon, which starts or starts again', () => {
    const first = runScript('deb/files/postinst', ['configure', ''], [...noOverride, 'getent']);
    const [asked, added, ...rest] = first;
    assert.equal(asked, 'getent passwd mco-deploy');
    assert.match(added ?? '', /^adduser --system --group --quiet --no-create-home --home \/var\/lib\/mco-deploy /);
    const unmasked = 'deb-systemd-helper unmask mco-deploy.service';
    const enabled = [
      'deb-systemd-helper --quiet was-enabled mco-deploy.service',
      'deb-systemd-helper enable mco-deploy.service',
    ];
    const start = (verb: string) => [
      'systemctl --system daemon-reload',
      `deb-systemd-invoke ${verb} mco-deploy.service`,
    ];
    assert.deepEqual(rest, [...owners, unmasked, ...enabled, ...start('start')]);
    const again = runScript('deb/files/postinst', ['configure', '0.1.0'], noOverride);
    assert.deepEqual(again, ['getent passwd mco-deploy', ...owners, unmasked, ...enabled, ...start('restart')]);
  });

  test('keep what the administrator decided: owners, modes, and a daemon that is disabled', () => {
    const ran = runScript('deb/files/postinst', ['configure', '0.1.0'], ['deb-systemd-helper --quiet was-enabled']);
    assert.deepEqual(
      ran.filter((line) => /^(chown|chmod|adduser)/.test(line)),
      [],
    );
    assert.deepEqual(
      ran.filter((line) => /^deb-systemd-helper (enable|update-state)/.test(line)),
      ['deb-systemd-helper update-state mco-deploy.service'],
    );
  });

  test('change no owner and add no user when an upgrade is given up, and the daemon runs again', () => {
    const ran = runScript('deb/files/postinst', ['abort-upgrade', '0.1.0']);
    assert.deepEqual(
      ran.filter((line) => /^(chown|chmod|adduser|getent)/.test(line)),
      [],
    );
    assert.ok(ran.includes('deb-systemd-helper enable mco-deploy.service'));
  });

  test('ask nothing of systemd where it does not run', () => {
    for (const [file, word] of [
      ['postinst', 'configure'],
      ['prerm', 'remove'],
      ['postrm', 'purge'],
    ] as const)
      assert.deepEqual(
        runScript(`deb/files/${file}`, [word], [], false).filter((line) =>
          /^(systemctl|deb-systemd-invoke)/.test(line),
        ),
        [],
        file,
      );
  });

  test('stop the daemon for a removal, not for an upgrade', () => {
    assert.deepEqual(runScript('deb/files/prerm', ['upgrade', '0.2.0']), []);
    assert.deepEqual(runScript('deb/files/prerm', ['remove']), [
      'deb-systemd-invoke stop mco-deploy.service',
      'systemctl disable --quiet --now mco-deploy-config.socket',
    ]);
  });

  test('delete the host’s keys and logs when the package is purged, and in no other case', () => {
    const deletes = (word: string) => runScript('deb/files/postrm', [word]).filter((line) => line.startsWith('rm '));
    for (const word of ['remove', 'upgrade', 'failed-upgrade', 'abort-install', 'disappear'])
      assert.deepEqual(deletes(word), [], word);
    assert.deepEqual(deletes('purge'), ['rm -rf /etc/mco-deploy /var/lib/mco-deploy /var/log/mco-deploy']);
    assert.ok(runScript('deb/files/postrm', ['remove']).includes('deb-systemd-helper mask mco-deploy.service'));
    const purged = runScript('deb/files/postrm', ['purge']);
    assert.ok(purged.includes('deb-systemd-helper purge mco-deploy.service'));
    assert.ok(purged.includes('deb-systemd-helper unmask mco-deploy.service'));
  });
});

describe('the scripts of the rpm package', () => {
  test('create the user and its group unless they are there', () => {
    const [, group, , user] = runScript('rpm/files/pre', ['1'], ['getent']);
    assert.equal(group, 'groupadd --system mco-deploy');
    assert.match(user ?? '', /^useradd --system --gid mco-deploy .*--no-create-home --shell \/sbin\/nologin /);
    assert.deepEqual(runScript('rpm/files/pre', ['2']), ['getent group mco-deploy', 'getent passwd mco-deploy']);
  });

  test('stop the daemon for a removal, and start it again for an upgrade', () => {
    const stopped = 'systemctl disable --now mco-deploy-config.socket mco-deploy.service';
    const reloaded = 'systemctl daemon-reload';
    assert.deepEqual(runScript('rpm/files/preun', ['0']), [stopped]);
    assert.deepEqual(runScript('rpm/files/preun', ['1']), []);
    assert.deepEqual(runScript('rpm/files/postun', ['0']), [reloaded]);
    const restarted = 'systemctl try-restart mco-deploy.service';
    assert.deepEqual(runScript('rpm/files/postun', ['1']), [reloaded, restarted]);
    assert.deepEqual(runScript('rpm/files/post', ['1']), [reloaded, 'systemctl preset mco-deploy.service']);
    assert.deepEqual(runScript('rpm/files/post', ['2']), [reloaded]);
  });
});

describe('the units of a package', () => {
  /** The values of each setting of a unit, in their order. */
  const unit = (name: string) => {
    const lines = readFileSync(join(build, 'system/files', name), 'utf8').split('\n');
    const settings = lines.flatMap((line) => /^(\w+)=(.*)$/.exec(line)?.slice(1) ?? []);
    const values = new Map<string, string[]>();
    for (let at = 0; at < settings.length; at += 2)
      values.set(settings[at] ?? '', [...(values.get(settings[at] ?? '') ?? []), settings[at + 1] ?? '']);
    return Object.fromEntries(values);
  };

  test('give the daemon no right of root, and only the directories that are its own', () => {
    const daemon = unit('mco-deploy.service');
    const wanted = {
      ...{ User: ['mco-deploy'], Group: ['mco-deploy'], NoNewPrivileges: ['yes'], CapabilityBoundingSet: [''] },
      ...{ AmbientCapabilities: [''], ProtectSystem: ['strict'], ProtectHome: ['yes'], RestrictSUIDSGID: ['yes'] },
      ...{ StateDirectory: ['mco-deploy'], StateDirectoryMode: ['0700'], LogsDirectoryMode: ['0750'], UMask: ['0027'] },
      SystemCallFilter: ['@system-service', '~@privileged @resources'],
    };
    for (const [name, values] of Object.entries(wanted)) assert.deepEqual(daemon[name], values, name);
    assert.equal(daemon.ReadWritePaths, undefined);
    assert.deepEqual([daemon.ExecStartPre?.length, daemon.ExecReload?.length], [3, 3]);
    // Only what gives the daemon its key, or takes back a change of its configuration, runs as root: it may fail.
    for (const command of [...(daemon.ExecStartPre ?? []), ...(daemon.ExecReload ?? []).slice(0, -1)])
      assert.match(
        command,
        /^-\+(\/usr\/bin\/ch(grp mco-deploy|mod 0640) \/etc\/mco-deploy\/node\.key$|\/bin\/sh -c 'test ! -e )/,
      );
    assert.deepEqual(daemon.ExecStart, ['/usr/bin/mco-deploy daemon --config /etc/mco-deploy/node.yaml']);
    assert.equal(daemon.ExecReload?.at(-1), '/bin/kill -HUP $MAINPID');
  });

  test('let the running calls end before the daemon is killed, and start it again only if it failed', () => {
    const daemon = unit('mco-deploy.service');
    const grace = Number(
      /const grace = (\d+)_000;/.exec(readFileSync(join(build, '../src/daemon/daemon.ts'), 'utf8'))?.[1],
    );
    assert.ok(Number(daemon.TimeoutStopSec?.[0]) >= grace + 15, 'the calls, the agents and the audit log');
    const { KillMode, Restart, Type, NotifyAccess, ConditionPathExists } = daemon;
    assert.deepEqual(
      [KillMode, Restart, Type, NotifyAccess, ConditionPathExists],
      [['mixed'], ['on-failure'], ['notify'], ['all'], ['/etc/mco-deploy/node.yaml']],
    );
  });

  test('take back a change that was cut off before the daemon reads its configuration', () => {
    const { ExecStartPre = [] } = unit('mco-deploy.service');
    assert.equal(
      ExecStartPre.at(-1),
      "-+/bin/sh -c 'test ! -e /etc/mco-deploy/.apply/pending.json || exec /usr/bin/mco-deploy config-helper --take-back'",
    );
  });

  test('open the helper that runs as root to the daemon alone, and only where somebody has the right to change something', () => {
    const socket = unit('mco-deploy-config.socket');
    const { SocketGroup, SocketMode, SocketUser, Accept, ConditionPathExists, MaxConnections } = socket;
    assert.deepEqual([SocketGroup, SocketMode, SocketUser, Accept], [['mco-deploy'], ['0660'], undefined, ['yes']]);
    assert.deepEqual([ConditionPathExists, MaxConnections], [['/etc/mco-deploy/helper.yaml'], ['8']]);
    const helper = unit('mco-deploy-config@.service');
    const wanted = {
      ...{ NoNewPrivileges: ['yes'], CapabilityBoundingSet: ['CAP_DAC_READ_SEARCH'], ProtectSystem: ['strict'] },
      ...{ ReadWritePaths: ['/etc/mco-deploy'], PrivateNetwork: ['yes'], RestrictAddressFamilies: ['AF_UNIX'] },
      ...{ StandardInput: ['socket'], StandardOutput: ['socket'], StandardError: ['journal'] },
    };
    for (const [name, values] of Object.entries(wanted)) assert.deepEqual(helper[name], values, name);
  });

  test('let the daemon ask systemd for the listed verbs of the listed units, and nobody else', () => {
    const rules: ((action: object, subject: object) => unknown)[] = [];
    const polkit = { Result: { YES: 'yes', NO: 'no' }, addRule: (rule: (typeof rules)[number]) => rules.push(rule) };
    runInNewContext(readFileSync(join(build, 'system/files/50-mco-deploy.rules'), 'utf8'), { polkit });
    assert.equal(rules.length, 1);
    const manage = 'org.freedesktop.systemd1.manage-units';
    const judge = (unitName: string, verb: string, user = 'mco-deploy', id = manage) =>
      rules[0]?.({ id, lookup: (name: string) => (name === 'unit' ? unitName : verb) }, { user });
    assert.deepEqual([judge('nginx.service', 'reload'), judge('apache2.service', 'reload')], ['yes', 'yes']);
    for (const [name, verb] of [
      ['nginx.service', 'restart'],
      ['nginx.service', ''],
      ['ssh.service', 'reload'],
      ['constructor', 'reload'],
    ] as const)
      assert.equal(judge(name, verb), 'no', `${name} ${verb}`);
    assert.equal(judge('nginx.service', 'reload', 'eve'), undefined);
    assert.equal(judge('nginx.service', 'reload', 'mco-deploy', 'org.freedesktop.login1.reboot'), undefined);
  });
});

describe('a Debian package', () => {
  const file = join(directory, 'one.deb');
  const make = async (to: string) => {
    const work = mkdtempSync(join(directory, 'work-'));
    const binary = join(directory, 'stand-in');
    writeFileSync(binary, '#!/bin/sh\n', { mode: 0o700 });
    const texts = { sbom: '{}', licences: 'none', maintainer: 'A Maintainer <maintainer@devco.net>' };
    const kind = { architecture: 'arm64', version: '0.2.0', compression: 'none' } as const;
    await makePackage({ ...texts, ...kind, date: 1_700_000_000, binary, work, file: to });
  };
  before(() => make(file));
  const dpkg = (...words: string[]) =>
    execFileSync('dpkg-deb', words, { encoding: 'utf8', env: { ...process.env, TZ: 'UTC' } });

  test('has files of the release’s time that root owns, that everybody may read and nobody else write, under every umask', async () => {
    const listed = dpkg('--contents', file)
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/));
    for (const [, , , day, time, path] of listed) assert.deepEqual([day, time], ['2023-11-14', '22:13'], path);
    const modes = new Map(listed.map(([mode = '', owner = '', , , , path = '']) => [path, `${mode} ${owner}`]));
    assert.equal(modes.get('./usr/bin/mco-deploy'), '-rwxr-xr-x root/root');
    modes.delete('./usr/bin/mco-deploy');
    for (const [path, mode] of modes)
      assert.equal(mode, path.endsWith('/') ? 'drwxr-xr-x root/root' : '-rw-r--r-- root/root', path);
    for (const path of [
      './usr/lib/systemd/system/mco-deploy.service',
      './usr/lib/systemd/system/mco-deploy-config.socket',
      './usr/lib/systemd/system/mco-deploy-config@.service',
      './etc/polkit-1/rules.d/50-mco-deploy.rules',
      './usr/share/man/man1/mco-deploy.1.gz',
      './etc/mco-deploy/policies/',
      './var/lib/mco-deploy/',
      './var/log/mco-deploy/',
    ])
      assert.ok(modes.has(path), path);
    const before = process.umask(0o077);
    const group = process.getegid?.() ?? 0;
    // The group of the builder does not count.
    if (process.geteuid?.() === 0) process.setegid?.(12345);
    try {
      const other = join(directory, 'umask.deb');
      await make(other);
      assert.ok(readFileSync(other).equals(readFileSync(file)), 'the same bytes again');
    } finally {
      process.umask(before);
      if (process.geteuid?.() === 0) process.setegid?.(group);
    }
  });

  test('names what it needs, keeps the administrator’s rules, and lists the sum of each file but those', () => {
    const control = mkdtempSync(join(directory, 'control-'));
    dpkg('--control', file, join(control, 'DEBIAN'));
    const read = (name: string) => readFileSync(join(control, 'DEBIAN', name), 'utf8');
    assert.match(read('control'), /^Package: mco-deploy\nVersion: 0\.2\.0\nArchitecture: arm64\n/);
    assert.match(read('control'), /^Depends: libc6 \(>= 2\.28\), .*adduser, init-system-helpers/m);
    assert.equal(read('conffiles'), '/etc/polkit-1/rules.d/50-mco-deploy.rules\n');
    const summed = read('md5sums')
      .trim()
      .split('\n')
      .map((line) => line.split('  ')[1] ?? '');
    assert.ok(summed.includes('usr/bin/mco-deploy'));
    assert.deepEqual(
      summed.filter((path) => /^(etc|DEBIAN)\//.test(path)),
      [],
    );
    const root = join(control, 'root');
    mkdirSync(root);
    dpkg('--extract', file, root);
    execFileSync('md5sum', ['--check', '--strict', '--quiet', join(control, 'DEBIAN/md5sums')], { cwd: root });
  });
});

describe('the sums of a release', () => {
  const { privateKey } = generateKeyPairSync('ed25519');
  const sumsOf = () => readFileSync(join(directory, 'SHA256SUMS'));

  test('are those of sha256sum, in the order of the names, with a signature if there is a key', async () => {
    for (const name of ['b', 'a']) writeFileSync(join(directory, name), name);
    await writeSums(directory, ['b', 'a'], privateKey);
    execFileSync('sha256sum', ['--check', '--strict', '--quiet', 'SHA256SUMS'], { cwd: directory });
    assert.match(sumsOf().toString(), /^\w{64} {2}a\n\w{64} {2}b\n$/);
    const signature = readFileSync(join(directory, 'SHA256SUMS.sig'));
    assert.ok(verify(null, sumsOf(), createPublicKey(publicPem(privateKey)), signature));
    await writeSums(directory, ['a'], undefined);
    assert.equal(existsSync(join(directory, 'SHA256SUMS.sig')), false, 'none is left of an earlier release');
    assert.equal(publicPem(undefined), '');
  });

  test('are signed only with a key of the kind that the program checks', async () => {
    const file = join(directory, 'key.pem');
    const keyOf = async (pem: string | Buffer) => {
      writeFileSync(file, pem);
      process.env.MCO_RELEASE_KEY = file;
      try {
        return await releaseKey();
      } finally {
        delete process.env.MCO_RELEASE_KEY;
      }
    };
    const pem = (key: typeof privateKey) => key.export({ type: 'pkcs8', format: 'pem' });
    assert.equal((await keyOf(pem(privateKey)))?.asymmetricKeyType, 'ed25519');
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    await assert.rejects(keyOf(pem(other)), { message: `${file} is not an Ed25519 key` });
    assert.equal(await releaseKey(), undefined);
  });
});
