import { newId } from '../../../core/request/request.ts';
import type { Ddl } from '../../../core/ddl/ddl.ts';
import { compilePlaybook } from '../../../playbook/compile/load.ts';
import { refuseQuestions } from '../../runs/prompts.ts';
import { type RunPlaybookOptions, runWithNodes } from '../../runs/run-with-nodes.ts';
import type { CliContext } from '../../cli/context.ts';
import { readPlaybook, unknownAgents } from '../../../library/runs/find-playbook.ts';
import { loadNamedPlaybook } from '../../../library/runs/named-playbook.ts';
import { openJournal } from '../../../library/runs/journal.ts';
import { openSession } from '../../fleet/session.ts';
import { readTargetOptions } from '../../cli/target-options.ts';

interface RunCommandOptions extends RunPlaybookOptions {
  readonly dryRun?: boolean;
}

export interface RunRequest {
  /** A file, or the name of a shipped playbook. */
  readonly playbook: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly options: RunCommandOptions;
}

/** Runs a playbook: checks it with its inputs first, and prints every step as it ends. */
export async function runNamedPlaybook(
  request: RunRequest,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<number> {
  const { options } = request;
  const tree = await readPlaybook(request.playbook);
  // Refuse everything possible before any node is asked.
  if (unknownAgents(tree, catalogue).length === 0) compilePlaybook(tree, catalogue);
  const session = await openSession(options, context);
  try {
    const { playbook, agents, inputs, texts, origin } = await loadNamedPlaybook(
      { name: request.playbook, tree, inputs: request.inputs },
      session,
      catalogue,
      readTargetOptions(options),
    );
    const dryRun = options.dryRun === true;
    if (!dryRun) refuseQuestions(playbook, options, context);
    const runId = newId();
    const journal = await openJournal(session.config.stateDirectory, runId);
    const settings = { dryRun, origin };
    const run = { playbook, inputs, runId, journal, options, settings, texts };
    return await runWithNodes(run, session, { catalogue: agents, context });
  } finally {
    await session.close();
  }
}
