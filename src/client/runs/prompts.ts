/** How a person is asked: before a run with its plan, and in it if a step needs a yes. */
import type { WriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { isatty } from 'node:tty';
import { defineMutex } from '../../core/waiting/concurrency.ts';
import { Problem } from '../../core/errors.ts';
import { printable } from '../../core/text.ts';
import type { Playbook } from '../../playbook/model.ts';
import type { PlaybookPorts } from '../../playbook/ports.ts';
import { formatPlan } from '../../playbook/run/plan/plan.ts';
import { everyStep } from '../../playbook/source/walking.ts';
import type { CliContext } from '../cli/context.ts';
import type { LiveView } from '../render/live/live.ts';

export interface PromptOptions {
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** A job without a terminal has agreed by its command; a step that asks needs more than that. */
export function sessionFor(
  { name, description }: Playbook,
  { yes, json }: PromptOptions,
  context: CliContext,
  live: LiveView,
  notes: () => Promise<readonly string[]>,
): Pick<PlaybookPorts, 'agree' | 'confirm'> {
  if (yes === true) return { confirm: async () => true };
  if (!isOnTerminal(context)) return {};
  // Concurrent branches ask one after the other.
  const mutex = defineMutex();
  const confirm = (question: string, signal: AbortSignal) =>
    mutex(() => live.aside(() => askPerson(question, signal, context)));
  if (json === true) return { confirm };
  return {
    confirm,
    agree: async (plan) => {
      const lines = [`${name}: ${description}`, ...formatPlan(plan), ...(await notes())].map(printable);
      return await live.aside(() => showToPerson(lines, context)).then(() => confirm('Continue?', context.signal));
    },
  };
}

/** @throws Problem `no-terminal` if a step will ask and nobody can answer: better now than in the middle */
export function refuseQuestions(playbook: Playbook, { yes }: PromptOptions, context: CliContext): void {
  if (yes === true || isOnTerminal(context) || !asks(playbook)) return;
  const message = `${playbook.name} asks a question while it runs, and there is no terminal`;
  throw new Problem('no-terminal', message, 'run it on a terminal, or with --yes');
}

function asks(playbook: Playbook): boolean {
  const steps = [...everyStep(playbook)];
  return steps.some(({ kind, body }) => kind === 'confirm' || (body.used !== undefined && asks(body.used)));
}

/** The destination of the output does not matter: a person who types can be asked. */
export function isOnTerminal({ stdin }: CliContext): boolean {
  return stdin.isTTY === true;
}

async function showToPerson(lines: readonly string[], { err }: CliContext): Promise<void> {
  const own = await openOwnTerminal();
  if (own === undefined) for (const line of lines) err(line);
  else own.end(`${lines.join('\n')}\n`);
}

/** The terminal itself, if standard error goes elsewhere (`2>&1 | tee log`). */
async function openOwnTerminal(): Promise<WriteStream | undefined> {
  if (isatty(2)) return undefined;
  const handle = await open('/dev/tty', 'w').catch(() => undefined);
  return handle?.createWriteStream().on('error', () => {});
}

export async function askPerson(question: string, signal: AbortSignal, { stdin }: CliContext): Promise<boolean> {
  if (signal.aborted) return false;
  const own = await openOwnTerminal();
  const terminal = createInterface({ input: stdin, output: own ?? process.stderr });
  // While it reads, the terminal passes a Ctrl-C to it instead of to the program.
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  // Text from nodes may be part of the question: it must not move the cursor, nor begin a new line.
  const shown = printable(question.replaceAll(/\s+/g, ' '));
  try {
    return /^y(es)?$/i.test((await terminal.question(`${shown} [y/N] `, { signal })).trim());
  } catch {
    return false;
  } finally {
    terminal.close();
    own?.end();
  }
}
