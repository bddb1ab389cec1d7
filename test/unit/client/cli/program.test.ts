import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { agents } from '../../../../src/agents/index.ts';
import { runCli } from '../../../../src/client/cli/cli.ts';
import type { CliContext, CommandEntry } from '../../../../src/client/cli/context.ts';
import { defineNeeded, defineProgram } from '../../../../src/client/cli/program.ts';
import { commands } from '../../../../src/client/commands/index.ts';
import { nodeParts } from '../../../../src/command-line.ts';

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
    assert.match(wrong.err.join('\n'), /Did you mean ping\?/);
    assert.equal(wrong.code(), 64);
  });
});
