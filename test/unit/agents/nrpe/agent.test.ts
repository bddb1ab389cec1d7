import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { startNrpe } from '../../../../src/agents/nrpe/agent.ts';
import type { Check } from '../../../../src/agents/nrpe/check.ts';
import type { NrpeConfig } from '../../../../src/agents/nrpe/config.ts';
import type { ActionContext } from '../../../../src/core/agent.ts';
import { Problem } from '../../../../src/core/errors.ts';
import type { CommandResult, RunCommand } from '../../../../src/core/ports.ts';
import { actionContext, agentSetup, temporaryDirectory } from '../../../support/agents/agent-setup.ts';
import { until } from '../../../support/until.ts';

type All = { exitcode: number; state: string; checks: Check[] };

/** The agent on a node where nothing runs: `exits` has the exit code of each program, by its path. */
async function nrpe(
  lines: readonly string[],
  more: Partial<NrpeConfig> = {},
  exits: Readonly<Record<string, Partial<CommandResult>>> = {},
) {
  const config = join(temporaryDirectory(), 'nrpe.cfg');
  writeFileSync(config, `${lines.join('\n')}\n`);
  const asked: { argv: readonly string[]; timeout: number }[] = [];
  const running = { now: 0, most: 0, enough: 1 };
  const run: RunCommand = async (argv, { timeout }) => {
    asked.push({ argv, timeout });
    running.most = Math.max(running.most, ++running.now);
    await until(`${running.enough} run at once`, () => running.most >= running.enough, 0);
    running.now--;
    const usual = { code: 0, signal: null, stdout: 'fine', stderr: '', truncated: false };
    return { ...usual, ...exits[argv[0]] };
  };
  const { handlers } = await startNrpe(agentSetup<NrpeConfig>({ config, ...more }, { run }));
  const call = <T>(action: string, input: object) => {
    const handler = handlers[action] as unknown as (input: object, context: ActionContext) => Promise<T>;
    return handler(input, actionContext());
  };
  return {
    asked,
    /** Each waits until so many have run at once. */
    running,
    run: (command: string, args?: string) =>
      call<Check>('runcommand', { command, ...(args !== undefined && { args }) }),
    all: () => call<All>('runallcommands', {}),
    list: () => call<{ commands: string[]; refused: string[] }>('list', {}),
  };
}

const refuses =
  (code: string, message: RegExp, hint = /^/) =>
  (problem: unknown) => {
    assert.ok(problem instanceof Problem, String(problem));
    assert.equal(problem.code, code);
    assert.match(problem.message, message);
    assert.match(problem.hint, hint);
    return true;
  };

describe('all checks of a node', () => {
  const exits = { '/ok': { code: 0 }, '/warn': { code: 1 }, '/crit': { code: 2 }, '/odd': { code: 3 } };
  const worst: [string, readonly string[], number, string][] = [
    ['none', [], 3, 'UNKNOWN'],
    ['OK', ['ok'], 0, 'OK'],
    ['UNKNOWN', ['odd', 'ok'], 3, 'UNKNOWN'],
    ['WARNING', ['odd', 'warn', 'ok'], 1, 'WARNING'],
    ['CRITICAL', ['ok', 'crit', 'odd', 'warn'], 2, 'CRITICAL'],
  ];
  for (const [name, commands, exitcode, state] of worst) {
    test(`are as bad as the worst of them: ${name}`, async () => {
      const { all } = await nrpe(
        commands.map((one) => `command[${one}]=/${one}`),
        {},
        exits,
      );
      const made = await all();
      assert.deepEqual([made.exitcode, made.state], [exitcode, state]);
      assert.deepEqual(
        made.checks.map(({ command }) => command),
        [...commands].sort(),
      );
    });
  }

  test('are made four at a time', async () => {
    const { all, running } = await nrpe(Array.from({ length: 12 }, (_, n) => `command[c${n}]=/ok`));
    running.enough = 4;
    assert.equal((await all()).checks.length, 12);
    assert.equal(running.most, 4);
  });

  test('leave out those that need arguments, and report a refused one as UNKNOWN', async () => {
    const { all, asked } = await nrpe(
      ['dont_blame_nrpe=1', 'command[args]=/ok $ARG1$', 'command[pipe]=/ok | /crit', 'command[plain]=/ok'],
      { arguments: { args: ['[0-9]+'] } },
    );
    const { exitcode, checks } = await all();
    assert.equal(exitcode, 3);
    assert.deepEqual(
      checks.map(({ command, state }) => `${command} ${state}`),
      ['pipe UNKNOWN', 'plain OK'],
    );
    assert.match(checks[0]?.output ?? '', /command\[pipe\] is refused: it has a \|/);
    assert.deepEqual(
      asked.map(({ argv }) => argv),
      [['/ok']],
    );
  });

  test('report one whose definition cannot be used as UNKNOWN', async () => {
    const { all } = await nrpe(['command[plain]=/ok', 'command[empty]=']);
    const { exitcode, checks } = await all();
    assert.deepEqual(
      [exitcode, checks.map(({ command, state }) => `${command} ${state}`)],
      [3, ['plain OK', 'empty UNKNOWN']],
    );
    assert.match(checks[1]?.output ?? '', /^The definition of empty cannot be used: /);
  });

  test('end with the problem of one that was cancelled', async () => {
    const { all } = await nrpe(['command[a]=/a', 'command[b]=/b'], {}, { '/b': { code: null, ended: 'cancelled' } });
    await assert.rejects(all(), refuses('cancelled', /the check b was cancelled/));
  });
});

describe('the arguments of a caller', () => {
  const lines = ['dont_blame_nrpe=1', 'command[two]=/p -w $ARG1$ -x "$ARG2$"', 'command[none]=/p'];
  const rules = { arguments: { two: ['[0-9]{1,3}', '[a-z ]*'] } };

  test('are filled in as whole words, if each of them matches', async () => {
    const { run, asked } = await nrpe(lines, rules);
    await run('two', '15!a b');
    assert.deepEqual(asked[0]?.argv, ['/p', '-w', '15', '-x', 'a b']);
  });

  const wrong: [string, string | undefined, RegExp][] = [
    ['two', '15', /two takes 2 arguments, not 1/],
    ['two', undefined, /two takes 2 arguments, not 0/],
    ['two', '15!a!b', /two takes 2 arguments, not 3/],
    ['two', '1500!a', /argument 1 of two must match \[0-9\]\{1,3\}/],
    ['two', 'x15!a', /argument 1 of two/],
    ['two', '15!a;b', /argument 2 of two must match \[a-z \]\*/],
    ['none', 'a', /none does not accept arguments from callers/],
  ];
  for (const [command, args, message] of wrong) {
    test(`are refused before anything runs: ${command} ${args}`, async () => {
      const { run, asked } = await nrpe(lines, rules);
      const hint = command === 'none' ? /agents\.nrpe\.arguments/ : /^$/;
      await assert.rejects(run(command, args), refuses('refused-arguments', message, hint));
      assert.deepEqual(asked, []);
    });
  }

  test('need both nrpe.cfg and node.yaml to allow them', async () => {
    const off = await nrpe(['command[two]=/p $ARG1$ $ARG2$'], rules);
    await assert.rejects(off.run('two', '1!a'), refuses('refused-command', /dont_blame_nrpe in nrpe\.cfg is not 1/));
    const unnamed = await nrpe(lines);
    await assert.rejects(unnamed.run('two', '1!a'), refuses('refused-command', /node\.yaml allows none for it/));
    assert.deepEqual((await unnamed.list()).refused.length, 1);
    assert.match((await unnamed.list()).refused[0] ?? '', /^two: .*node\.yaml allows none/);
    assert.deepEqual((await (await nrpe(lines, rules)).list()).refused, [], 'empty ones are filled in for a listing');
  });

  test('cannot be allowed by an invalid pattern', async () => {
    const start = nrpe(lines, { arguments: { two: ['[0-9'] } });
    await assert.rejects(start, refuses('bad-nrpe-configuration', /the arguments of two: \[0-9: /));
  });
});

describe('a check by a plugin', () => {
  test('has the time limit of nrpe.cfg, or of node.yaml, and never more than a minute', async () => {
    const of = async (lines: readonly string[], more: Partial<NrpeConfig> = {}) => {
      const { run, asked } = await nrpe([...lines, 'command[a]=/a'], more);
      await run('a');
      return asked[0]?.timeout;
    };
    assert.equal(await of([]), 60_000);
    assert.equal(await of(['command_timeout=7']), 7000);
    assert.equal(await of(['command_timeout=300']), 60_000);
    assert.equal(await of(['command_timeout=7'], { timeout: 2.5 }), 2500);
  });

  test('that is not defined is UNKNOWN, and the reply names what is near, and what is wrong with the file', async () => {
    const { run } = await nrpe(['command[check_load]=/a', 'command[broken]=', 'command[check_disk]=/a']);
    assert.match((await run('check_lod')).output, /^No such command: check_lod \(did you mean “check_load”\?; .*:2: /);
    assert.match((await run('broken')).output, /^The definition of broken cannot be used: .*:2: /);
    assert.equal((await (await nrpe(['command[a]=/a'])).run('something')).output, 'No such command: something');
  });

  test('is listed with the others by name, and what cannot run with its reason', async () => {
    const { list } = await nrpe(['command[b]=/b', 'command[a]=/a | /b', 'nonsense']);
    const { commands, refused } = await list();
    assert.deepEqual(commands, ['a', 'b']);
    assert.match(refused[0] ?? '', /^a: the definition of command\[a\] is refused: it has a \|/);
    assert.match(refused[1] ?? '', /nrpe\.cfg:3: this is not “name=value”$/);
    assert.equal(refused.length, 2);
  });
});
