/** The original playbook of a run. */
import { hostname } from 'node:os';
import { Problem } from '../../../core/errors.ts';
import { readHistory } from '../../../playbook/journal/history.ts';
import { digestPlaybook } from '../../../playbook/source/digest.ts';
import type { CliContext } from '../../cli/context.ts';
import { type KnownPlaybook, loadWithNodes, readPlaybook } from '../../../library/runs/find-playbook.ts';
import type { JournalLookup } from '../../runs/fleet/fetch-run.ts';
import type { FoundRun } from '../../runs/fleet/find-run.ts';
import { readTexts } from '../../../library/runs/fleet/texts.ts';
import { isScript } from '../../scripts/names.ts';
import type { ResumeOptions, Started } from './options.ts';
import { readTargetOptions } from '../../cli/target-options.ts';

interface Look extends JournalLookup {
  readonly options: ResumeOptions;
  readonly context: CliContext;
}

/**
 * From its file or as it is shipped; for a run from elsewhere also from its journal, where it is compiled again. Its
 * content must be the same.
 * @throws Problem `playbook-changed`, or as loadWithNodes
 */
export async function findSame(found: FoundRun, started: Started, look: Look): Promise<KnownPlaybook> {
  const { origin, file, digest } = started;
  const name = look.options.playbook ?? origin ?? file;
  const isElsewhere = found.isElsewhere || startedElsewhere(found);
  const isSame = ({ playbook }: KnownPlaybook) => digestPlaybook(playbook) === digest;
  let problem: Problem | undefined;
  try {
    const known = await load(name, found, started, look);
    if (isSame(known)) return known;
  } catch (error) {
    if (!(error instanceof Problem) || !isElsewhere) throw error;
    problem = error;
  }
  const texts = found.entries.findLast((entry) => entry.type === 'playbook')?.tree;
  if (isElsewhere && look.options.playbook === undefined && texts !== undefined) {
    const { session, catalogue, options } = look;
    const known = await loadWithNodes(await readTexts(texts), session, catalogue, readTargetOptions(options));
    if (isSame(known)) return known;
  }
  if (problem !== undefined) {
    throw new Problem(problem.code, problem.message, 'name the playbook of the run with --playbook FILE', {
      cause: problem,
    });
  }
  const hint = 'restore the old one, or start a new run: it does not repeat what is done';
  throw new Problem('playbook-changed', `${name} has changed since the run started`, hint);
}

/** Whether its files are on another host. */
function startedElsewhere({ entries }: FoundRun): boolean {
  const first = entries.find((entry) => entry.type === 'process');
  return first !== undefined && first.host !== hostname();
}

async function load(
  name: string,
  { entries }: FoundRun,
  { inputs }: Started,
  { session, catalogue, options, context }: Look,
): Promise<KnownPlaybook> {
  if (!isScript(name))
    return await loadWithNodes(await readPlaybook(name), session, catalogue, readTargetOptions(options));
  const { loadForResume } = await import('../../scripts/resume-script.ts');
  const before = readHistory(entries).setsOf('');
  return await loadForResume({ name, inputs, options, before }, session, catalogue, context);
}
