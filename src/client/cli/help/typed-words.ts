import type { Command, Option } from 'commander';
import { pathOf } from './command-path.ts';

/** A word of a command line behind the name of its command: an option, the value of one, or an argument. */
export interface TypedWord {
  readonly kind: 'option' | 'value' | 'argument';
  readonly text: string;
  /** Whose value it is. */
  readonly option?: Option;
}

/** The words that were typed behind the name of a command. */
export function typedWords(command: Command): TypedWord[] {
  const line = programOf(command).args;
  const path = pathOf(command).split(' ');
  // The default of a group is not named: `locks -F a=b`.
  const other = path.findIndex((word, at) => line[at] !== word);
  const words: TypedWord[] = [];
  let option: Option | undefined;
  for (const text of line.slice(other < 0 ? path.length : other)) {
    if (option?.required) {
      words.push({ kind: 'value', text, option });
      option = undefined;
    } else if (text.startsWith('-')) {
      words.push({ kind: 'option', text });
      option = command.options.find(({ short, long }) => text === short || text === long);
    } else words.push({ kind: 'argument', text });
  }
  return words;
}

function programOf(command: Command): Command {
  return command.parent === null ? command : programOf(command.parent);
}
