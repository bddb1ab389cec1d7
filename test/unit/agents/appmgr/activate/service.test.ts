import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { reloadOf, restartOf, sendSignal } from '../../../../../src/agents/appmgr/activate/service.ts';
import { reportService } from '../../../../../src/agents/appmgr/activate/service-report.ts';
import type { Application } from '../../../../../src/agents/appmgr/application.ts';
import type { ApplicationConfig } from '../../../../../src/agents/appmgr/config.ts';
import type { RunCommand } from '../../../../../src/core/ports.ts';
import { temporaryDirectory } from '../../../../support/agents/agent-setup.ts';
import { appmgrConfig } from '../../../../support/agents/appmgr/application.ts';
import { openFiles } from '../../../../support/faults/open-files.ts';

const application = (more: object): ApplicationConfig => {
  const { applications } = appmgrConfig({ applications: { app: { root: '/srv/app', artifacts: '/srv/a', ...more } } });
  return { name: 'app', ...applications.app } as ApplicationConfig;
};
/** The descriptor that read the directory is gone by then. */
const command = (...argv: string[]) => ({ kind: 'command', argv });
const unit = { unit: 'app.service' };
const pidFile = { pid_file: '/run/app.pid' };

describe('the way a service loads a release, and the way it restarts', () => {
  for (const [config, reload, restart] of [
    [{}, undefined, undefined],
    [{ reload: ['r'] }, command('r'), command('r')],
    [{ reload: ['r'], restart: ['s'] }, command('r'), command('s')],
    [{ restart: ['s'] }, undefined, command('s')],
    [
      { service: unit },
      command('systemctl', 'reload', '--', 'app.service'),
      command('systemctl', 'restart', '--', 'app.service'),
    ],
    [
      { service: { ...unit, action: 'reload-or-restart' } },
      command('systemctl', 'reload-or-restart', '--', 'app.service'),
      command('systemctl', 'restart', '--', 'app.service'),
    ],
    [{ service: unit, reload: ['r'] }, command('r'), command('r')],
    [
      { service: { ...pidFile, signal: 'USR2' } },
      { kind: 'signal', signal: 'SIGUSR2', pidFile: '/run/app.pid' },
      { kind: 'signal', signal: 'SIGUSR2', pidFile: '/run/app.pid' },
    ],
    [
      { service: { ...unit, ...pidFile } },
      command('systemctl', 'reload', '--', 'app.service'),
      command('systemctl', 'restart', '--', 'app.service'),
    ],
  ] as const) {
    test(`is by ${JSON.stringify(reload)} and ${JSON.stringify(restart)} for ${JSON.stringify(config)}`, () => {
      assert.deepEqual([reloadOf(application(config)), restartOf(application(config))], [reload, restart]);
    });
  }
});

describe('a signal to the process of a pid file', () => {
  const file = (text: string) => {
    const path = join(temporaryDirectory(), 'app.pid');
    writeFileSync(path, text);
    return path;
  };
  const send = (pidFile: string) => sendSignal({ kind: 'signal', signal: 'SIGWINCH', pidFile }, 'reload-failed');

  test('reaches it, with any blank space around its id', async () => {
    const got = once(process, 'SIGWINCH');
    await send(file(` ${process.pid}\n`));
    await got;
  });

  test('fails if the process is gone', async () => {
    // Larger than any that Linux gives: proc(5), pid_max.
    const pid = 4_194_305;
    const path = file(`${pid}`);
    await assert.rejects(send(path), {
      code: 'reload-failed',
      message: `process ${pid} of ${path} cannot be sent SIGWINCH: there is no such process`,
    });
  });

  test('leaves no file open, whatever is in it', async () => {
    for (const text of ['x', '4194305']) {
      const path = file(text);
      await assert.rejects(send(path), { code: 'reload-failed' });
      assert.deepEqual(openFiles(path), []);
    }
  });

  test('fails with the reason if it must not be sent', async (context) => {
    const { mock } = context.mock.method(process, 'kill', () => {
      throw Object.assign(new Error('kill EPERM'), { code: 'EPERM', errno: -1, syscall: 'kill' });
    });
    syncBuiltinESMExports();
    try {
      const path = file('7');
      const message = `process 7 of ${path} cannot be sent SIGWINCH: operation not permitted`;
      await assert.rejects(send(path), { code: 'reload-failed', message });
    } finally {
      mock.restore();
      syncBuiltinESMExports();
    }
  });

  for (const text of ['', '0', '1', '-1', '-5', '007', 'x', '12x', '1 2', '12345678901', `${' '.repeat(64)}77`])
    test(`is not sent for ${JSON.stringify(text)}: that is the id of nobody, of everybody, or of init`, async () => {
      const path = file(text);
      await assert.rejects(send(path), { code: 'reload-failed', message: `${path} does not hold a process id` });
    });

  test('is a problem with the same code if the file cannot be read', async () => {
    await assert.rejects(send('/nonexistent/app.pid'), {
      code: 'reload-failed',
      message: '/nonexistent/app.pid cannot be read: no such file or directory',
    });
  });
});

describe('the state of a service', () => {
  const report = async (service: object | undefined, answers: Readonly<Record<string, [number, string]>> = {}) => {
    const asked: Parameters<RunCommand>[] = [];
    const run: RunCommand = async (argv, options) => {
      asked.push([argv, options]);
      const [code, stdout] = answers[argv[0]] ?? [1, ''];
      return { code, signal: null, stdout, stderr: '', truncated: false } as never;
    };
    const site = { config: application(service === undefined ? {} : { service }), run } as Application;
    return { lines: await reportService(site), asked };
  };

  test('is empty if none is configured', async () => assert.deepEqual((await report(undefined)).lines, []));

  test('is the state of its unit and the last five lines of its journal, cleaned for display', async () => {
    const { lines, asked } = await report(unit, {
      systemctl: [0, 'Result=exit-code\nActiveState=failed\nSubState=dead\n'],
      journalctl: [0, 'one\n\ntwo\nthree\nfour\nfive\nsix\u0007\n'],
    });
    assert.deepEqual(lines, [
      'app.service is failed (dead, result exit-code)',
      '| two',
      '| three',
      '| four',
      '| five',
      '| six',
    ]);
    const options = { timeout: 3000, limit: 16_384 };
    assert.deepEqual(
      asked.map(([argv, { env: _env, ...rest }]) => [argv, rest]),
      [
        [['systemctl', 'show', '--property=ActiveState,SubState,Result', '--', 'app.service'], options],
        [['journalctl', '--no-pager', '--quiet', '--output=cat', '--lines=5', '--unit=app.service'], options],
      ],
    );
    assert.deepEqual(
      asked.map(([, { env }]) => env?.LC_ALL),
      ['C', 'C'],
    );
  });

  test('has no result if that is a success', async () => {
    const state = 'ActiveState=active\nSubState=running\nResult=success\n';
    const { lines } = await report(unit, { systemctl: [0, state], journalctl: [0, 'up\n'] });
    assert.deepEqual(lines, ['app.service is active (running)', '| up']);
  });

  test('says that it cannot be read if that is so', async () => {
    assert.deepEqual((await report(unit)).lines, [
      'the state of app.service cannot be read',
      "no line of its journal can be read: is the daemon's user in the group systemd-journal?",
    ]);
    const failed = { systemctl: [1, 'ActiveState=active\n'], journalctl: [1, 'No journal files'] } as const;
    assert.deepEqual((await report(unit, failed as never)).lines, (await report(unit)).lines);
  });

  test('says of a pid file whether its process runs, and its name', async () => {
    const path = join(temporaryDirectory(), 'app.pid');
    const said = async (text: string) => {
      writeFileSync(path, text);
      return (await report({ pid_file: path })).lines;
    };
    assert.match((await said(` ${process.pid}\n`))[0] ?? '', new RegExp(`^process ${process.pid} \\(\\S.*\\) runs$`));
    for (const text of ['', '0', 'x', '-1', `${' '.repeat(64)}77`])
      assert.deepEqual(await said(text), [`${path} names no process`], text);
    assert.deepEqual(await said('4194305'), [`process 4194305 of ${path} is gone`]);
  });
});
