import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Command } from 'commander';
import { defineProgram } from '../../../src/client/cli/program.ts';
import { commandLine } from '../../../src/command-line.ts';
import { quietContext } from '../../support/program/quiet-context.ts';

const repository = join(import.meta.dirname, '../../..');
const below = (folder: string, end: string) =>
  readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(end))
    .map((file) => `${folder}/${file}`);
const read = (file: string) => readFileSync(join(repository, file), 'utf8');
const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', ...below('docs', '.md')];
const program = defineProgram(commandLine, quietContext().context);

/** What is code on a page: its blocks line by line, and what stands between `…`. */
function codeIn(page: string): string[] {
  const block = /^ *```\w*\n([\s\S]*?)^ *```$/gm;
  const text = read(page);
  const blocks = [...text.matchAll(block)].flatMap(([, lines = '']) => lines.replaceAll('\\\n', ' ').split('\n'));
  return [...blocks, ...[...text.replaceAll(block, '').matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)];
}

/** What messages quote: “mco-deploy …”. */
const quotedIn = (file: string) => [...read(file).matchAll(/“([^“”]*)”/g)].map(([, text = '']) => text);

/** The words of a command line behind the name of the program, up to what a shell does with them. */
function commandLineIn(code: string): string[] {
  const [, line] = /^\s*(?:[$#] )?(?:sudo )?mco-deploy ([a-z-][^|>;&#]*)/.exec(code.replaceAll(/\s+/g, ' ')) ?? [];
  return line === undefined ? [] : [line];
}

/** What a line names that the program does not have: a command, or an option of it. */
function unknownIn(line: string): string[] {
  let command: Command = program;
  const options = new Set(['--help', '--version']);
  const unknown: string[] = [];
  let isPath = true;
  for (const word of line.replaceAll(/'[^']*'|"[^"]*"|\$\{[^}]*\}/g, ' TEXT ').split(/[ [\]()]+/)) {
    const next = isPath
      ? command.commands.find((one) => one.name() === word || one.aliases().includes(word))
      : undefined;
    if (next !== undefined) {
      command = next;
      for (const { long } of command.options) if (long) options.add(long);
    } else if (word.startsWith('--')) {
      const [long = ''] = word.split(/[=,.…]/);
      if (long !== '--' && !options.has(long)) unknown.push(long);
    } else {
      if (isPath && /^[a-z]/.test(word) && command.commands.length > 0 && word !== 'help') unknown.push(word);
      isPath = false;
    }
  }
  // Without one of its commands, a group lists what it is about.
  const listed = command.commands.find((one) => one.name() === 'list')?.options ?? [];
  return unknown.filter((one) => !listed.some(({ long }) => long === one));
}

const unknownOf = (files: readonly string[], codeOf: (file: string) => string[]) => {
  const lines = files.flatMap((file) =>
    codeOf(file)
      .flatMap(commandLineIn)
      .map((line) => ({ file, line })),
  );
  assert.ok(lines.length > 100, String(lines.length));
  return lines.flatMap(({ file, line }) => unknownIn(line).map((unknown) => `${file}: ${unknown} in “${line}”`));
};

test('pages name only commands and options that exist', () => {
  assert.deepEqual(unknownOf(pages, codeIn), []);
});

test('messages name only commands and options that exist', () => {
  assert.deepEqual(unknownOf(below('src', '.ts'), quotedIn), []);
});
