import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startNrpe } from '../../../src/agents/nrpe/agent.ts';
import { type Check, splitOutput } from '../../../src/agents/nrpe/check.ts';
import type { NrpeConfig } from '../../../src/agents/nrpe/config.ts';
import type { ActionContext } from '../../../src/core/agent.ts';
import { checkStates } from '../../../src/core/check-state.ts';
import { Problem } from '../../../src/core/errors.ts';
import { actionContext, agentSetup, temporaryDirectory } from '../../support/agents/agent-setup.ts';

const plugins = '/usr/lib/nagios/plugins';

async function agent(lines: readonly string[], more: Partial<NrpeConfig> = {}, directory = temporaryDirectory()) {
  const config = join(directory, 'nrpe.cfg');
  writeFileSync(config, `${lines.join('\n')}\n`);
  const { handlers } = await startNrpe(agentSetup<NrpeConfig>({ config, ...more }));
  const call = <T>(action: string) => {
    const handler = handlers[action] as unknown as (input: object, context: ActionContext) => Promise<T>;
    return (input: object, context: ActionContext = actionContext()) => handler(input, context);
  };
  return {
    directory,
    run: (command: string, context?: ActionContext) => call<Check>('runcommand')({ command }, context),
    all: () => call<{ exitcode: number; state: string; checks: Check[] }>('runallcommands')({}),
    list: () => call<{ commands: string[]; refused: string[] }>('list')({}),
  };
}

const fails = (code: string, words: RegExp) => (problem: unknown) => {
  assert.ok(problem instanceof Problem, String(problem));
  assert.equal(problem.code, code);
  assert.match(problem.message, words);
  return true;
};

describe('the stock plugins', () => {
  const web = createServer((_request, response) => response.end('hello'));
  let port = 0;
  before(async () => {
    web.listen(0, '127.0.0.1');
    await once(web, 'listening');
    port = (web.address() as AddressInfo).port;
  });
  after(() => {
    web.close();
    web.closeAllConnections();
  });

  // Command lines whose output does not change from one moment to the next.
  const steady: Record<string, () => string> = {
    dummy_ok: () => `${plugins}/check_dummy 0 "all 'is' well"`,
    dummy_warning: () => `${plugins}/check_dummy 1 'so; so'`,
    dummy_critical: () => `${plugins}/check_dummy 2 bad`,
    dummy_unknown: () => `${plugins}/check_dummy 3`,
    dummy_beyond: () => `${plugins}/check_dummy 7 x`,
    tcp_refused: () => `${plugins}/check_tcp -H 127.0.0.1 -p 1`,
    file_age_missing: () => `${plugins}/check_file_age -f /no/such/file`,
    users: () => `${plugins}/check_users -w 1000 -c 2000`,
    procs: () => `${plugins}/check_procs -C no-such-program -c 1:`,
    swap_usage_error: () => `${plugins}/check_swap --no-such-option`,
    cluster: () => `${plugins}/check_cluster --service -l web -d 0,2,0 -w 0 -c 1`,
  };
  for (const [name, line] of Object.entries(steady)) {
    test(`${name}: same code, text and performance data as through a shell`, async () => {
      const { run } = await agent([`command[${name}]=${line()}`]);
      const shell = spawnSync('/bin/sh', ['-c', line()], { encoding: 'utf8' });
      const exitcode = Math.min(shell.status ?? 3, 3);
      const { output, perfdata } = splitOutput(shell.stdout);
      const check = await run(name);
      assert.deepEqual(
        { ...check, output: output === '' ? '' : check.output },
        { command: name, exitcode, state: checkStates[exitcode], output, perfdata },
      );
      if (output === '') assert.match(check.output, /^The plugin printed nothing/);
    });
  }

  test('a load beyond the limit is CRITICAL, and the call succeeds', async () => {
    const { run } = await agent([
      `command[check_load]=${plugins}/check_load -w 1000,1000,1000 -c 2000,2000,2000`,
      `command[overload]=${plugins}/check_load -w 0,0,0 -c 0,0,0`,
    ]);
    const fine = await run('check_load');
    assert.deepEqual([fine.exitcode, fine.state], [0, 'OK']);
    assert.match(fine.output, /load average: [\d., ]+$/);
    assert.match(fine.perfdata, /^load1=\S+ load5=\S+ load15=\S+$/);
    assert.deepEqual([(await run('overload')).exitcode], [2]);
  });

  test('a web server and a disk are OK', async () => {
    const { run } = await agent([
      `command[check_http]=${plugins}/check_http -I 127.0.0.1 -p ${port}`,
      `command[quoted]=${plugins}/check_http -I 127.0.0.1 -p ${port} -u "/a?b=c" -s 'no such text'`,
      `command[check_disk]=${plugins}/check_disk -w 1% -c 1% -p /`,
    ]);
    assert.match((await run('check_http')).output, /HTTP OK/);
    const quoted = await run('quoted');
    assert.equal(quoted.state, 'CRITICAL');
    assert.match(quoted.output, /string 'no such text' not found on '.*\/a\?b=c'/);
    assert.match((await run('check_disk')).perfdata, /^\/=\d+/);
  });
});

describe('the command definitions of nrpe.cfg', () => {
  test('are also read from included files and directories, and the last one wins', async () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'nrpe.d', 'deeper'), { recursive: true });
    writeFileSync(join(directory, 'local.cfg'), `command[a]=${plugins}/check_dummy 1 local\n`);
    writeFileSync(join(directory, 'nrpe.d', 'b.cfg'), `command[b]=${plugins}/check_dummy 0 b\n`);
    writeFileSync(join(directory, 'nrpe.d', 'c.cfg'), `command[b]=${plugins}/check_dummy 2 c\n`);
    writeFileSync(join(directory, 'nrpe.d', 'd.txt'), `command[b]=${plugins}/check_dummy 3 not read\n`);
    writeFileSync(join(directory, 'nrpe.d', 'deeper', 'e.cfg'), `command[e]=${plugins}/check_dummy 0 e\n`);
    const first = `command[a]=${plugins}/check_dummy 0 main`;
    const { run, list } = await agent([first, 'include=local.cfg', `include_dir=${directory}/nrpe.d`], {}, directory);
    assert.deepEqual((await list()).commands, ['a', 'b', 'e']);
    assert.match((await run('a')).output, /local/);
    assert.match((await run('b')).output, /CRITICAL: c/);
    writeFileSync(join(directory, 'nrpe.d', 'z.cfg'), `command[b]=${plugins}/check_dummy 0 new\n`);
    assert.match((await run('b')).output, /OK: new/, 'a new file is noticed');
    writeFileSync(join(directory, 'local.cfg'), `command[a]=${plugins}/check_dummy 1 altered\n`);
    assert.match((await run('a')).output, /altered/, 'a changed file is noticed');
    rmSync(join(directory, 'local.cfg'));
    assert.match((await run('a')).output, /OK: main/, 'a file that is gone is noticed');
    assert.match((await list()).refused.join(), /local\.cfg \(included by .*nrpe\.cfg:2\).*no such file/);
  });

  test('may put a prefix before every command', async () => {
    const { run } = await agent(['command_prefix=/usr/bin/env LANG=C', `command[a]=${plugins}/check_dummy 0 a`]);
    assert.equal((await run('a')).output, 'OK: a');
  });

  test('make a command without an entry UNKNOWN, whatever its name', async () => {
    const { run } = await agent([`command[a]=${plugins}/check_dummy 0`]);
    for (const name of ['check_none', '__proto__', 'constructor']) {
      const check = await run(name);
      assert.deepEqual([check.exitcode, check.output], [3, `No such command: ${name}`]);
    }
  });

  test('are refused before anything runs if they need a shell or take arguments', async () => {
    const directory = temporaryDirectory();
    const { run, list, all } = await agent(
      [
        `command[pipe]=${plugins}/check_dummy 0 | /usr/bin/tee ${directory}/made`,
        `command[args]=${plugins}/check_dummy $ARG1$`,
        `command[warn]=${plugins}/check_dummy 1 so so`,
      ],
      {},
      directory,
    );
    await assert.rejects(run('pipe'), fails('refused-command', /command\[pipe\] is refused: it has a \|/));
    await assert.rejects(run('args'), fails('refused-command', /arguments/));
    assert.equal((await list()).refused.length, 2);
    const { exitcode, state, checks } = await all();
    assert.deepEqual([exitcode, state], [1, 'WARNING']);
    assert.deepEqual(
      checks.map(({ command, state }) => `${command} ${state}`),
      ['args UNKNOWN', 'pipe UNKNOWN', 'warn WARNING'],
    );
  });
});

describe('a plugin that fails or hangs', () => {
  test('is ended at the timeout of nrpe.cfg or of the agent', async () => {
    const lines = ['command_timeout=1', 'command[sleep]=/bin/sleep 60'];
    assert.equal((await (await agent(lines)).run('sleep')).output, 'NRPE: Command timed out after 1 seconds');
    const check = await (await agent(lines, { timeout: 0.1 })).run('sleep');
    assert.deepEqual([check.state, check.output], ['UNKNOWN', 'NRPE: Command timed out after 0.1 seconds']);
  });

  test('costs no more than its timeout if it prints 200 MB, or without end', async () => {
    const { run } = await agent(
      ['command[long]=/usr/bin/head -c 200000000 /dev/zero', 'command[endless]=/usr/bin/yes'],
      { timeout: 60 },
    );
    const before = process.memoryUsage().rss;
    const check = await run('long');
    assert.equal(check.state, 'OK');
    assert.ok(check.output.length <= 64 * 1024);
    assert.ok(process.memoryUsage().rss - before < 150 * 1024 * 1024);
    const stop = new AbortController();
    const call = run('endless', actionContext({ signal: stop.signal }));
    stop.abort();
    await assert.rejects(call, fails('cancelled', /endless was cancelled/));
  });

  test('is UNKNOWN with the reason if it is missing, not executable, or killed', async () => {
    const directory = temporaryDirectory();
    const script = join(directory, 'plugin');
    writeFileSync(script, '#!/bin/sh\nkill -9 $$\n');
    const { run } = await agent(
      ['command[none]=/no/such/plugin', `command[plain]=${directory}/nrpe.cfg`, `command[killed]=${script}`],
      {},
      directory,
    );
    chmodSync(script, 0o755);
    assert.equal((await run('none')).output, 'The plugin /no/such/plugin does not exist');
    assert.match((await run('plain')).output, /may not be run$/);
    assert.equal((await run('killed')).output, 'The plugin was ended by SIGKILL');
  });
});
