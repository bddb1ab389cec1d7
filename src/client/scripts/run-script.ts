/** `orchestrate`, and `run` of a script. */
import { newId } from '../../core/request/request.ts';
import type { Ddl } from '../../core/ddl/ddl.ts';
import { Problem } from '../../core/errors.ts';
import { bindInputs } from '../../playbook/inputs/inputs.ts';
import type { Script } from '../../puppet/script.ts';
import type { CliContext } from '../cli/context.ts';
import { openSession } from '../fleet/session.ts';
import { openJournal } from '../../library/runs/journal.ts';
import { refuseQuestions } from '../runs/prompts.ts';
import { type RunPlaybookOptions, runWithNodes } from '../runs/run-with-nodes.ts';
import { loadWithFleet } from './load-script.ts';
import { findScript } from './read-script.ts';
import { rememberFinds } from './remember-finds.ts';

export interface ScriptRequest {
  readonly script: string;
  readonly inputs: Readonly<Record<string, string>>;
  readonly options: RunPlaybookOptions & { readonly dryRun?: boolean; readonly debug?: boolean };
  /** The typed command, for the hint with the right form. */
  readonly command: string;
}

/**
 * Runs a script: it is checked completely, and its declarations are known, before the first call. @returns the exit
 * code
 */
export async function runScript(
  request: ScriptRequest,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<number> {
  const { options } = request;
  const { script, origin } = await findScript(request.script, catalogue);
  refuseUnread(script, request.inputs);
  const session = rememberFinds(await openSession(options, context));
  try {
    const inputs = bindInputs(script, request.inputs, session.config.inputs);
    const { playbook, agents } = await withUsage(script, inputs, request.command, () =>
      loadWithFleet({ script, inputs, options }, session, catalogue, context),
    );
    const dryRun = options.dryRun === true;
    if (!dryRun) refuseQuestions(playbook, options, context);
    const runId = newId();
    const journal = await openJournal(session.config.stateDirectory, runId);
    const run = { playbook, inputs, runId, journal, options, settings: { dryRun, origin } };
    return await runWithNodes(run, session, { catalogue: agents, context });
  } finally {
    await session.close();
  }
}

/** @throws Problem `bad-input`, with the nearest name */
function refuseUnread(script: Script, values: Readonly<Record<string, string>>): void {
  bindInputs(script, values);
}

/** If the script itself reports a missing input, all its inputs are shown. */
async function withUsage<T>(
  { inputs: declared }: Script,
  inputs: Readonly<Record<string, unknown>>,
  command: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const missing = Object.keys(declared).some((name) => (inputs[name] ?? null) === null);
    if (!(error instanceof Problem) || error.code !== 'script-failed' || !missing) throw error;
    const words = Object.keys(declared).map((name) => `${name}=${String(inputs[name] ?? name.toUpperCase())}`);
    throw new Problem(error.code, `${error.message}\nmco-deploy ${command} ${words.join(' ')}`, '', { cause: error });
  }
}
