import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { agents } from '../../../../src/agents/index.ts';
import { runCli } from '../../../../src/client/cli/cli.ts';
import type { CliContext, CommandEntry } from '../../../../src/client/cli/context.ts';
import { defineNeeded, defineProgram } from '../../../../src/client/cli/program.ts';
import { commands } from '../../../../src/client/commands/index.ts';
import { nodeParts } from '../../../../src/command-line.ts';
import { Problem } from '../../../../src/core/errors.ts';

const cli = {
  version: 'mco-deploy 1.2.3',
  commands: commands(
    agents.map(({ ddl }) => ddl),
    nodeParts,
  ),
};

/** A context that remembers what was printed and how it ended. */
function listening() {
  const out: string[] = [];
  const err: string[] = [];
  let code: number | undefined;
  const context = {
    env: {},
    out: (line: string) => void out.push(line),
    err: (line: string) => void err.push(line),
    exit: (given: number) => {
      code = given;
    },
    signal: new AbortController().signal,
    kill: new AbortController().signal,
  } as unknown as CliContext;
  return { context, out, err, code: () => code };
}

describe('the context of a command', () => {
  for (const words of [['probe'], ['probe', '--np'], ['probe', '-o', 'jsonl']]) {
    test(`has every member as its own, getters included, for ${words.join(' ')}`, async () => {
      const { context } = listening();
      let width = 80;
      Object.defineProperty(context, 'columns', { get: () => width, enumerable: true });
      let seen: CliContext | undefined;
      const probe: CommandEntry = {
        name: 'probe',
        define: (program, its) =>
          void program
            .command('probe')
            .option('--np')
            .option('-o, --output <format>')
            .action(() => {
              seen = its;
              width = 100;
              assert.equal(its.columns, 100);
            }),
      };
      await runCli(words, { ...cli, commands: [probe] }, context);
      assert.deepEqual({ ...seen }.signal, context.signal);
      for (const name of Object.keys(context)) assert.ok(name in { ...seen }, name);
    });
  }
});

describe('the part of the command line that the arguments need', () => {
  test('prints the same help as the whole command line', () => {
    const { context } = listening();
    const whole = defineProgram(cli, context);
    assert.equal(defineNeeded(['--help'], cli, context).helpInformation(), whole.helpInformation());
    const ping = (program: typeof whole) =>
      program.commands.find((command) => command.name() === 'ping')?.helpInformation();
    assert.equal(ping(defineNeeded(['ping', '--help'], cli, context)), ping(whole));
  });

  test('is one command when one is named, and none for the version', () => {
    const { context } = listening();
    const names = (...words: string[]) => defineNeeded(words, cli, context).commands.map((command) => command.name());
    assert.deepEqual(names('ping', '-F', 'a=b'), ['ping']);
    assert.deepEqual(names('--version'), []);
    assert.equal(names('pign').length, cli.commands.length);
    assert.equal(names('help', 'ping').length, cli.commands.length);
  });

  test('still explains a command and suggests one for an unknown word', async () => {
    const help = listening();
    await runCli(['help', 'ca'], cli, help.context);
    assert.match(help.out.join('\n'), /Usage: mco-deploy ca/);
    const wrong = listening();
    await runCli(['pign'], cli, wrong.context);
    assert.match(wrong.err.join('\n'), /did you mean ping\?/);
    assert.equal(wrong.code(), 64);
  });
});

describe('a command line', () => {
  /** Runs the only command there is, `probe`. */
  const run = async (
    words: readonly string[],
    act: (context: CliContext) => void | Promise<void> = () => {},
    env: Readonly<Record<string, string>> = {},
  ) => {
    const { context, out, err } = listening();
    const codes: number[] = [];
    const given = { ...context, env, exit: (code: number) => void codes.push(code), status: () => {} };
    const probe: CommandEntry = {
      name: 'probe',
      define: (program, its) =>
        void program
          .command('probe')
          .option('--json')
          .option('--np')
          .action(async () => {
            await new Promise((resolve) => setImmediate(resolve));
            await act(its);
          }),
    };
    await runCli(words, { version: '1', commands: [probe], agents: ['rpcutil'] }, given);
    return { out, err, codes };
  };
  const wrong = () => {
    throw new Problem('usage', 'that is wrong', 'write it the other way');
  };

  test('ends once the command has ended, with its code or else in success', async () => {
    assert.deepEqual((await run(['probe'])).codes, [0]);
    assert.deepEqual((await run(['probe'], ({ exit }) => exit(5))).codes, [5]);
  });

  test('ends after a failure with one line and its code', async () => {
    const { out, err, codes } = await run(['probe'], wrong);
    assert.deepEqual([out, err, codes], [[], ['mco-deploy: that is wrong: write it the other way'], [64]]);
  });

  test('reports a failure as JSON, and nothing else, if it asks for JSON', async () => {
    for (const [words, problem] of [
      [['probe', '--json'], { code: 'usage', message: 'that is wrong', hint: 'write it the other way' }],
      [['probe', '--jsn', '-j'], { code: 'usage', message: 'there is no option --jsn', hint: 'did you mean --json?' }],
    ] as const) {
      const { out, err, codes } = await run(words, wrong);
      assert.deepEqual(
        [out, err.map((line) => JSON.parse(line)), codes],
        [[], [{ error: problem, exit_code: 64 }], [64]],
      );
    }
    const plain = await run(['probe', '--jsn']);
    assert.deepEqual([plain.err[0], plain.codes], ['mco-deploy: there is no option --jsn: did you mean --json?', [64]]);
    const help = await run(['probe', '--json', '--help']);
    assert.deepEqual([help.out.length, help.err, help.codes], [1, [], [0]]);
    assert.deepEqual((await run(['probe', '--help'])).err, []);
  });

  test('shows where an internal error comes from only if that is asked for', async () => {
    const bug = Object.assign(new Error('a bug'), { stack: 'its place' });
    const debug = { MCO_DEPLOY_DEBUG: '1' };
    const failing = (thrown: unknown, env = {}) => run(['probe'], () => Promise.reject(thrown), env);
    const line = 'mco-deploy: internal error: Error: a bug: please report it (MCO_DEPLOY_DEBUG=1 shows more)';
    assert.deepEqual(await failing(bug), { out: [], err: [line], codes: [70] });
    assert.deepEqual(await failing(bug, { MCO_DEPLOY_DEBUG: '0' }), { out: [], err: [line], codes: [70] });
    assert.deepEqual(await failing(bug, debug), { out: [], err: [line, 'its place'], codes: [70] });
    Object.assign(bug, { stack: undefined });
    assert.deepEqual((await failing(bug, debug)).err, [line, '']);
    assert.equal((await failing('a text', debug)).err.length, 1);
    assert.equal((await run(['probe'], wrong, debug)).err.length, 1);
  });

  test('prints each item of JSON on its own line for jsonl, and what the command prints otherwise', async () => {
    const list = ({ out }: CliContext) => out('[1, 2]');
    assert.deepEqual((await run(['probe', '-o', 'jsonl'], list)).out, ['1', '2']);
    assert.deepEqual((await run(['probe', '-o', 'json'], list)).out, ['[1, 2]']);
  });

  test('shows no progress with --np', async () => {
    const seen: unknown[] = [];
    for (const words of [['probe'], ['probe', '--np']]) {
      await run(words, ({ status }) => void seen.push(typeof status));
    }
    assert.deepEqual(seen, ['function', 'undefined']);
  });

  test('is not run if it is a call in the habit of another tool: it is shown as it is typed here', async () => {
    const { err, codes } = await run(['rpcutil', 'ping']);
    const line = 'mco-deploy: “rpcutil” is an agent, not a command: mco-deploy rpc rpcutil ping';
    assert.deepEqual([err, codes], [[line], [64]]);
  });
});
