// Runs command lines of an operator on this host, one for each line of standard input (JSON), and prints the result of
// each.
import { createInterface } from 'node:readline';
import { commandLine } from '../../../src/command-line.ts';
import { runInProcess } from '../program/cli.ts';
import { options, report } from './script.ts';

const { home } = options as unknown as { home: string };
for await (const line of createInterface({ input: process.stdin })) {
  const { code, out, err } = await runInProcess(JSON.parse(line) as string[], home, {}, commandLine);
  report({ code, lines: [...out, ...err] });
}
