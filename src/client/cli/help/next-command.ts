import type { Command } from 'commander';
import { isProblemCode } from '../../../core/problems/index.ts';
import { shellWord } from '../shell-word.ts';
import { pathOf } from './command-path.ts';

/** A failure, as a person reads it. */
interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** Failures that no other command line explains. */
const explained = new Set(['interrupted', 'internal']);

/**
 * The line below an error: the command to type next. Undefined where the error says itself what to do, and for the
 * daemon: its one line goes to a log.
 * @param words the command line without the program's name
 */
export function nextCommand(
  { code, message, hint }: Failure,
  words: readonly string[],
  program: Command | undefined,
): string | undefined {
  const [first, agent = '-'] = words;
  if (explained.has(code) || first === 'daemon' || /\bmco-deploy [a-z-]/.test(`${message} ${hint}`)) return undefined;
  if (code === 'unknown-agent') return 'to list the agents: mco-deploy doc';
  const isCall = code === 'usage' || code === 'invalid-input' || code === 'unknown-action';
  if (isCall && first === 'rpc' && !agent.startsWith('-'))
    return `to see what the agent takes: mco-deploy doc ${shellWord(agent)}`;
  if (hint !== '') return undefined;
  if (code === 'usage' && program !== undefined) {
    const path = pathOf(named(words, program));
    return `to list its options: ${['mco-deploy', path, '--help'].filter((word) => word !== '').join(' ')}`;
  }
  return isProblemCode(code) ? `to read what to do: mco-deploy explain ${code}` : undefined;
}

function named(words: readonly string[], program: Command): Command {
  let at = program;
  for (const word of words) {
    const child = at.commands.find((one) => one.name() === word || one.aliases().includes(word));
    if (child === undefined) break;
    at = child;
  }
  return at;
}
