import { hostname } from 'node:os';
import type { Ddl } from '../../core/ddl/ddl.ts';
import type { JsonObject } from '../../core/json.ts';
import type { RunEvent, RunReport } from '../../playbook/events/events.ts';
import type { JournalEntry, PlaybookTexts } from '../../playbook/journal/entries.ts';
import type { Playbook } from '../../playbook/model.ts';
import type { PlaybookPorts } from '../../playbook/ports.ts';
import { runPlaybook } from '../../playbook/run/run-playbook.ts';
import type { RunOptions } from '../../playbook/run/start-context.ts';
import type { Session } from '../fleet/session.ts';
import type { TargetOptions } from '../fleet/targets.ts';
import { type JournalMode, type StoredHistory, startJournaling } from './fleet/journaling.ts';
import type { Journal } from './journal.ts';
import type { Locking } from './port-parts.ts';
import { playbookPorts, type RunSeen } from './ports.ts';

/** A checked playbook to be run over the nodes of a session. */
export interface FleetRun {
  readonly playbook: Playbook;
  readonly inputs: JsonObject;
  readonly runId: string;
  /** It stays open afterwards. */
  readonly journal: Journal;
  /** Where the journal is stored besides this host; as configured if omitted. */
  readonly journalMode?: JournalMode | undefined;
  /** The text of the playbook, for an operator who resumes it elsewhere; omitted if it may not be recorded. */
  readonly texts?: PlaybookTexts | undefined;
  /** The journal of a resumed run on nodes. */
  readonly history?: StoredHistory | undefined;
  /** How nodes are found. */
  readonly targets: TargetOptions;
  /** Milliseconds to wait for another run to end; undefined: no lease is taken. */
  readonly lockWait: number | undefined;
  readonly onHeld?: Locking['onHeld'];
  readonly settings: Pick<
    RunOptions,
    'dryRun' | 'origin' | 'resumed' | 'startedBy' | 'allowMissing' | 'notifyStart' | 'command'
  >;
}

/** The observers of a run, and the person to ask. */
export interface RunWatchers {
  readonly emit: (event: RunEvent) => void;
  /** Called with the progress that a node reports of a running call. */
  readonly onProgress: (step: string, node: string, message: string) => void;
  readonly warn: (line: string) => void;
  /** How a person is asked. @param notes further lines about the run */
  readonly asking: (notes: () => Promise<readonly string[]>) => Pick<PlaybookPorts, 'agree' | 'confirm'>;
  /** When aborted, the current batch is finished and nothing further is begun. */
  readonly signal: AbortSignal;
  /** When aborted, running calls are cancelled, too. */
  readonly kill: AbortSignal;
}

/** How a run ended. */
export interface RunEnd {
  readonly report: RunReport;
  readonly seen: RunSeen;
  /** Where its journal is stored besides this host, in words. */
  readonly stored: string;
}

/** Runs a playbook over real nodes, with its journal and its lease. @throws Problem when it cannot begin */
export async function runOverNodes(
  { playbook, inputs, runId, journal, journalMode, texts, history, targets, lockWait, onHeld, settings }: FleetRun,
  session: Session,
  catalogue: readonly Ddl[],
  { emit, onProgress, warn, asking, signal, kill }: RunWatchers,
): Promise<RunEnd> {
  const lost = new AbortController();
  const write = async (entry: object) => {
    stored.note(entry as JournalEntry);
    await journal.write(entry);
  };
  const stored = startJournaling({
    runId,
    mode: settings.dryRun === true ? 'local' : (journalMode ?? session.config.journal),
    history,
    texts,
    credentials: () => session.caller.credentials,
    warn,
    write,
  });
  stored.note(journal.opened);
  const from = `${hostname()} process ${process.pid}`;
  const onLost = (why: unknown) => lost.abort(why);
  const ports = playbookPorts({
    session,
    catalogue,
    targets,
    journal: { write, stored },
    emit,
    onProgress,
    asking: asking(async () => [await stored.describe()]),
    env: session.environment.env,
    warn,
    ...(lockWait === undefined ? {} : { locking: { wait: lockWait, from, signal, report: warn, onLost, onHeld } }),
  });
  const report = await runPlaybook(playbook, inputs, ports, {
    ...settings,
    runId,
    signal: AbortSignal.any([signal, lost.signal]),
    kill,
  }).finally(() => orKilled(ports.release, kill));
  const leaseLost = lost.signal.aborted && !signal.aborted;
  return { report, seen: { ...ports.seen(), leaseLost }, stored: await stored.describe() };
}

/** A run that ends at once skips what can be skipped: a lease that is not released ends by itself. */
async function orKilled(work: () => Promise<unknown>, kill: AbortSignal): Promise<void> {
  if (kill.aborted) return;
  await Promise.race([work(), new Promise((resolve) => kill.addEventListener('abort', resolve, { once: true }))]);
}
