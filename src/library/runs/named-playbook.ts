import { resolve } from 'node:path';
import { shippedPlaybooks } from '#playbooks';
import type { Ddl } from '../../core/ddl/ddl.ts';
import type { JsonObject } from '../../core/json.ts';
import { bindAllInputs } from '../../playbook/inputs/input-sources.ts';
import type { PlaybookTexts } from '../../playbook/journal/entries.ts';
import type { PlaybookTree } from '../../playbook/source/reading.ts';
import type { Session } from '../fleet/session.ts';
import type { TargetOptions } from '../fleet/targets.ts';
import { type KnownPlaybook, loadWithNodes } from './find-playbook.ts';
import { textsOf } from './fleet/texts.ts';

/** A named playbook, checked with its inputs, and the data that a run of it records. */
export interface NamedPlaybook extends KnownPlaybook {
  readonly inputs: JsonObject;
  readonly texts: PlaybookTexts | undefined;
  /** Its reference for the journal. */
  readonly origin: string;
}

/**
 * @param name a file, or the name of a shipped playbook
 * @throws Problem as {@link loadWithNodes}, `bad-input`
 */
export async function loadNamedPlaybook(
  { name, tree, inputs: values }: { name: string; tree: PlaybookTree; inputs: Readonly<Record<string, unknown>> },
  session: Session,
  catalogue: readonly Ddl[],
  targets: TargetOptions,
): Promise<NamedPlaybook> {
  const known = await loadWithNodes(tree, session, catalogue, targets);
  const { env } = session.environment;
  const inputs = await bindAllInputs(known.playbook, values, { env, defaults: session.config.inputs });
  const origin = Object.hasOwn(shippedPlaybooks, name) ? name : resolve(name);
  return { ...known, inputs, texts: textsOf(tree, known.playbook, inputs), origin };
}
