import { type DeclaredOptions, discoveryOf, readDeclared } from '../../fleet-file/declared.ts';
import { findFleetFile } from '../../fleet-file/find.ts';
import type { LoadNodeParts } from '../../fleet-file/model.ts';
import { readFleet } from '../../fleet-file/read.ts';

type StatusFilters = DeclaredOptions & { readonly wf?: readonly string[] };

/** The options of `status`, with the clusters of an application of fleet.yaml as a filter. @throws Problem */
export async function readStatusOptions<Options extends StatusFilters>(
  name: string | undefined,
  typed: Options,
  load: LoadNodeParts,
): Promise<Options> {
  if (name === undefined && typed.fleet === undefined) return typed;
  if (name === undefined) {
    const fleet = await readFleet(findFleetFile(typed.fleet), await load());
    return { ...typed, ...discoveryOf(fleet, typed) };
  }
  const { application, discovery } = await readDeclared(name, typed, load);
  const clusters = application.clusters.map((cluster) => cluster.replaceAll('.', '\\.')).join('|');
  return { ...typed, ...discovery, application: name, wf: [...(typed.wf ?? []), `cluster=~/^(${clusters})$/`] };
}
