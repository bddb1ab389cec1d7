import { type DeclaredOptions, readDeclared } from '../../fleet-file/declared.ts';
import type { LoadNodeParts } from '../../fleet-file/model.ts';

type StatusFilters = DeclaredOptions & { readonly wf?: readonly string[] };

/** The options of `status`, with the clusters of an application of fleet.yaml as a filter. @throws Problem */
export async function readStatusOptions<Options extends StatusFilters>(
  name: string | undefined,
  typed: Options,
  load: LoadNodeParts,
): Promise<Options> {
  if (name === undefined) return typed;
  const { application, discovery } = await readDeclared(name, typed, load);
  const clusters = application.clusters.map((cluster) => cluster.replaceAll('.', '\\.')).join('|');
  return { ...typed, ...discovery, application: name, wf: [...(typed.wf ?? []), `cluster=~/^(${clusters})$/`] };
}
