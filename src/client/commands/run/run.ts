import { resolve } from 'node:path';
import { shippedPlaybooks } from '#playbooks';
import { newId } from '../../../core/request/seal.ts';
import type { Ddl } from '../../../core/ddl/ddl.ts';
import { bindAllInputs } from '../../../playbook/inputs/input-sources.ts';
import { compilePlaybook } from '../../../playbook/compile/load.ts';
import { refuseQuestions } from '../../runs/prompts.ts';
import { type RunPlaybookOptions, runWithNodes } from '../../runs/run-playbook.ts';
import type { CliContext } from '../../cli/context.ts';
import { loadWithNodes, readPlaybook, unknownAgents } from '../../runs/find-playbook.ts';
import { textsOf } from '../../runs/fleet/texts.ts';
import { openJournal } from '../../runs/journal.ts';
import { openSession } from '../../fleet/session.ts';

interface RunCommandOptions extends RunPlaybookOptions {
  readonly dryRun?: boolean;
}

export interface RunRequest {
  /** A file, or the name of a shipped playbook. */
  readonly playbook: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly options: RunCommandOptions;
}

/** Runs a playbook: all of it and of its inputs is checked first; every step is told as it ends. */
export async function runNamedPlaybook(
  request: RunRequest,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<number> {
  const { options } = request;
  const tree = await readPlaybook(request.playbook);
  // What can be refused without asking anybody is.
  if (unknownAgents(tree, catalogue).length === 0) compilePlaybook(tree, catalogue);
  const session = await openSession(options, context);
  try {
    const { playbook, agents } = await loadWithNodes(tree, session, catalogue, options);
    const inputs = await bindAllInputs(playbook, request.inputs, { env: context.env, defaults: session.config.inputs });
    const dryRun = options.dryRun === true;
    if (!dryRun) refuseQuestions(playbook, options, context);
    const runId = newId();
    const journal = await openJournal(session.config.stateDirectory, runId);
    const origin = Object.hasOwn(shippedPlaybooks, request.playbook) ? request.playbook : resolve(request.playbook);
    const settings = { dryRun, origin };
    const order = { playbook, inputs, runId, journal, options, settings, texts: textsOf(tree, playbook, inputs) };
    return await runWithNodes(order, session, { catalogue: agents, context });
  } finally {
    await session.close();
  }
}
