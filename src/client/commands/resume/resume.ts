import type { Ddl } from '../../../core/ddl/ddl.ts';
import { Problem } from '../../../core/errors.ts';
import { bindAllInputs } from '../../../playbook/inputs/input-sources.ts';
import type { JournalEntry } from '../../../playbook/journal/entries.ts';
import { readHistory, resumeFrom } from '../../../playbook/journal/history.ts';
import type { Playbook } from '../../../playbook/model.ts';
import { shellWord } from '../../cli/shell-word.ts';
import type { CliContext } from '../../cli/context.ts';
import { openSession } from '../../fleet/session.ts';
import type { JournalLookup } from '../../runs/fleet/fetch-run.ts';
import { adoptRun, findRunAnywhere } from '../../runs/fleet/find-run.ts';
import { openJournal } from '../../../library/runs/journal.ts';
import { refuseQuestions } from '../../runs/prompts.ts';
import { readJournal } from '../../runs/read-journal.ts';
import { runWithNodes } from '../../runs/run-with-nodes.ts';
import { refuseRunning } from './refuse-running.ts';
import { refuseSuperseded } from './refuse-superseded.ts';
import type { ResumeOptions, Started } from './options.ts';
import { findSame } from './same-playbook.ts';
import { agreeToTakeOver, requireAuthors } from './take-over.ts';

export interface ResumeRequest {
  /** Its id, or the beginning of it. */
  readonly run: string;
  /** Inputs that are not in the journal. */
  readonly secrets: Readonly<Record<string, unknown>>;
  readonly options: ResumeOptions;
}

/**
 * Continues a run that any operator started, on any host, without repeating known work.
 * @param open the session in which the run continues; it is closed at the end
 */
export async function resumeRun(
  { run, secrets, options }: ResumeRequest,
  catalogue: readonly Ddl[],
  context: CliContext,
  open = openSession,
): Promise<number> {
  const session = await open(options, context);
  try {
    const { stateDirectory, inputs: defaults } = session.config;
    const force = options.force === true;
    const lookup = { session, catalogue, options, context };
    const self = session.caller.credentials.identity.name;
    const { found, started } = await findAlone(run, lookup, self, force);
    const { run: runId, entries } = found;
    const history = readHistory(entries);
    const { playbook, agents } = await findSame(found, started, lookup);
    requireSecretsOnly(secrets, playbook, started);
    refuseQuestions(playbook, options, context);
    const values = { ...started.inputs, ...secrets };
    const inputs = await bindAllInputs(playbook, values, { env: context.env, defaults: secretsOf(playbook, defaults) });
    // It may ask, so it comes after what is refused without a question.
    const agreed = await refuseSuperseded(found, options, lookup);
    await agreeToTakeOver(found, started, self, options, context);
    await adoptRun(stateDirectory, found);
    const journal = await openJournal(stateDirectory, runId, true);
    try {
      // Of two that resume it at the same moment, the first to record it continues.
      const now = (await readJournal(stateDirectory, runId, () => {})) ?? [];
      await refuseRunning({ ...found, entries: now, stored: undefined }, lookup, { force: true, isSettled: true });
    } catch (error) {
      await journal.close();
      throw error;
    }
    const resumedFrom = { resumed: resumeFrom(history), startedBy: started.operator };
    const settings = { dryRun: false, ...resumedFrom, command: commandFor(started, options) };
    const onHeld = async () => {
      // The run that it waited for may have changed the hosts.
      if (options.lockWait !== undefined) await refuseSuperseded(found, { ...options, yes: true }, lookup, agreed);
    };
    const resumed = { playbook, inputs, runId, journal, options, settings, history: found.history, onHeld };
    return await runWithNodes(resumed, session, { catalogue: agents, context });
  } finally {
    await session.close();
  }
}

/** The run, once nobody runs it any more, with the entries that were written during that wait. */
async function findAlone(run: string, lookup: JournalLookup, self: string, force: boolean) {
  for (;;) {
    const found = await findRunAnywhere(run, lookup, { lenient: force });
    const started = requireUnfinished(found.entries, found.run);
    requireAuthors(found, started, self, force);
    if (!(await refuseRunning(found, lookup, { force }))) return { found, started };
  }
}

/** @throws Problem `run-ended`, `no-run` */
function requireUnfinished(entries: readonly JournalEntry[], runId: string): Started {
  const started = entries.find((entry) => entry.type === 'run-started');
  if (started === undefined) throw new Problem('no-run', `the run ${runId} never started: there is nothing to resume`);
  const ended = entries.findLast((entry) => entry.type === 'run-finished');
  if (ended?.state === 'done' || ended?.state === 'nothing-to-do') {
    throw new Problem('run-ended', `the run ${runId} ended well: there is nothing left to do`);
  }
  if (started.dryRun) throw new Problem('run-ended', `the run ${runId} was a dry run: there is nothing to resume`);
  return started;
}

/** Starts the playbook once more, as a new run; its sensitive inputs are not recorded. */
function commandFor({ origin, file, inputs }: Started, { playbook = origin ?? file }: ResumeOptions): string {
  const given = Object.entries(inputs).filter(([, value]) => value !== null);
  const words = given.map(([name, value]) => `${name}=${typeof value === 'object' ? [value].flat().join(',') : value}`);
  return ['mco-deploy', 'run', playbook, ...words].map(shellWord).join(' ');
}

/** @throws Problem `usage`: the other inputs of a run cannot change */
function requireSecretsOnly(
  secrets: ResumeRequest['secrets'],
  { inputs }: Playbook,
  { inputs: before }: Started,
): void {
  const other = Object.keys(secrets).find((name) => inputs[name]?.sensitive !== true);
  if (other === undefined) return;
  const was = Object.hasOwn(before, other) ? `: it started with ${other}=${String(before[other])}` : '';
  throw new Problem('usage', `a run keeps the inputs that it started with${was}`, 'start another run instead');
}

/** The current configuration must not replace an input of the run. */
function secretsOf({ inputs }: Playbook, defaults: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(defaults).filter(([name]) => inputs[name]?.sensitive === true));
}
