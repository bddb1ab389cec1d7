import type { Ddl } from '../../../core/ddl/ddl.ts';
import { Problem } from '../../../core/errors.ts';
import { digestPlaybook } from '../../../playbook/source/digest.ts';
import { bindAllInputs } from '../../../playbook/inputs/input-sources.ts';
import type { JournalEntry } from '../../../playbook/journal/entries.ts';
import { readHistory, resumeFrom } from '../../../playbook/journal/history.ts';
import type { Playbook } from '../../../playbook/model.ts';
import { refuseQuestions } from '../../runs/prompts.ts';
import { type RunPlaybookOptions, runWithNodes } from '../../runs/run-playbook.ts';
import type { CliContext } from '../../cli/context.ts';
import { type KnownPlaybook, loadWithNodes, readPlaybook } from '../../runs/find-playbook.ts';
import { openJournal } from '../../runs/journal.ts';
import { findRun, readJournal } from '../../runs/read-journal.ts';
import { isRunning, markProcess } from '../../../core/files/process-mark.ts';
import { openSession } from '../../fleet/session.ts';
import { isScript } from '../../scripts/names.ts';

export interface ResumeRequest {
  /** Its id, or the beginning of it. */
  readonly run: string;
  /** Inputs that the journal does not hold. */
  readonly secrets: Readonly<Record<string, unknown>>;
  readonly options: RunPlaybookOptions & { readonly force?: boolean };
}

type Started = Extract<JournalEntry, { type: 'run-started' }>;

/** Goes on where a run stood: what is known to be done is not done again. */
export async function resumeRun(
  { run, secrets, options }: ResumeRequest,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<number> {
  const session = await openSession(options, context);
  try {
    const { stateDirectory, inputs: defaults } = session.config;
    const runId = await findRun(stateDirectory, run);
    const entries = (await readJournal(stateDirectory, runId, context.err)) ?? [];
    const started = requireUnfinished(entries, runId);
    requireSameOperator(started, session.caller.credentials.identity.name);
    await requireAlone(entries, options.force === true);
    const history = readHistory(entries);
    const load = async (name: string) => {
      if (!isScript(name)) return await loadWithNodes(await readPlaybook(name), session, catalogue, options);
      const { loadForResume } = await import('../../scripts/resume-script.ts');
      const before = history.setsOf('');
      return await loadForResume({ name, inputs: started.inputs, options, before }, session, catalogue, context);
    };
    const { playbook, agents } = await findSame(started, load);
    requireSecretsOnly(secrets, playbook, started);
    refuseQuestions(playbook, options, context);
    const given = { ...started.inputs, ...secrets };
    const inputs = await bindAllInputs(playbook, given, { env: context.env, defaults: secretsOf(playbook, defaults) });
    const journal = await openJournal(stateDirectory, runId, true);
    try {
      // Of two that go on with it at the same moment, the first to say so does.
      await requireAlone((await readJournal(stateDirectory, runId, () => {})) ?? [], options.force === true);
    } catch (error) {
      await journal.close();
      throw error;
    }
    const settings = { dryRun: false, resumed: resumeFrom(history) };
    const order = { playbook, inputs, runId, journal, options, settings };
    return await runWithNodes(order, session, { catalogue: agents, context });
  } finally {
    await session.close();
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

/** Nodes keep the lease and the outcomes of a run for who began it. @throws Problem `other-operator` */
function requireSameOperator({ operator }: Started, self: string): void {
  if (operator === self) return;
  throw new Problem('other-operator', `the run was begun by ${operator}, and this is ${self}`);
}

/** @throws Problem `run-in-progress` */
async function requireAlone(entries: readonly JournalEntry[], force: boolean): Promise<void> {
  const { pid, start } = await markProcess();
  for (const entry of entries) {
    if (entry.type !== 'process') continue;
    if (entry.pid === pid && entry.start === start) return;
    const running = await isRunning(entry);
    if (running === 'no' || (running === 'unknown' && force)) continue;
    const what = `process ${entry.pid} on ${entry.host}`;
    if (running === 'yes') {
      throw new Problem('run-in-progress', `${what} is still running this run`, 'wait for it, or stop it');
    }
    const hint = 'if it no longer runs, add --force';
    throw new Problem('run-in-progress', `${what} may still be running this run: this host cannot check it`, hint);
  }
}

/** @throws Problem `playbook-changed`, or as loadWithNodes */
async function findSame(
  { origin, file, digest }: Started,
  load: (name: string) => Promise<KnownPlaybook>,
): Promise<KnownPlaybook> {
  const found = await load(origin ?? file);
  if (digestPlaybook(found.playbook) === digest) return found;
  const hint = 'restore the old one, or start a new run: it does not repeat what is done';
  throw new Problem('playbook-changed', `${origin ?? file} has changed since the run started`, hint);
}

/** @throws Problem `usage`: the other inputs of a run stay what they were */
function requireSecretsOnly(given: ResumeRequest['secrets'], { inputs }: Playbook, { inputs: before }: Started): void {
  const other = Object.keys(given).find((name) => inputs[name]?.sensitive !== true);
  if (other === undefined) return;
  const was = Object.hasOwn(before, other) ? `: it was begun with ${other}=${String(before[other])}` : '';
  throw new Problem('usage', `a run keeps the inputs that it started with${was}`, 'start another run instead');
}

/** What is configured now must not take the place of what an input was. */
function secretsOf({ inputs }: Playbook, defaults: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(defaults).filter(([name]) => inputs[name]?.sensitive === true));
}
