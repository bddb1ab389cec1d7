import { Problem } from '../../../core/errors.ts';
import { wouldExpand } from './globs.ts';

/** Characters that mean something to a shell when they are not quoted. */
const operators = new Set(['|', ';', '&', '<', '>', '(', ')', '`']);

/**
 * Splits a command line into words as sh(1) does (POSIX 2.2, quoting), for a command that runs without a shell.
 * `$ARG1$`, `$ARG2$`, … are filled in afterwards, so that an argument stays part of one word whatever it contains.
 * @param what names the definition, for messages
 * @throws Problem `refused-command` for anything that needs a shell (pipes, substitutions, variables, …), for a missing
 * argument, and for an open quote
 */
export function parseCommandLine(line: string, what: string, args: readonly string[] = []): [string, ...string[]] {
  const refuse = (why: string): never => {
    throw new Problem('refused-command', `${what} is refused: ${why}`, 'commands run without a shell: use a script');
  };
  if (line.includes('\0')) return refuse('it has a NUL');
  // Between NULs, which no line has, so that quotes and the rest are read as written in the definition.
  const [command, ...rest] = splitWords(line.replace(/\$ARG(\d{1,2})\$/g, '\0$1\0'), refuse);
  if (command === undefined) return refuse('it is empty');
  if (command.includes('\0')) return refuse('the caller would name the program ($ARG)');
  if (/^[A-Za-z_]\w*=/.test(command)) return refuse(`it sets a variable (${command.split('=')[0]})`);
  const fill = (word: string) =>
    word.replace(/\0(\d+)\0/g, (_, number) => args[number - 1] ?? refuse(`there is no argument for $ARG${number}$`));
  return [command, ...rest.map(fill)];
}

function splitWords(line: string, refuse: (why: string) => never): string[] {
  const words: string[] = [];
  let word: string | undefined;
  /** The same with unquoted text as it is, and the rest hidden: only unquoted text may be a pattern. */
  let bare = '';
  let at = 0;
  const end = () => {
    if (word === undefined) return;
    refusePatterns(bare, refuse);
    words.push(word);
    word = undefined;
    bare = '';
  };
  while (at < line.length) {
    const char = line.charAt(at);
    if (char === ' ' || char === '\t') {
      end();
      at++;
    } else if (char === "'" || char === '"') {
      const [text, next] = quoted(line, at, refuse);
      word = (word ?? '') + text;
      bare += hidden.repeat(Math.max(1, text.length));
      at = next;
    } else {
      refuseShell(line, at, word === undefined, refuse);
      if (char === '\\') at++;
      if (at >= line.length) refuse('it ends with a backslash');
      bare += char === '\\' ? hidden : char;
      word = (word ?? '') + line.charAt(at++);
    }
  }
  end();
  return words;
}

/** Stands for a character that a quote keeps from the shell. */
const hidden = '\u0001';

/** @param bare a word, with `hidden` for its quoted characters */
function refusePatterns(bare: string, refuse: (why: string) => never): void {
  const shown = bare.replaceAll(hidden, '…');
  const home = /^~([A-Za-z_][\w.-]*)?(\/|$)/.test(bare);
  if (home) refuse(`a shell would replace “${shown}” by a home directory`);
  if (/\{[^{}]*(,|\.\.)[^{}]*\}/.test(bare))
    refuse(`a shell would replace “${shown}” by a list of words (quote it if it is meant as it is)`);
  if (/[*?]|\[.+\]/.test(bare) && wouldExpand(bare.replaceAll(hidden, '?')))
    refuse(`a shell would replace “${shown}” by the names of files (quote it if it is meant as it is)`);
}

/** The text between quotes that open at an index, and the index after the closing one. */
function quoted(line: string, open: number, refuse: (why: string) => never): [string, number] {
  const quote = line.charAt(open);
  let text = '';
  for (let at = open + 1; at < line.length; at++) {
    const char = line.charAt(at);
    if (char === quote) return [text, at + 1];
    if (quote === '"') {
      if (char === '`') refuse('it has a ` that a shell would act on');
      if (char === '$') refuseVariable(line, at, refuse);
      if (char === '\\' && '$`"\\'.includes(line.charAt(at + 1))) at++;
    }
    text += line.charAt(at);
  }
  return refuse(`a ${quote} is not closed`);
}

function refuseShell(line: string, at: number, begins: boolean, refuse: (why: string) => never): void {
  const char = line.charAt(at);
  if (operators.has(char)) refuse(`it has a ${char} that a shell would act on`);
  if (char === '$') refuseVariable(line, at, refuse);
  if (begins && char === '#') refuse('it has a word that begins with #');
}

/** A `$` before anything but a blank, a quote or the end is a variable or a substitution. */
function refuseVariable(line: string, at: number, refuse: (why: string) => never): void {
  if (/^\$[A-Za-z0-9_({?*@#!$-]/.test(line.slice(at, at + 2)))
    refuse(`it has a ${line.slice(at, at + 2)} that a shell would act on`);
}
