import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import type { CliContext } from '../../../../src/client/cli/context.ts';
import { exitForHosts, onHosts } from '../../../../src/client/install/hosts.ts';
import { openProgram } from '../../../../src/client/install/program.ts';
import { loginOf, openRemote, quote, runOrThrow, type SshSettings } from '../../../../src/client/install/ssh.ts';
import { upload } from '../../../../src/client/install/transfer.ts';
import { Problem } from '../../../../src/core/errors.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';
import { isProblem } from '../../../support/thrown.ts';

/** A fake ssh, which keeps its arguments and runs the last of them by the shell of this host, as the real one does there. */
const fakeSsh = `#!/bin/sh
printf '%s\\n' "$@" >>"$FAKE_ARGS"
case $1 in
  -G) echo "user x"; echo "hostname 10.9.9.9"; exit 0 ;;
  -O) exit 0 ;;
esac
[ -z "$FAKE_FAILS" ] || { echo "first" >&2; echo "Host key verification failed." >&2; exit 255; }
for last; do :; done
eval "$last"
`;

function ssh(more: Partial<SshSettings> = {}, env: NodeJS.ProcessEnv = {}) {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'ssh'), fakeSsh);
  chmodSync(join(directory, 'ssh'), 0o755);
  const args = join(directory, 'args');
  const path = `${directory}:/usr/bin:/bin`;
  const settings: SshSettings = {
    env: { PATH: path, FAKE_ARGS: args, ...env },
    signal: new AbortController().signal,
    ...more,
  };
  return { settings, directory, args: () => readFileSync(args, 'utf8').split('\n').slice(0, -1) };
}

describe('a host over ssh', () => {
  const target = { node: 'dev1', host: 'dev1.devco.net', user: 'rip', port: 2222 };

  test('runs a script with values of any content, and its input, behind one line for the login shell', async () => {
    const { args, settings } = ssh({ config: '/c', identity: '/i', acceptNew: true });
    const remote = await openRemote(target, settings);
    const values = ["it's", '$HOME `id`', 'two\nlines', ''];
    const text = 'printf "%s|" "$@"; cat\nexit 3\n';
    const payload = Readable.from([Buffer.from('the input')]);
    const result = await remote.run({ purpose: 'test', text, values, payload });
    assert.deepEqual(result, { code: 3, out: `${values.join('|')}|the input`, lastError: '' });
    const given = args();
    const line = given.at(-1) ?? '';
    assert.ok(!line.includes('printf') && line.startsWith("sh -c '"), line);
    assert.deepEqual(given.slice(0, 4), ['-F', '/c', '-i', '/i']);
    for (const option of ['BatchMode=yes', 'StrictHostKeyChecking=accept-new', 'ControlMaster=auto']) {
      assert.equal(given[given.indexOf(option) - 1], '-o', option);
    }
    assert.deepEqual(given.slice(given.indexOf('-l'), -1), ['-l', 'rip', '-p', '2222', '-T', '--', 'dev1.devco.net']);
    assert.equal(await remote.address(), '10.9.9.9');
    await remote.close();
    assert.ok(args().includes('-O') && args().includes('exit'), 'the shared login ends');
  });

  test('has no options that were not asked for, and the script runs by sudo as root', async () => {
    const { args, settings } = ssh();
    const remote = await openRemote({ node: 'dev1', host: 'dev1' }, settings);
    await remote.run({ purpose: 'test', text: 'true', values: [] }, true).catch(() => {});
    const given = args();
    for (const option of ['-F', '-i', '-l', '-p', 'StrictHostKeyChecking=accept-new']) {
      assert.equal(given.includes(option), false, option);
    }
    assert.match(given.at(-1) ?? '', /^sudo -n sh -c '/);
    await remote.close();
    const control = given.find((one) => one.startsWith('ControlPath='))?.slice('ControlPath='.length) ?? '';
    assert.equal(existsSync(join(control, '..')), false, 'its socket’s directory is gone');
  });

  test('reports why ssh could not log in, and the login to try by hand', async () => {
    const { settings } = ssh({}, { FAKE_FAILS: 'yes' });
    const remote = await openRemote(target, settings);
    await assert.rejects(
      remote.run({ purpose: 'check the host', text: 'true', values: [] }),
      isProblem(
        'ssh-failed',
        /^ssh could not check the host: Host key verification failed\.$/,
        /“ssh -p 2222 rip@dev1\.devco\.net true”/,
      ),
    );
    await remote.close();
    assert.deepEqual([loginOf(target), loginOf({ node: 'x', host: 'h' })], ['rip@dev1.devco.net', 'h']);
  });

  test('reports that there is no ssh, and that it was cancelled', async () => {
    const { settings } = ssh();
    const none = await openRemote(target, { ...settings, env: { PATH: '/nowhere' } });
    await assert.rejects(
      none.run({ purpose: 'x', text: '', values: [] }),
      isProblem('ssh-failed', /ssh cannot be run/),
    );
    const stop = new AbortController();
    const remote = await openRemote(target, { ...settings, signal: stop.signal });
    const running = remote.run({ purpose: 'wait', text: 'sleep 3', values: [] });
    stop.abort();
    await assert.rejects(running, isProblem('cancelled', /^dev1: to wait was cancelled$/));
  });

  test('returns the last line of what a script complains about, printable', async () => {
    const { settings } = ssh();
    const remote = await openRemote(target, settings);
    const text = 'echo one >&2; printf "two\\033[1m\\n\\n" >&2; exit 4';
    const { code, lastError } = await remote.run({ purpose: 'x', text, values: [] });
    assert.deepEqual([code, lastError.startsWith('two'), lastError.includes('\u001b')], [4, true, false]);
    await assert.rejects(
      runOrThrow(remote, { purpose: 'do it', text, values: [] }, false),
      isProblem('host-failed', /could not do it: two/),
    );
    const undone = 'echo undone=yes; exit 4';
    await assert.rejects(
      runOrThrow(remote, { purpose: 'do it', text: undone, values: [] }, false),
      isProblem('host-failed', /^could not do it: exit code 4; its changes were undone$/),
    );
    await remote.close();
  });

  test('receives the program whole, and reports the progress', async () => {
    const { settings, directory } = ssh();
    const file = join(directory, 'program');
    writeFileSync(file, Buffer.alloc(600 * 1024, 'x'));
    const header = Buffer.alloc(64);
    header.write('\x7fELF', 'latin1');
    header.writeUInt16LE(62, 18);
    writeFileSync(file, Buffer.concat([header, Buffer.alloc(600 * 1024, 'x')]));
    const program = await openProgram({ binary: file }, '');
    assert.deepEqual([program.machine, program.size, program.form], ['x86_64', 600 * 1024 + 64, 'binary']);
    const remote = await openRemote(target, settings);
    const staging = join(directory, 'staging');
    const way = { remote, asRoot: false, desired: { paths: { staging } } as never };
    const percents: number[] = [];
    const made = await upload(way, program, (percent) => percents.push(percent));
    assert.deepEqual(readFileSync(join(made.directory, 'binary')), readFileSync(file));
    assert.deepEqual([percents.at(-1), new Set(percents).size], [100, percents.length], 'each once');
    await assert.rejects(
      upload(way, { ...program, sha256: 'other' }, () => {}),
      isProblem('copy-damaged'),
    );
    await remote.close();
  });

  test('gets quoted words that a shell reads as they are', () => {
    assert.deepEqual([quote('a b'), quote("it's"), quote('')], ["'a b'", `'it'\\''s'`, "''"]);
  });
});

describe('the program for the hosts', () => {
  test('is refused if it is not one, and one of the two ways to name it', async () => {
    const directory = temporaryDirectory();
    const file = join(directory, 'x');
    await assert.rejects(openProgram({ binary: file }, ''), isProblem('unreadable-file', /no such file/));
    await assert.rejects(openProgram({ binary: file, package: file }, ''), isProblem('usage', /cannot be combined/));
    await assert.rejects(openProgram({}, ''), isProblem('usage', /runs from source/));
    for (const [magic, machine] of [
      ['\x7fELF', 40],
      ['\x7fELG', 62],
    ] as const) {
      const header = Buffer.alloc(64);
      header.write(magic, 'latin1');
      header.writeUInt16LE(machine, 18);
      writeFileSync(file, header);
      await assert.rejects(openProgram({ binary: file }, ''), isProblem('bad-program', /not a Linux program/));
    }
    await assert.rejects(openProgram({ package: file }, ''), isProblem('bad-program', /cannot be read by dpkg-deb/));
  });
});

describe('work on several hosts', () => {
  const context = (signal = new AbortController().signal) =>
    ({ signal, err: () => {}, out: () => {}, env: {}, terminal: false, isTerminal: false }) as unknown as CliContext;
  const targets = ['a', 'b', 'c'].map((node) => ({ node }));

  test('continues after a failure, in their order, a few at a time', async () => {
    let [running, most] = [0, 0];
    const ended: string[] = [];
    const work = async ({ node }: { node: string }, onPhase: (phase: string) => void) => {
      most = Math.max(most, ++running);
      onPhase('working');
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      if (node === 'b') throw new Problem('host-failed', 'no');
      return node;
    };
    const onEnd = ({ target }: { target: { node: string } }) => ended.push(target.node);
    const endings = await onHosts(targets, { title: 'testing', parallel: 2, work, onEnd }, context());
    assert.deepEqual(
      endings.map((one) => ('problem' in one ? one.problem.code : one.result)),
      ['a', 'host-failed', 'c'],
    );
    assert.deepEqual([most, [...ended].sort()], [2, ['a', 'b', 'c']]);
    assert.equal(exitForHosts(endings, context()), 2);
  });

  test('begins no other host once it is interrupted, and ends with that exit code', async () => {
    const stop = new AbortController();
    const begun: string[] = [];
    const work = async ({ node }: { node: string }) => {
      begun.push(node);
      stop.abort();
      return node;
    };
    const endings = await onHosts(targets, { title: 'testing', parallel: 1, work }, context(stop.signal));
    assert.deepEqual(begun, ['a']);
    assert.deepEqual(
      endings.map((one) => ('problem' in one ? one.problem.code : one.result)),
      ['a', 'cancelled', 'cancelled'],
    );
    assert.equal(exitForHosts(endings, context(stop.signal)), 130);
  });

  test('succeeds only if every host did, with nothing kept', () => {
    const [target] = targets;
    assert.ok(target);
    const of = (...results: unknown[]) =>
      exitForHosts(
        results.map((result) => ({ target, result })),
        context(),
      );
    assert.deepEqual([of('x', { state: 'installed' }), of({ state: 'incomplete' }), of()], [0, 2, 0]);
  });

  test('does not hide a fault of the program itself', async () => {
    const work = async () => {
      throw new TypeError('bug');
    };
    await assert.rejects(onHosts(targets, { title: 'testing', parallel: 1, work }, context()), TypeError);
  });
});
