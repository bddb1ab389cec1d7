import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { glob } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { runCli } from '../../../../src/client/cli/cli.ts';
import { startClosing } from '../../../../src/client/cli/io/closing.ts';
import type { CliContext, CommandEntry, ProcessContext } from '../../../../src/client/cli/context.ts';
import { Problem } from '../../../../src/core/errors.ts';

/** What a command printed on both streams, in order, and its exit code. */
function listening() {
  const lines: string[] = [];
  const context = {
    env: {},
    out: (line: string) => void lines.push(line),
    err: (line: string) => void lines.push(line),
    exit: (code: number) => void lines.push(`exit ${code}`),
    signal: new AbortController().signal,
    kill: new AbortController().signal,
  } as unknown as ProcessContext;
  return { context, lines };
}

async function run(work: (context: CliContext) => Promise<void>, ...options: string[]): Promise<readonly string[]> {
  const { context, lines } = listening();
  const probe: CommandEntry = {
    name: 'probe',
    define: (program, its) =>
      void program
        .command('probe')
        .option('-o, --output <format>')
        .option('--np')
        .action(() => work(its)),
  };
  await runCli(['probe', ...options], { version: '1', commands: [probe], agents: [] }, context);
  return lines;
}

describe('the end of a command', () => {
  for (const stream of ['out', 'err'] as const) {
    for (const options of [[], ['--np'], ['-o', 'jsonl']]) {
      test(`the next command, on ${stream}, is the last line${options.map((word) => ` ${word}`).join('')}`, async () => {
        const lines = await run(
          async ({ last, err, exit }) => {
            last('to continue: mco-deploy resume 1', stream);
            err('warning: the lease is still held');
            exit(2);
          },
          ...options,
        );
        assert.deepEqual(lines, ['warning: the lease is still held', 'to continue: mco-deploy resume 1', 'exit 2']);
      });
    }
  }

  test('it follows the reason when the command fails afterwards', async () => {
    const lines = await run(async ({ last }) => {
      last('to continue: mco-deploy resume 1');
      throw new Problem('usage', 'the session cannot be closed');
    });
    assert.deepEqual(lines, [
      'mco-deploy: the session cannot be closed',
      'to continue: mco-deploy resume 1',
      'exit 64',
    ]);
  });

  test('it is printed once, and nothing after the exit code is set', () => {
    const { context, lines } = listening();
    const closing = startClosing(context);
    closing.last('to continue: mco-deploy resume 1');
    closing.exit(2);
    closing.err('warning: too late');
    closing.out('too late');
    assert.deepEqual(lines, ['to continue: mco-deploy resume 1', 'exit 2']);
  });

  test('every line that begins with it is printed by “last”', async () => {
    const root = join(import.meta.dirname, '../../../../src/client');
    const wrong: string[] = [];
    for await (const file of glob('**/*.ts', { cwd: root })) {
      const text = await readFile(join(root, file), 'utf8');
      // A line of output that is only the next command, such as “to list the nodes: mco-deploy find”.
      const printed = text.matchAll(/\b(?:err|out)\(\s*(?:[^()]* \? )?['`]to [a-z ,’]+: [^)]*\)/g);
      for (const [line] of printed) wrong.push(`${file}: ${line}`);
    }
    assert.deepEqual(wrong, []);
  });
});
