import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  configurationFiles,
  isRestoring,
  restoresState,
} from '../../../../../src/agents/haproxy/runtime/state-file.ts';
import { temporaryDirectory } from '../../../../support/agents/agent-setup.ts';

describe('whether HAProxy restores its servers’ states', () => {
  test('is in the configuration, where it names the file and has it loaded', () => {
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

  test('is in the configuration that its command line names', () => {
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
  });

  test('is unknown where its configuration is a pipe, and nothing waits for that', async () => {
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
