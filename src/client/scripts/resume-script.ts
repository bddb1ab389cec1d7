import type { Ddl } from '../../core/ddl/ddl.ts';
import type { CliContext } from '../cli/context.ts';
import type { Session } from '../fleet/session.ts';
import type { KnownPlaybook } from '../../library/runs/find-playbook.ts';
import { loadWithFleet, type ScriptOptions } from './load-script.ts';
import { findScript } from './read-script.ts';

type ResumeScriptOptions = Omit<ScriptOptions, 'script'> & {
  /** The reference to the script. */
  readonly name: string;
};

/** Evaluates a script again, for the nodes of its run. @throws Problem as loadWithFleet */
export async function loadForResume(
  { name, ...options }: ResumeScriptOptions,
  session: Session,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<KnownPlaybook> {
  const { script } = await findScript(name, catalogue);
  return await loadWithFleet({ script, ...options }, session, catalogue, context);
}
