import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { dnfManager } from '../../../../src/agents/package/dnf.ts';
import type { RunnerOptions } from '../../../../src/agents/package/runner.ts';
import { Problem } from '../../../../src/core/errors.ts';

const { signal } = new AbortController();

/** The manager over fakes of dnf and rpm. @param said what a line prints, or its exit code */
function start(said: (line: string) => string | number | Problem = () => '', lockWait = 60) {
  const ran: string[] = [];
  const options: RunnerOptions[] = [];
  const manager = dnfManager(async (argv, given) => {
    ran.push(argv.join(' '));
    options.push(given);
    const answer = said(argv.join(' '));
    if (answer instanceof Problem) throw answer;
    const [code, stdout] = typeof answer === 'number' ? [answer, 'package is not installed\n'] : [0, answer];
    return { code, signal: null, stdout, stderr: '', truncated: false };
  }, lockWait);
  return { manager, ran, options };
}

describe('packages by dnf', () => {
  test('have the newest installed version and the newest one of the repositories, without the epoch 0', async () => {
    const versions = (line: string) => (line.startsWith('rpm') ? '0:1.0-1\n0:1.1-2\n' : '\n1:2.0-1\n');
    const { manager, ran, options } = start(versions);
    assert.deepEqual(await manager.status('alpha', signal), { installed: '1.1-2', candidate: '1:2.0-1' });
    assert.ok(ran.every((line) => line.endsWith(' -- alpha')));
    assert.deepEqual(options[0]?.answers, [1]);
    const absent = start((line) => (line.startsWith('rpm') ? 1 : ''));
    assert.deepEqual(await absent.manager.status('alpha', signal), { installed: '', candidate: '' });
  });

  test('are changed to the named version or the newest one, and not where they have it', async () => {
    const { manager } = start((line) => (line.startsWith('rpm') ? '0:1.0-1\n' : '0:2.0-1\n'));
    const plan = (version?: string) => manager.plan([{ name: 'alpha', version }], signal);
    assert.deepEqual(await plan(), [{ package: 'alpha', from: '1.0-1', to: '2.0-1' }]);
    assert.deepEqual(await plan('1.5-1'), [{ package: 'alpha', from: '1.0-1', to: '1.5-1' }]);
    assert.deepEqual(await plan('1.0-1'), []);
    const none = start((line) => (line.startsWith('rpm') ? 1 : '')).manager;
    await assert.rejects(none.plan([{ name: 'alpha', version: undefined }], signal), { code: 'no-such-package' });
  });

  test('are installed without a question or weak dependencies, and wait for the lock if that is allowed', async () => {
    const requests = [
      { name: 'alpha', version: '2.0-1' },
      { name: 'beta', version: undefined },
    ];
    const install = async (lockWait: number) => {
      const { manager, ran, options } = start(() => '', lockWait);
      await manager.install(requests, signal, () => {});
      await manager.refresh(signal);
      assert.deepEqual(
        options.map(({ change }) => change),
        [true, true],
      );
      return ran;
    };
    const words = (exit: string) => [
      `dnf install --quiet --assumeyes --setopt=install_weak_deps=False --setopt exit_on_lock=${exit} -- alpha-2.0-1 beta`,
      `dnf makecache --quiet --refresh --setopt exit_on_lock=${exit}`,
    ];
    assert.deepEqual(await install(60), words('False'));
    assert.deepEqual(await install(0), words('True'));
  });

  test('have the updates that dnf lists before the obsoleted packages, only security updates if asked', async () => {
    const listed =
      '\nalpha.x86_64  0:2.0-1  updates\nphp8.2.noarch 1:3-1 appstream\nObsoleting Packages\nold.x86_64 1-1 x\n';
    const { manager, ran, options } = start((line) => (line.startsWith('rpm') ? '0:1.0-1\n' : listed));
    assert.deepEqual(await manager.updates(false, signal), [
      { package: 'alpha', from: '1.0-1', to: '2.0-1' },
      { package: 'php8.2', from: '1.0-1', to: '1:3-1' },
    ]);
    assert.deepEqual(options[0]?.answers, [100], 'the exit code for updates');
    await manager.updates(true, signal);
    const asked = ran.filter((line) => line.startsWith('dnf'));
    assert.deepEqual(asked, ['dnf check-update --quiet', 'dnf check-update --quiet --security']);
  });

  test('need a reboot if dnf reports that, and not if it cannot', async () => {
    const reboot = (answer: string | number | Problem) => start(() => answer).manager.rebootRequired(signal);
    assert.equal(await reboot(''), false);
    assert.equal(await reboot(1), true);
    assert.equal(await reboot(new Problem('package-failed', 'no such command: needs-restarting')), false);
  });
});
