import type { Command } from 'commander';
import { pathOf } from './command-path.ts';
import { filtersFromArguments } from './filters-from-arguments.ts';
import { typedWords } from './typed-words.ts';
import { usageMessage } from './usage-message.ts';

/** What is wrong with a command line. */
export interface Misuse {
  readonly message: string;
  /** What was probably meant; may be empty. */
  readonly hint: string;
}

/** @param text what commander reports */
export function misuseOf(text: string, command: Command): Misuse {
  const words = typedWords(command);
  const dash = otherDash(words.flatMap((word) => (word.kind === 'argument' ? [word.text] : [])));
  if (dash !== undefined) return dash;
  const flag = words.find(({ kind, text }) => kind === 'option' && isLong(`-${text.replace(/=.*/s, '')}`, command));
  // `-json` is `-j -s -o -n` to commander, and a person never typed “-s”.
  if (flag !== undefined) return { message: `there is no option ${flag.text}`, hint: `did you mean -${flag.text}?` };
  const extra = command.args.slice(command.registeredArguments.length);
  if (!text.startsWith('error: too many arguments') || extra.length === 0) return usageMessage(text);
  const given = extra.map((word) => (word === '' ? '“”' : word)).join(', ');
  return { message: `“${pathOf(command)}” has too many arguments: ${given}`, hint: filtersFromArguments(command) };
}

/**
 * `–json`, as a chat or a word processor writes `--json`: no option begins so, and neither does any argument.
 * @param given the arguments
 */
export function otherDash(given: readonly string[]): Misuse | undefined {
  const word = given.find((one) => /^-?[‐-―−﹘﹣－]/.test(one));
  if (word === undefined) return undefined;
  const name = word.replace(/^[-‐-―−﹘﹣－]+/, '');
  return {
    message: `“${word}” begins with another dash than “-”`,
    hint: name === '' ? '' : `write ${name.length === 1 ? '-' : '--'}${name}`,
  };
}

function isLong(flag: string, command: Command): boolean {
  return flag === '--help' || command.options.some(({ long }) => long === flag);
}
