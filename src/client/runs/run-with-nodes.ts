import type { Ddl } from '../../core/ddl/ddl.ts';
import type { JsonObject } from '../../core/json.ts';
import type { RunEvent } from '../../playbook/events/events.ts';
import { type Detail, formatEvent } from '../../playbook/events/format.ts';
import { formatJsonEvent } from '../../playbook/events/json.ts';
import type { PlaybookTexts } from '../../playbook/journal/entries.ts';
import type { Playbook } from '../../playbook/model.ts';
import type { RunOptions } from '../../playbook/run/start-context.ts';
import type { CommonOptions } from '../cli/common-options.ts';
import type { CliContext } from '../cli/context.ts';
import { readTargetOptions } from '../cli/target-options.ts';
import { startLive } from '../render/live/live.ts';
import { startLiveRun } from '../render/live/live-run.ts';
import { exitForRun } from '../cli/exit/run-exit-code.ts';
import type { Session } from '../fleet/session.ts';
import { paintFor } from '../render/color.ts';
import { namesNext, paintRun } from '../render/run/run-colors.ts';
import { startRunTable } from '../render/run/run-table.ts';
import type { JournalMode, StoredHistory } from '../../library/runs/fleet/journaling.ts';
import type { Journal } from '../../library/runs/journal.ts';
import { type FleetRun, runOverNodes } from '../../library/runs/run-over-nodes.ts';
import { sessionFor } from './prompts.ts';
import { startWatchers, type WatchOptions } from './watchers/start.ts';

/** The common parts of commands that run a playbook. */
export interface RunPlaybookOptions extends CommonOptions, WatchOptions {
  readonly allowMissing?: boolean;
  /** False: other runs are not excluded. */
  readonly lock?: boolean;
  /** Seconds. */
  readonly lockWait?: number;
  /** Where the journal is stored besides this host; as configured if omitted. */
  readonly journal?: JournalMode;
  /** Answers every question with yes. */
  readonly yes?: boolean;
  /** Notify when the run starts, too. */
  readonly notifyStart?: boolean;
  readonly verbose?: boolean;
}

export interface PlaybookRun {
  readonly playbook: Playbook;
  readonly inputs: JsonObject;
  readonly runId: string;
  /** It is closed at the end. */
  readonly journal: Journal;
  readonly options: RunPlaybookOptions;
  readonly settings: Pick<RunOptions, 'dryRun' | 'origin' | 'resumed' | 'startedBy' | 'command'>;
  /** The playbook's text, for an operator who resumes it elsewhere; omitted if it may not be recorded. */
  readonly texts?: PlaybookTexts | undefined;
  /** The journal of a resumed run on nodes. */
  readonly history?: StoredHistory;
  readonly onHeld?: FleetRun['onHeld'];
}

/**
 * Runs a checked playbook over real nodes, with its journal and its lease; prints its events. @returns the exit code
 */
export async function runWithNodes(
  { playbook, inputs, runId, journal, options, settings, texts, history, onHeld }: PlaybookRun,
  session: Session,
  { catalogue, context }: { catalogue: readonly Ddl[]; context: CliContext },
): Promise<number> {
  const json = options.json === true;
  // A run ignores `readerGone` on purpose: one that stopped halfway because somebody quit “less” would leave servers out of traffic.
  // It continues without its output; the journal has everything.
  if (settings.dryRun !== true) context.keepExitCode?.();
  const printStopping = () => context.err('stopping after the current batch (Ctrl-C again stops at once)');
  context.signal.addEventListener('abort', printStopping, { once: true });
  const watcher = await startWatchers(runId, options, context).catch(async (error: unknown) => {
    await journal.close();
    throw error;
  });
  try {
    const live = startLive(context);
    const shown = startLiveRun(live);
    const print = eventPrinter({ playbook, runId }, context, json, detailOf(options, settings));
    const { allowMissing, notifyStart, lock, lockWait = 0 } = options;
    const run = {
      ...{ playbook, inputs, runId, journal, texts, history, onHeld, journalMode: options.journal },
      targets: readTargetOptions(options),
      lockWait: lock === false ? undefined : lockWait * 1000,
      settings: {
        ...settings,
        allowMissing: allowMissing === true,
        notifyStart: notifyStart === true,
        command: settings.command ?? context.command,
      },
    };
    const { report, seen, stored } = await runOverNodes(run, session, catalogue, {
      emit: (event) => {
        shown.see(event);
        print(event);
        watcher.see(event);
      },
      onProgress: shown.onProgress,
      warn: context.err,
      asking: (notes) => sessionFor(playbook, options, context, live, notes),
      signal: context.signal,
      kill: context.kill,
    });
    if (options.verbose === true) for (const line of [`journal: ${journal.file}`, stored]) context.err(line);
    return exitForRun(report, seen);
  } finally {
    context.signal.removeEventListener('abort', printStopping);
    await watcher.end();
    await journal.close();
  }
}

function eventPrinter(
  { playbook: { format }, runId }: Pick<PlaybookRun, 'playbook' | 'runId'>,
  context: CliContext,
  json: boolean,
  detail: Detail,
): (event: RunEvent) => void {
  const { out } = context;
  const paint = paintFor(context);
  if (json) {
    let sequence = 0;
    return (event) => out(formatJsonEvent(event, { time: Date.now(), sequence: ++sequence, runId }));
  }
  const table = startRunTable();
  return (event) => {
    table.see(event);
    const inTable = format === undefined && event.type === 'run-finished' && detail === 'full';
    if (inTable) for (const line of table.lines(event.report)) out(line);
    const lines = format?.(event, detail) ?? { out: formatEvent(event, detail), err: [] };
    for (const stream of ['err', 'out'] as const) {
      const painted = paintRun(event, lines[stream], paint);
      // The run still releases its lease after that.
      const next = namesNext(event, lines[stream].at(-1)) ? painted.pop() : undefined;
      for (const line of painted) context[stream](line);
      if (next !== undefined) context.last(next, stream);
    }
  };
}

function detailOf({ verbose }: RunPlaybookOptions, { dryRun }: PlaybookRun['settings']): Detail {
  if (verbose === true) return 'full';
  return dryRun === true ? 'difference' : 'short';
}
