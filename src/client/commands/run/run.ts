import { hostname } from 'node:os';
import { createInterface } from 'node:readline/promises';
import { shippedPlaybooks } from '#playbooks';
import { newId } from '../../../core/caller.ts';
import type { Ddl } from '../../../core/ddl.ts';
import { Problem } from '../../../core/errors.ts';
import { suggest } from '../../../core/text.ts';
import type { RunEvent } from '../../../playbook/events.ts';
import { bindInputs } from '../../../playbook/inputs.ts';
import { loadPlaybook } from '../../../playbook/load.ts';
import type { Playbook } from '../../../playbook/playbook.ts';
import { formatEvent, formatJsonEvent } from '../../../playbook/report.ts';
import { runPlaybook } from '../../../playbook/run.ts';
import type { CommonOptions } from '../../common-options.ts';
import { type CliContext, exitCode } from '../../context.ts';
import { openJournal } from '../../journal.ts';
import { type Locking, playbookPorts } from '../../playbook-ports.ts';
import { exitForRun } from '../../run-exit.ts';
import { openSession } from '../../session.ts';

interface RunOptions extends CommonOptions {
  readonly allowMissing?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  /** False: other runs are not kept away. */
  readonly lock?: boolean;
  /** Seconds. */
  readonly lockWait?: number;
}

export interface RunOrder {
  /** A file, or the name of a shipped playbook. */
  readonly playbook: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly options: RunOptions;
}

/** Runs a playbook: all of it and of its inputs is checked first; every step is told as it ends. */
export async function runNamedPlaybook(
  order: RunOrder,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<number> {
  const { options } = order;
  const playbook = await findPlaybook(order.playbook, catalogue);
  const session = await openSession(options, context);
  try {
    const inputs = bindInputs(playbook, order.inputs, session.config.inputs);
    const dryRun = options.dryRun === true;
    if (!dryRun && !(await agreed(playbook, options, context))) return exitCode.interrupted;
    const runId = newId();
    const journal = await openJournal(session.config.stateDirectory, runId);
    try {
      const events = startTelling(options.json === true, context);
      const lost = new AbortController();
      const locking = options.lock === false ? {} : { locking: lockingFor(options, context, () => lost.abort()) };
      const ports = playbookPorts({ session, catalogue, options, journal, emit: events.emit, ...locking });
      const settings = {
        runId,
        dryRun,
        signal: AbortSignal.any([context.signal, lost.signal]),
        kill: context.kill,
        allowMissing: options.allowMissing === true,
      };
      const report = await runPlaybook(playbook, inputs, ports, settings).finally(ports.release);
      if (options.json !== true && report.state !== 'done') context.err(`journal: ${journal.file}`);
      return exitForRun(report, ports.seen());
    } finally {
      await journal.close();
    }
  } finally {
    await session.close();
  }
}

function lockingFor({ lockWait = 0 }: RunOptions, { signal, err }: CliContext, onLost: () => void): Locking {
  const from = `${hostname()} process ${process.pid}`;
  return { wait: lockWait * 1000, from, signal, tell: err, onLost };
}

/** @throws Problem `usage`, or as loadPlaybook */
export async function findPlaybook(name: string, catalogue: readonly Ddl[]): Promise<Playbook> {
  const text = Object.hasOwn(shippedPlaybooks, name) ? shippedPlaybooks[name] : undefined;
  if (text !== undefined) return await loadPlaybook({ text, name: `${name}.yaml` }, catalogue);
  if (/[./]/.test(name)) return await loadPlaybook(name, catalogue);
  throw new Problem(
    'usage',
    `no playbook “${name}” is shipped`,
    `${suggest(name, Object.keys(shippedPlaybooks))} A file is named by its path`,
  );
}

/** On a terminal, a person is asked; a job that has none has said what it wants. */
async function agreed(
  { name, description }: Playbook,
  { yes, json }: RunOptions,
  context: CliContext,
): Promise<boolean> {
  if (yes === true || json === true || !context.isTerminal || context.stdin.isTTY !== true) return true;
  const terminal = createInterface({ input: context.stdin, output: process.stderr });
  try {
    const words = await terminal.question(`${name}: ${description}\nGo on? [y/N] `, { signal: context.signal });
    return /^y(es)?$/i.test(words.trim());
  } catch {
    return false;
  } finally {
    terminal.close();
  }
}

function startTelling(json: boolean, context: CliContext): { emit: (event: RunEvent) => void } {
  const lines = (event: RunEvent) => (json ? [formatJsonEvent(event)] : formatEvent(event));
  return {
    emit: (event) => {
      for (const line of lines(event)) context.out(line);
    },
  };
}
