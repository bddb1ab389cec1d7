import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { RunCommand } from '../../../src/core/ports.ts';
import { runCommand } from '../../../src/daemon/exec/run-command.ts';
import { temporaryDirectory } from '../../support/agents/agent-setup.ts';
import { release, testApplication } from '../../support/agents/appmgr/application.ts';
import { appmgrOn } from '../../support/agents/appmgr/appmgr.ts';

function published(...revisions: string[]) {
  const application = testApplication();
  for (const revision of revisions) application.publish(revision, release(revision));
  return application;
}

/** A command that appends a line to a file. */
const noting = (file: string, words: string) => ['sh', '-c', `echo "${words}" >> ${file}`];

describe('hooks', () => {
  test('run in order, and receive what they need to know', async () => {
    const application = published('10', '20');
    const notes = join(temporaryDirectory(), 'notes');
    const hook = (name: string) =>
      noting(notes, `${name} $MCO_APPLICATION $MCO_REVISION \${MCO_PREVIOUS:-none} $(cat index.html)`);
    const { upgrade } = await appmgrOn(
      application.config({
        hooks: {
          before: hook('before'),
          after_switch: hook('after_switch'),
          after: hook('after'),
          on_failure: hook('bad'),
        },
        reload: noting(notes, 'reload'),
      }),
    );
    await upgrade({ revision: '10' });
    await upgrade({ revision: '20' });
    assert.deepEqual(readFileSync(notes, 'utf8').split('\n').slice(4), [
      'before app 20 10 revision 20',
      'after_switch app 20 10 revision 20',
      'reload',
      'after app 20 10 revision 20',
      '',
    ]);
  });

  test('restore the old release if they fail after the switch, and “on_failure” receives the reason', async () => {
    for (const name of ['after_switch', 'after']) {
      const application = published('10', '20');
      const reason = join(temporaryDirectory(), 'reason');
      const hooks = {
        [name]: ['sh', '-c', 'test "$MCO_REVISION" = 10 || { echo no such table >&2; exit 3; }'],
        on_failure: noting(reason, '$MCO_REVISION: $MCO_REASON'),
      };
      const { upgrade } = await appmgrOn(application.config({ hooks }));
      await upgrade({ revision: '10' });
      await assert.rejects(upgrade({ revision: '20' }), {
        code: 'unhealthy-release',
        message: /the hook “after.*failed with exit code 3: “no such table”; went back to 10$/,
      });
      assert.equal(application.served(), 'revision 10');
      assert.match(readFileSync(reason, 'utf8'), /^20: the hook “after.*“no such table”\n$/);
    }
  });

  test('do not hide the first failure if a failure hook fails, too', async () => {
    const application = published('10', '20');
    const hooks = { after: ['sh', '-c', 'test $MCO_REVISION = 10'], on_failure: ['false'] };
    const { upgrade } = await appmgrOn(application.config({ hooks }));
    await upgrade({ revision: '10' });
    await assert.rejects(upgrade({ revision: '20' }), {
      code: 'unhealthy-release',
      message: /the hook “after” .*went back to 10; the hook “on_failure” \(false\) failed with exit code 1$/,
    });
  });

  test('are ended with all their processes if they hang', async () => {
    const application = published('10', '20');
    const pids = join(temporaryDirectory(), 'pids');
    const { upgrade } = await appmgrOn(
      application.config({
        hooks: { before: ['sh', '-c', `test $MCO_REVISION = 10 || { sleep 600 & echo $! > ${pids}; wait; }`] },
        hook_timeout: 2,
      }),
    );
    await upgrade({ revision: '10' });
    await assert.rejects(upgrade({ revision: '20' }), { code: 'hook-failed', message: /did not end within 2 s/ });
    assert.equal(application.served(), 'revision 10');
    // Nobody may have reaped it yet: then it is a zombie, whose command line is empty.
    const line = join('/proc', readFileSync(pids, 'utf8').trim(), 'cmdline');
    assert.equal(existsSync(line) ? readFileSync(line, 'utf8') : '', '');
  });

  test('stream their output while they run, within a limit', async () => {
    const application = published('10');
    const babble = 'printf "one\\n\\033[31mtwo\\n"; i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done';
    const { upgrade } = await appmgrOn(application.config({ hooks: { before: ['sh', '-c', babble] } }));
    const said: string[] = [];
    await upgrade({ revision: '10' }, { progress: (line) => said.push(line) });
    assert.deepEqual(said.slice(2, 6), ['running the hook “before”', '| one', '| [31mtwo', '| line 0']);
    assert.ok(said.length < 60, `${said.length} lines`);
    assert.ok(said.includes('the hook “before” prints more than 50 lines: the rest is not shown'));
  });
});

describe('the service', () => {
  test('is reloaded by a signal to the process of its pid file', async () => {
    const application = published('10', '20');
    const directory = temporaryDirectory();
    const file = join(directory, 'pid');
    const service = spawn(
      process.execPath,
      ['-e', 'process.on("SIGUSR2", () => console.log("heard")); setInterval(() => {}, 1e6); console.log("up")'],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    await once(service.stdout, 'data');
    const { upgrade } = await appmgrOn(application.config({ service: { pid_file: file, signal: 'USR2' } }));
    writeFileSync(file, `${service.pid}\n`);
    const heard = once(service.stdout, 'data');
    await upgrade({ revision: '10' });
    assert.match(String((await heard)[0]), /heard/);
    service.kill('SIGKILL');
    await once(service, 'exit');
    await assert.rejects(upgrade({ revision: '20' }), { code: 'unhealthy-release', message: /no such process/ });
    for (const text of ['', '1', '0', '-1', '12x', '99999999999']) {
      writeFileSync(file, text);
      await assert.rejects(upgrade({ revision: '20' }), { message: /does not hold a process id/ }, text);
    }
    const gone = await appmgrOn(application.config({ service: { pid_file: join(directory, 'none') } }));
    await assert.rejects(gone.upgrade({ revision: '20' }), { message: /cannot be read: no such file/ });
  });

  test('is reloaded through systemd, with the unit as the only argument', async () => {
    const application = published('10');
    const argvs: (readonly string[])[] = [];
    const run: RunCommand = async (argv) => {
      if (argv[1] !== 'show') argvs.push(argv);
      return { code: 0, signal: null, stdout: 'ActiveState=active\n', stderr: '', truncated: false };
    };
    const config = application.config({ service: { unit: 'app@1.service' } });
    const { upgrade, restart } = await appmgrOn(config, { run });
    await upgrade({ revision: '10' });
    await restart({});
    assert.deepEqual(argvs, [
      ['systemctl', 'reload', '--', 'app@1.service'],
      ['systemctl', 'restart', '--', 'app@1.service'],
    ]);
  });

  test('without a health check is not healthy if it falls over right after it was restarted', async () => {
    const application = published('10');
    let looks = 0;
    const run: RunCommand = async (argv) => {
      const state = argv[1] === 'show' && looks++ > 0 ? 'failed' : 'active';
      const stdout = argv[1] === 'show' ? `ActiveState=${state}\nSubState=some\n` : '';
      return { code: 0, signal: null, stdout, stderr: '', truncated: false };
    };
    const { upgrade, status } = await appmgrOn(application.config({ service: { unit: 'app.service' } }), { run });
    await assert.rejects(upgrade({ revision: '10' }), {
      code: 'unhealthy-release',
      message: /systemd gave app\.service failed \(some\)/,
    });
    const { healthy, health } = await status({});
    assert.deepEqual([healthy, health], [false, 'app.service failed (some)']);
  });

  test('counts as a failed reload if systemd does not know it', async () => {
    const application = published('10');
    const service = { unit: 'mco-deploy-test-none.service', action: 'restart' };
    const { upgrade } = await appmgrOn(application.config({ service }), { run: runCommand });
    await assert.rejects(upgrade({ revision: '10' }), {
      code: 'unhealthy-release',
      message: /systemctl restart .*failed/,
    });
  });
});

describe('health', () => {
  test('is checked by a TCP connection', async () => {
    const application = published('10', '20');
    const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const tcp = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { upgrade, status } = await appmgrOn(application.config({ health: { tcp, timeout: 0.5 } }));
    await upgrade({ revision: '10' });
    assert.equal((await status({})).health, 'it accepts connections');
    server.close();
    await once(server, 'close');
    await assert.rejects(upgrade({ revision: '20' }), {
      code: 'unhealthy-release',
      message: /127.0.0.1:\d+ gave no connection: connection refused; went back to 10, which is not healthy either/,
    });
  });

  test('is checked by a command, and a slow, wrong or hanging one is handled', async () => {
    const application = published('10', '20', '30');
    const script = join(temporaryDirectory(), 'check');
    writeFileSync(script, '#!/bin/sh\ncase $1 in 10) echo all well;; 20) echo broken; exit 2;; *) sleep 600;; esac\n');
    chmodSync(script, 0o755);
    const { upgrade, status } = await appmgrOn(
      application.config({ health: { command: [script, '{revision}'], timeout: 3 } }),
    );
    await upgrade({ revision: '10' });
    assert.equal((await status({})).health, 'all well');
    await assert.rejects(upgrade({ revision: '20' }), {
      message: /failed with exit code 2: “broken”; went back to 10$/,
    });
    await assert.rejects(upgrade({ revision: '30' }), { message: /did not end within [\d.]+ s; went back to 10$/ });
    assert.equal(application.served(), 'revision 10');
  });
});

describe('shared paths', () => {
  test('are links in every release, whatever the archive has at these paths', async () => {
    const application = testApplication();
    const config = application.config({ shared: ['uploads', 'config/local.yaml'] });
    application.publish('10', [...release('10'), { path: 'uploads/old', content: 'x' }]);
    application.publish('20', [...release('20'), { path: 'config/local.yaml', content: 'packed' }]);
    const { upgrade } = await appmgrOn(config);
    await assert.rejects(upgrade({ revision: '10' }), { code: 'missing-shared', message: /shared\/uploads/ });
    assert.equal(existsSync(join(application.root, 'releases', '10')), false);
    mkdirSync(join(application.root, 'shared', 'uploads'), { recursive: true });
    mkdirSync(join(application.root, 'shared', 'config'));
    writeFileSync(join(application.root, 'shared', 'config', 'local.yaml'), 'mine');
    for (const revision of ['10', '20']) {
      await upgrade({ revision });
      writeFileSync(join(application.root, 'current', 'uploads', revision), 'x');
      assert.equal(readFileSync(join(application.root, 'current', 'config', 'local.yaml'), 'utf8'), 'mine');
    }
    assert.equal(readlinkSync(join(application.root, 'current', 'uploads')), '../../shared/uploads');
    assert.ok(existsSync(join(application.root, 'shared', 'uploads', '10')));
    assert.ok(existsSync(join(application.root, 'shared', 'uploads', '20')));
    assert.equal(existsSync(join(application.root, 'shared', 'uploads', 'old')), false);
  });

  test('do not go through a link of the release', async () => {
    const application = testApplication();
    mkdirSync(join(application.root, 'shared', 'a'), { recursive: true });
    writeFileSync(join(application.root, 'shared', 'a', 'b'), 'mine');
    application.publish('10', [
      { path: 'elsewhere/x', content: 'x' },
      { path: 'a', type: '2', target: 'elsewhere' },
    ]);
    const { upgrade } = await appmgrOn(application.config({ shared: ['a/b'] }));
    await assert.rejects(upgrade({ revision: '10' }), { code: 'bad-layout' });
    assert.equal(application.current(), undefined);
  });
});

describe('health over HTTP', () => {
  /** A virtual host that wants a token, as behind a proxy; all else gets the page of a proxy. */
  async function startVirtualHost() {
    const server = createHttpServer(({ headers }, response) => {
      const good = headers.host === 'app.example.com' && headers['x-token'] === 'abc';
      const page = '<!DOCTYPE html>\n<title>502 Bad Gateway</title>';
      response.writeHead(good ? 200 : 502, { 'content-type': good ? 'text/plain' : 'text/html' });
      response.end(good ? 'ok' : page);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/health`, server };
  }

  test('asks for the virtual host, with the configured headers', async () => {
    const { url, server } = await startVirtualHost();
    const health = { url, host: 'app.example.com', headers: { 'X-Token': 'abc' }, timeout: 20 };
    const { upgrade } = await appmgrOn(published('10').config({ health }));
    assert.equal((await upgrade({ revision: '10' })).changed, true);
    server.close();
  });

  test('reports the status, the state of the unit and its last lines, and nothing of a page', async () => {
    const { url, server } = await startVirtualHost();
    const application = published('10', '20');
    // A fake of systemctl and journalctl: no systemd runs where the tests run.
    const run: RunCommand = async (argv, options) => {
      const [program] = argv;
      if (program !== 'systemctl' && program !== 'journalctl') return runCommand(argv, options);
      const show = 'ActiveState=failed\nSubState=failed\nResult=exit-code\n';
      const stdout = program === 'journalctl' ? 'Starting app\nno such table: users\n' : argv[1] === 'show' ? show : '';
      return { code: 0, signal: null, stdout, stderr: '', truncated: false };
    };
    const at10 = await appmgrOn(application.config());
    await at10.upgrade({ revision: '10' });
    const health = { url, host: 'app.example.com', timeout: 0.1 };
    const { upgrade } = await appmgrOn(application.config({ health, service: { unit: 'app.service' } }), { run });
    await assert.rejects(upgrade({ revision: '20' }), ({ message }: Error) => {
      const [first, ...report] = message.split('\n');
      assert.match(first ?? '', /\/health gave status 502; went back to 10/);
      assert.deepEqual(report, [
        'app.service is failed (failed, result exit-code)',
        '| Starting app',
        '| no such table: users',
      ]);
      return !/DOCTYPE|Bad Gateway/.test(message);
    });
    server.close();
  });
});
