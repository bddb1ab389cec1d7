import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Command } from 'commander';
import { examplesOf } from '../../src/client/cli/help/examples.ts';
import { outputSchemas, schemasOf } from '../../src/client/schemas/index.ts';
import { pathOf } from '../../src/client/cli/help/command-path.ts';
import { defineProgram, everyCommand } from '../../src/client/cli/program.ts';
import { commandLine } from '../../src/command-line.ts';
import { loadShipped } from '../support/fleet/shipped.ts';
import { runInProcess } from '../support/program/cli.ts';
import { quietContext } from '../support/program/quiet-context.ts';

/** The whole command line; its commands do nothing when they are run. */
function idleProgram(): Command {
  const program = defineProgram(commandLine, quietContext().context);
  for (const command of everyCommand(program)) command.action(() => {});
  return program;
}

/** The words of a line as a shell splits it: by blanks, with "…" for one word. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/(?:[^\s"]|"[^"]*")+/g)].map(([word]) => word.replaceAll('"', ''));
}

/** The commands that help shows. */
const shown = everyCommand(idleProgram()).filter((command) => {
  const visible = command.parent?.createHelp().visibleCommands(command.parent) ?? [];
  return visible.includes(command) && command.name() !== 'help';
});

describe('the help of each command', () => {
  test('covers all commands', () => {
    assert.ok(shown.length > 40, String(shown.length));
  });

  for (const command of shown) {
    const path = pathOf(command);
    test(`${path}: shows examples, and each is a valid command line`, async () => {
      const examples = examplesOf(path);
      assert.ok(examples.length > 0, `add an example of “${path}” to src/client/cli/help/examples.ts`);
      const { code, out } = await runInProcess([...path.split(' '), '--help'], '/nowhere', {}, commandLine);
      assert.equal(code, 0);
      for (const example of examples) {
        assert.ok(out.join('\n').includes(`\n  mco-deploy ${example}`), example);
        assert.ok(example.startsWith(path.split(' ')[0] ?? ''), `“${example}” is of another command`);
        const words = wordsOf(example);
        if (!words.includes('--help')) await idleProgram().parseAsync(words, { from: 'user' });
      }
    });
  }

  test('a command that prints JSON takes -o and --color, too', () => {
    const printing = shown.filter(({ options }) => options.some(({ long }) => long === '--json'));
    for (const { options, parent } of printing) {
      const names = options.map(({ long }) => long);
      assert.ok(names.includes('--output') && names.includes('--color'), parent?.name());
    }
    assert.ok(printing.length > 30);
  });

  test('a command that prints JSON has a schema for it', () => {
    const printing = shown.filter(({ options }) => options.some(({ long }) => long === '--json'));
    for (const command of printing) {
      for (const name of schemasOf(pathOf(command))) {
        assert.ok(name in outputSchemas, `“${pathOf(command)}” has no schema “${name}” in src/client/schemas`);
      }
    }
  });

  test('upgrade --batch: lists the defaults of the playbooks for rolling and canary', async () => {
    const { options } = shown.find((command) => pathOf(command) === 'upgrade') ?? assert.fail('no upgrade');
    const playbooks = [await loadShipped('app_rolling_upgrade'), await loadShipped('app_canary_upgrade')];
    const defaults = playbooks.map(({ inputs }) => inputs.batch?.default).join('; ');
    const help = options.find(({ long }) => long === '--batch')?.description ?? '';
    assert.ok(help.endsWith(`(default: ${defaults})`), `“${help}”, but the playbooks have ${defaults}`);
  });

  test('is as wide as the terminal', async () => {
    const widest = async (columns: number) => {
      const { out } = await runInProcess(['upgrade', '--help'], '/nowhere', { columns });
      const lines = out.join('\n').split('\nExamples:')[0]?.split('\n') ?? [];
      return Math.max(...lines.map((line) => line.length));
    };
    assert.ok((await widest(60)) <= 60);
    const wide = await widest(160);
    assert.ok(wide > 120 && wide <= 160, String(wide));
  });
});
