import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startPackage } from '../../../../src/agents/package/agent.ts';
import { isAllowed } from '../../../../src/agents/package/allowed.ts';
import type { PackageConfig } from '../../../../src/agents/package/config.ts';
import type { CommandOptions, CommandResult } from '../../../../src/core/ports.ts';
import { actionContext, agentSetup } from '../../../support/agents/agent-setup.ts';

const upgradable = `
Inst alpha [1.0] (1.2 Debian-Security:13/stable-security [all])
Inst beta [1.0] (1.3 Debian:13/stable [all])
Inst other [1.0] (1.4 Debian-Security:13/stable-security [all])
`;

type Answer = Partial<CommandResult>;
interface Setup {
  readonly config?: Partial<PackageConfig>;
  readonly answer?: (argv: string) => Answer | Promise<Answer> | undefined;
}

/**
 * The agent with a fake apt: it has `alpha` 1.0 installed, and newer versions of three packages. test/full/packages does the
 * same with the real one.
 */
async function startAgent({ config = {}, answer = () => undefined }: Setup = {}) {
  const ran: string[] = [];
  const options: CommandOptions[] = [];
  const said = (argv: string): string => {
    if (argv.startsWith('apt-cache policy'))
      return argv.endsWith('none') ? '  Installed: (none)\n  Candidate: 1.2\n' : '  Installed: 1.0\n  Candidate: 1.2\n';
    if (!argv.includes('--simulate')) return '';
    if (argv.endsWith(' upgrade')) return upgradable;
    const words = argv.slice(argv.indexOf(' -- ') + 4).split(' ');
    return words
      .map((word) => word.split('='))
      .map(([name, version = '1.2']) => `Inst ${name} [1.0] (${version} a)`)
      .join('\n');
  };
  const run = async (argv: readonly string[], given: CommandOptions): Promise<CommandResult> => {
    const line = argv.join(' ');
    ran.push(line);
    options.push(given);
    return { code: 0, signal: null, stdout: said(line), stderr: '', truncated: false, ...(await answer(line)) };
  };
  const whole: PackageConfig = {
    packages: ['alpha', 'beta', 'none'],
    manager: 'apt',
    sudo: false,
    lock_wait: 7,
    ...config,
  };
  const { handlers } = await startPackage(agentSetup(whole, { run }));
  const call = (action: string, input: object, context: object = {}) => {
    const handler = handlers[action] as unknown as (input: object, context: object) => Promise<Record<string, unknown>>;
    return handler({ refresh: false, security: false, ...input }, actionContext(context));
  };
  /** The commands that changed something. */
  const changing = () => ran.filter((argv) => /(apt-get (install|update)|^sudo)/.test(argv));
  return { call, ran, options, changing };
}

describe('the list of packages of a node', () => {
  test('decides about each action that names one, before anything runs', async () => {
    const { call, ran } = await startAgent();
    for (const action of ['status', 'install', 'update']) {
      await assert.rejects(call(action, { package: 'other' }), { code: 'not-allowed' }, action);
    }
    assert.deepEqual(ran, []);
  });

  test('decides which of all updates are shown and installed', async () => {
    const { call, changing } = await startAgent();
    const allowed = [
      { package: 'alpha', from: '1.0', to: '1.2' },
      { package: 'beta', from: '1.0', to: '1.3' },
    ];
    assert.deepEqual((await call('updates', {})).packages, allowed);
    assert.deepEqual((await call('updates', { security: true })).packages, allowed.slice(0, 1));
    await call('update', {});
    await call('update', { security: true });
    assert.deepEqual(
      changing().map((argv) => argv.replace(/^.* -- /, '')),
      ['alpha=1.2 beta=1.3', 'alpha=1.2'],
    );
  });

  test('has patterns that match a whole name', () => {
    for (const [pattern, name, matches] of [
      ['nginx', 'nginx', true],
      ['nginx', 'nginx-common', false],
      ['nginx*', 'nginx-common', true],
      ['*-common', 'nginx-common', true],
      ['*-common', 'nginx-common2', false],
      ['a*b*c', 'a-b-c', true],
      ['a*b*c', 'a-c', false],
      ['ab*ba', 'aba', false],
      ['ab*ba', 'abba', true],
      ['a*bc*c', 'abc', false],
      ['a*bc*c', 'abcc', true],
      ['*', 'bash', true],
      ['a.c', 'abc', false],
    ] as const)
      assert.equal(isAllowed(name, [pattern]), matches, `${pattern} ${name}`);
    assert.equal(isAllowed('a', []), false);
  });
});

describe('a change of packages', () => {
  test('installs the versions that were planned, and never removes a package or replaces a changed file', async () => {
    const { call, changing } = await startAgent();
    const { changed, packages } = await call('install', { package: 'alpha' });
    assert.deepEqual([changed, packages], [true, [{ package: 'alpha', from: '1.0', to: '1.2' }]]);
    await call('install', { package: 'beta', version: '1.1' });
    const [first, second] = changing();
    assert.match(first ?? '', / -- alpha=1\.2$/);
    assert.match(second ?? '', / -- beta=1\.1$/);
    for (const argv of [first, second])
      for (const word of ['--yes', '--no-remove', '--no-install-recommends', '--force-confold', 'Lock::Timeout=7'])
        assert.ok(argv?.includes(word), word);
  });

  test('is only planned in a dry run, without fetching the lists', async () => {
    const { call, changing } = await startAgent();
    for (const [action, input] of [
      ['install', { package: 'alpha', refresh: true }],
      ['update', { package: 'alpha', refresh: true }],
      ['update', { refresh: true }],
    ] as const)
      assert.equal((await call(action, input, { dryRun: true })).changed, true);
    assert.deepEqual(changing(), []);
  });

  test('fetches the lists first, once, if it is asked to', async () => {
    const { call, changing } = await startAgent();
    await call('update', { refresh: true });
    await call('install', { package: 'alpha', refresh: true });
    assert.deepEqual(
      changing().map((argv) => argv.split(' ')[1]),
      ['update', 'install', 'update', 'install'],
    );
    assert.match(changing()[0] ?? '', /--error-on=any/);
  });

  test('does nothing where nothing is to be done', async () => {
    const { call, changing } = await startAgent({ answer: () => ({ stdout: '  Installed: 1.0\n' }) });
    const { changed, packages } = await call('install', { package: 'alpha' });
    assert.deepEqual([changed, packages, changing()], [false, [], []]);
  });

  test('is refused for a package that is not installed if it is an update', async () => {
    const { call, changing } = await startAgent();
    await assert.rejects(call('update', { package: 'none' }), { code: 'not-installed' });
    await assert.rejects(call('update', { version: '1' }), { code: 'invalid-input' });
    assert.deepEqual(changing(), []);
  });

  test('waits for the one before it, even if that fails', async () => {
    const gate = Promise.withResolvers<Answer>();
    const { call, ran, changing } = await startAgent({
      answer: (argv) => (/apt-get install.* alpha=/.test(argv) ? gate.promise : undefined),
    });
    const first = call('install', { package: 'alpha' });
    const second = call('install', { package: 'beta' });
    const failed = assert.rejects(first, { code: 'package-failed', message: /apt-get install failed: E: no disk/ });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(ran.filter((argv) => argv.includes('beta')).length, 0);
    gate.resolve({ code: 100, stderr: 'noise\nE: no disk\n' });
    await failed;
    assert.equal((await second).changed, true);
    assert.equal(changing().length, 2);
  });
});

describe('a program of the package manager', () => {
  test('gets no environment of the daemon, and a root’s only where the node allows sudo', async () => {
    const { call, ran, options } = await startAgent({ config: { sudo: true } });
    await call('install', { package: 'alpha', refresh: true });
    assert.deepEqual(
      ran.map((argv) => argv.split(' ').slice(0, 4).join(' ').replace(/ -.*/, '')),
      ['sudo', 'apt-get', 'sudo'],
    );
    for (const argv of ran.filter((one) => one.startsWith('sudo'))) assert.match(argv, /^sudo -n apt-get /);
    for (const { env } of options) {
      assert.deepEqual(Object.keys(env ?? {}).sort(), [
        'DEBIAN_FRONTEND',
        'HOME',
        'LC_ALL',
        'NEEDRESTART_SUSPEND',
        'PATH',
      ]);
      assert.equal(env?.DEBIAN_FRONTEND, 'noninteractive');
    }
  });

  for (const [what, answer, code, message] of [
    [
      'a held lock',
      { code: 100, stderr: 'E: Could not get lock /var/lib/dpkg/lock-frontend' },
      'package-busy',
      /another program holds the lock/,
    ],
    ['a cancelled call', { code: null, ended: 'cancelled' }, 'cancelled', /apt-get install was cancelled/],
    ['a program that says nothing', { code: null, signal: 'SIGKILL' }, 'package-failed', /: SIGKILL$/],
    [
      'a missing right',
      { code: 1, stderr: 'sudo: a password is required' },
      'package-failed',
      /a password is required/,
    ],
  ] as const)
    test(`fails with the reason after ${what}`, async () => {
      const { call } = await startAgent({ answer: (argv) => (argv.includes('simulate') ? undefined : answer) });
      await assert.rejects(call('install', { package: 'alpha' }), { code, message });
    });
});
