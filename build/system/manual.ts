import type { Command } from 'commander';

/** The text of a manual page beside the commands. */
export interface ManualFacts {
  readonly version: string;
  /** The date of the page, as YYYY-MM-DD. */
  readonly date: string;
  /** Exit codes and what each means. */
  readonly exitCodes: readonly (readonly [string, string])[];
  readonly files: readonly (readonly [string, string])[];
  /** Command lines without the program's name. @param path of the command, such as `runs show`; empty for the program */
  readonly examplesOf: (path: string) => readonly string[];
  /** Other pages and documents, each with what is in it. */
  readonly seeAlso: readonly (readonly [string, string])[];
}

/** Commands whose examples are shown together as well. */
const mostUsed = ['ping', 'find', 'status', 'rpc', 'upgrade', 'rollback', 'runs'];

/** mco-deploy(1), in the language of man(7), from the definitions of the commands. */
export function manualOf(program: Command, facts: ManualFacts): string {
  const { version, date, exitCodes, files, examplesOf, seeAlso } = facts;
  const lines = [
    `.TH MCO\\-DEPLOY 1 "${date}" "mco\\-deploy ${quote(version)}" "User Commands"`,
    '.SH NAME',
    'mco\\-deploy \\- deploys web applications over many machines in real time',
    '.SH SYNOPSIS',
    '.B mco\\-deploy',
    '.I command',
    '.RI [ options ]',
    '.SH DESCRIPTION',
    quote(
      'One program, daemon and client. The daemon serves a host as a node; the client calls agents on many nodes at once ' +
        'over mutual TLS, with every request signed, and runs playbooks through the same calls.',
    ),
    '.SH COMMANDS',
    ...leaves(program).flatMap((command) => [...commandLines(command), ...exampleLines(examplesOf(pathOf(command)))]),
    '.SH EXAMPLES',
    ...mostUsed.flatMap((path) => exampleLines(examplesOf(path))),
    '.SH "EXIT STATUS"',
    ...exitCodes.flatMap(([code, meaning]) => entry(`.B ${quote(code)}`, meaning)),
    '.SH FILES',
    ...files.flatMap(([file, meaning]) => entry(`.I ${quote(file)}`, meaning)),
    '.SH "SEE ALSO"',
    ...seeAlso.flatMap(([place, meaning]) => entry(`.I ${quote(place)}`, meaning)),
  ];
  return `${lines.join('\n')}\n`;
}

/** The commands that can be run, in the order of help; those that only hold others are their names. */
function leaves(command: Command): Command[] {
  const children = command.createHelp().visibleCommands(command).filter(isOurs);
  return children.length === 0 ? [command] : children.flatMap(leaves);
}

/** commander's own “help” is in every group. */
function isOurs(command: Command): boolean {
  return command.name() !== 'help';
}

function commandLines(command: Command): string[] {
  const help = command.createHelp();
  const options = help.visibleOptions(command).filter(({ long }) => long !== '--help');
  return [
    `.SS "${quote(fullName(command))} ${quote(command.usage())}"`,
    quote(sentence(command.description())),
    ...options.flatMap((option) => entry(`.B ${quote(option.flags)}`, help.optionDescription(option))),
  ];
}

/** Lines as they are typed: not filled, and indented. */
function exampleLines(examples: readonly string[]): string[] {
  if (examples.length === 0) return [];
  return ['.PP', '.RS', '.nf', ...examples.map((example) => quote(`mco-deploy ${example}`)), '.fi', '.RE'];
}

function pathOf(command: Command): string {
  return fullName(command).replace(/^\S+ ?/, '');
}

function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}

function entry(head: string, text: string): string[] {
  return ['.TP', head, quote(sentence(text))];
}

function sentence(text: string): string {
  const trimmed = text.trim();
  return trimmed === '' ? '' : `${trimmed[0]?.toUpperCase()}${trimmed.slice(1)}${/[.!?]$/.test(trimmed) ? '' : '.'}`;
}

const glyphs: Readonly<Record<string, string>> = {
  '\\': '\\e',
  '-': '\\-',
  '"': '\\(dq',
  '’': '\\(cq',
  "'": '\\(aq',
  '“': '\\(lq',
  '”': '\\(rq',
  '…': '...',
};

/** Text that roff takes for nothing but text. */
function quote(text: string): string {
  const plain = text.replaceAll(/\s+/g, ' ').replaceAll(/[\\"'’“”…-]/g, (character) => glyphs[character] ?? '');
  return plain.startsWith('.') ? `\\&${plain}` : plain;
}
