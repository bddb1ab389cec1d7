import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { runCommand } from '../../../src/daemon/exec/run-command.ts';
import { startNotifier } from '../../../src/daemon/system/notify.ts';
import { temporaryDirectory } from '../../support/agents/agent-setup.ts';
import { makeFleet } from '../../support/fleet/fleet.ts';
import { keepingLog } from '../../support/node/quiet-log.ts';
import { program } from '../../support/program/program.ts';

/** A real datagram socket, as systemd has it; gives what arrives. */
async function startReceiver(): Promise<AsyncDisposable & { socket: string; next: () => Promise<string> }> {
  const socket = join(temporaryDirectory(), 'notify');
  const receiver = join(import.meta.dirname, '../../support/node/notify-receiver.py');
  const child = spawn('python3', [receiver, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  assert.equal((await lines.next()).value, 'bound');
  return {
    socket,
    next: async () => {
      for (;;) {
        const { value } = await lines.next();
        // systemd-notify waits for this, to be sure that its message arrived.
        if (value !== 'BARRIER=1') return String(value);
      }
    },
    [Symbol.asyncDispose]: () => end(child),
  };
}

async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

describe('a service manager', { timeout: 600_000 }, () => {
  test('is notified when the daemon is ready, reloads and stops', async () => {
    await using receiver = await startReceiver();
    await using fleet = await makeFleet();
    const { files } = await fleet.node('dev2.devco.net');
    const config = join(files.directory, 'node.yaml');
    await writeFile(
      config,
      'listen: { address: 127.0.0.1, port: 0 }\ndiscovery: { mdns: false }\nlog: { level: error }\naudit: { file: audit.jsonl }\nstate: state\n',
    );
    const [file, ...words] = program;
    const argv = [...words, 'daemon', '--config', config];
    const env = { PATH: process.env.PATH, NOTIFY_SOCKET: receiver.socket };
    const daemon = spawn(file, argv, { env, stdio: ['ignore', 'ignore', 'inherit'] });
    try {
      assert.equal(await receiver.next(), 'READY=1');
      daemon.kill('SIGHUP');
      assert.equal(await receiver.next(), 'RELOADING=1');
      assert.equal(await receiver.next(), 'READY=1');
      daemon.kill('SIGTERM');
      assert.equal(await receiver.next(), 'STOPPING=1');
      const [code] = daemon.exitCode === null ? await once(daemon, 'exit') : [daemon.exitCode];
      assert.equal(code, 0);
    } finally {
      await end(daemon);
    }
  });

  // Messages arrive in the order in which they were sent: what comes before the next one is all that was said until then.
  test('receives watchdog messages at half of the interval, until it is stopped', async (t) => {
    await using receiver = await startReceiver();
    t.mock.timers.enable({ apis: ['setInterval'] });
    for (const more of [{ WATCHDOG_PID: '42' }, {}]) {
      const env = { NOTIFY_SOCKET: receiver.socket, WATCHDOG_USEC: '100000', ...more };
      const notifier = startNotifier(env, 42, runCommand, keepingLog());
      t.mock.timers.tick(49);
      await notifier.notify('READY=1');
      assert.equal(await receiver.next(), 'READY=1', 'not before its time');
      t.mock.timers.tick(1 + 50 + 50);
      for (let time = 0; time < 3; time++) assert.equal(await receiver.next(), 'WATCHDOG=1');
      notifier.stop();
      t.mock.timers.tick(500);
      await notifier.notify('STOPPING=1');
      assert.equal(await receiver.next(), 'STOPPING=1', 'nothing after it was stopped');
    }
  });

  test('receives no watchdog messages meant for another process, or for none', async (t) => {
    await using receiver = await startReceiver();
    t.mock.timers.enable({ apis: ['setInterval'] });
    for (const watchdog of [{ WATCHDOG_USEC: '100000', WATCHDOG_PID: '1' }, {}]) {
      const env = { NOTIFY_SOCKET: receiver.socket, ...watchdog };
      const notifier = startNotifier(env, 42, runCommand, keepingLog());
      t.mock.timers.tick(1000);
      await notifier.notify('READY=1');
      assert.equal(await receiver.next(), 'READY=1');
      notifier.stop();
    }
  });

  test('does not stop the daemon if it is missing, which is logged', async () => {
    const log = keepingLog();
    await startNotifier({ NOTIFY_SOCKET: '/nowhere/notify' }, 42, runCommand, log).notify('READY=1');
    assert.deepEqual(log.lines, ['warn systemd could not be notified']);
    await startNotifier({}, 42, runCommand, log).notify('READY=1');
    assert.equal(log.lines.length, 1);
  });
});
