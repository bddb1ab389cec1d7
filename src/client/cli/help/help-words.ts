import type { Command } from 'commander';

/**
 * A command line that asks for help, in one form: `help ca init` and `ca help init` as `ca init --help`. Other command
 * lines stay as they are.
 * @throws CommanderError for a command that does not exist: in a question for help, or where a list is the default
 * (`runs lst`), since commander would take the word for an argument of the list
 */
export function helpWords(words: readonly string[], program: Command): readonly string[] {
  const before = words.slice(0, words.includes('--') ? words.indexOf('--') : words.length);
  const path = leadingWords(before);
  const asks = before.some((word) => word === '--help' || word === '-h');
  const named: string[] = [];
  let at = program;
  let isHelp = false;
  for (const word of path) {
    if (at.commands.length === 0) break;
    if (word === 'help' && !isHelp) {
      isHelp = true;
      continue;
    }
    const child = at.commands.find((one) => one.name() === word || one.aliases().includes(word));
    if (child === undefined) {
      if (isHelp || asks || listsByDefault(at)) refuse(at, word);
      return words;
    }
    named.push(word);
    at = child;
  }
  return isHelp ? [...named, '--help'] : words;
}

function leadingWords(words: readonly string[]): readonly string[] {
  const end = words.findIndex((word) => word.startsWith('-'));
  return end < 0 ? words : words.slice(0, end);
}

function listsByDefault(command: Command): boolean {
  return (command as unknown as { _defaultCommandName: string | null })._defaultCommandName !== null;
}

/** Lets commander report the word as unknown, with a suggestion. */
function refuse(command: Command, word: string): void {
  command.args = [word];
  (command as unknown as { unknownCommand: () => void }).unknownCommand();
}
