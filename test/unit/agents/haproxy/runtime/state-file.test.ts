import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { configurationFiles } from '../../../../../src/agents/haproxy/runtime/configuration.ts';
import { isRestoring, restoresState } from '../../../../../src/agents/haproxy/runtime/state-file.ts';
import { temporaryDirectory } from '../../../../support/agents/agent-setup.ts';

const restoring = 'backend app\n  load-server-state-from-file local\n';

/** Reads the state file of a process with such arguments, in a folder with these files. */
async function stateOf(argv: readonly string[], files: Readonly<Record<string, string>>) {
  const cwd = temporaryDirectory();
  mkdirSync(join(cwd, 'more'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, name), text);
  const named = argv.map((word) => word.replace('CWD', cwd));
  const stdio: ['pipe', 'ignore', 'ignore'] = ['pipe', 'ignore', 'ignore'];
  const child = spawn('sh', ['-c', 'read line', 'haproxy', ...named], { cwd, stdio });
  await once(child, 'spawn');
  const found = await restoresState(child.pid ?? 0);
  child.stdin.end();
  await once(child, 'exit');
  return found;
}

describe('restoring the states of HAProxy’s servers', () => {
  test('is read from the files of its command line, in its folder, and from the “.cfg” files of a directory', async () => {
    for (const [argv, files, expected] of [
      [['-f', 'a.cfg'], { 'a.cfg': restoring }, 'yes'],
      [['-f', 'CWD/a.cfg'], { 'a.cfg': restoring }, 'yes'],
      [['-f', 'a.cfg'], { 'a.cfg': 'global\n' }, 'no'],
      [['-f', 'a.cfg', '-f', 'b.cfg'], { 'a.cfg': 'global\n', 'b.cfg': restoring }, 'yes'],
      [['-f', 'more'], { 'more/a.cfg': restoring }, 'yes'],
      [['-f', 'more'], { 'more/a.cfg': '', 'more/a.cfg.old': restoring }, 'no'],
      [['-f', 'more'], { 'more/a.txt': restoring }, 'unknown'],
      [['-f', 'a.cfg', '-f', 'gone.cfg'], { 'a.cfg': restoring }, 'unknown'],
    ] as const)
      assert.equal(await stateOf(argv, files), expected, argv.join(' '));
  });

  test('is not read from a descriptor of the reader’s own', async () => {
    const file = join(temporaryDirectory(), 'other.cfg');
    writeFileSync(file, restoring);
    const descriptor = openSync(file, 'r');
    assert.equal(await stateOf(['-f', `/dev/fd/${descriptor}`], {}), 'unknown');
    assert.equal(await stateOf(['-f', `/proc/self/fd/${descriptor}`], {}), 'unknown');
    closeSync(descriptor);
  });

  test('is read from a file in memory like any other', async () => {
    const directory = mkdtempSync('/dev/shm/mco-state-file-');
    try {
      writeFileSync(join(directory, 'a.cfg'), restoring);
      assert.equal(await stateOf(['-f', join(directory, 'a.cfg')], {}), 'yes');
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test('is configured if the configuration names the file and has it loaded', () => {
    const whole =
      'global\n  server-state-file /var/lib/haproxy/state\ndefaults\n  load-server-state-from-file global\n';
    assert.equal(isRestoring(whole), true);
    assert.equal(isRestoring('backend app\n  load-server-state-from-file local\n'), true);
    for (const part of [
      'global\n  server-state-file /var/lib/haproxy/state\n',
      'defaults\n  load-server-state-from-file global\n',
      'global\n  # server-state-file /x\ndefaults\n  load-server-state-from-file none\n',
      '',
    ]) {
      assert.equal(isRestoring(part), false, part);
    }
  });

  test('is read from the configuration that its command line names', () => {
    const argv = [
      'haproxy',
      '-Ws',
      '-f',
      '/etc/haproxy/haproxy.cfg',
      '-f/etc/haproxy/more',
      '-p',
      '/run/haproxy.pid',
      '',
    ];
    assert.deepEqual(configurationFiles(argv), ['/etc/haproxy/haproxy.cfg', '/etc/haproxy/more']);
    assert.deepEqual(configurationFiles(['haproxy', '-D', '--', 'a.cfg', 'b.cfg', '']), ['a.cfg', 'b.cfg']);
    for (const [words, files] of [
      [['-f', 'a'], ['a']],
      [['-fa'], ['a']],
      [['-f'], []],
      [['-D', '-f'], []],
      [['--f', '--file'], []],
      [[], []],
      [['-f', 'a', '-f'], ['a']],
    ] as const)
      assert.deepEqual(configurationFiles(['-f', ...words]), files, words.join(' '));
  });

  test('is unknown if the configuration is a pipe, and nothing waits for that', async () => {
    const fifo = join(temporaryDirectory(), 'haproxy.cfg');
    execFileSync('mkfifo', [fifo]);
    for (const file of [fifo, '/dev/fd/63']) {
      const child = spawn('sh', ['-c', 'read line', 'haproxy', '-f', file], { stdio: ['pipe', 'ignore', 'ignore'] });
      await once(child, 'spawn');
      assert.equal(await restoresState(child.pid ?? 0), 'unknown');
      child.stdin?.end();
      await once(child, 'exit');
    }
  });

  test('is unknown for a process that has none, or is gone', async () => {
    assert.equal(await restoresState(process.pid), 'unknown');
    assert.equal(await restoresState(2 ** 30), 'unknown');
  });
});
