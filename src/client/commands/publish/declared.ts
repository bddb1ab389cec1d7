import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { DeclaredOptions } from '../../fleet-file/declared.ts';
import { fleetFileName } from '../../fleet-file/find.ts';
import type { LoadNodeParts } from '../../fleet-file/model.ts';
import { readStatusOptions } from '../status/declared.ts';

/** Options that choose nodes. */
interface NodeOptions extends DeclaredOptions {
  readonly wf?: readonly string[];
  readonly wc?: readonly string[];
  readonly wi?: readonly string[];
  readonly with?: readonly string[];
  readonly select?: string;
}

/**
 * The options of a command about an application, with its nodes from fleet.yaml, if that exists and no option chooses
 * nodes.
 * @throws Problem as {@link readStatusOptions}
 */
export async function readDeclaredNodes<Options extends NodeOptions>(
  application: string | undefined,
  typed: Options,
  load: LoadNodeParts,
): Promise<Options> {
  const { nodes, dm, do: discoveryOptions, wf, wc, wi, with: terms, select } = typed;
  const isChosen = [nodes, dm, discoveryOptions, wf, wc, wi, terms, select].some((one) => one !== undefined);
  const isDeclared = typed.fleet !== undefined || (!isChosen && existsSync(resolve(fleetFileName)));
  return isDeclared ? await readStatusOptions(application, typed, load) : typed;
}
