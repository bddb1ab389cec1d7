/** The ends of arrows, and the targets of metaparameters. */
import { suggest } from '../../core/text.ts';
import { type Endpoint, keyOf, nameOf, type Resource } from '../catalogue/resource.ts';
import { failAt, type SourcePosition } from '../source.ts';
import type { Evaluation } from '../evaluator/state.ts';
import { flatten, formatReference, isList, isReference, kindOf, type Value } from '../values/values.ts';

/**
 * The resources that references name, looked up when all are known. @throws Problem `bad-script` for an invalid
 * reference
 */
export function endpointOf(evaluation: Evaluation, value: Value, position: SourcePosition): Endpoint {
  const references = flatten(isList(value) ? value : [value]).map((one) => {
    if (isReference(one) && one.title !== undefined) return { ...one, title: one.title };
    const shown = isReference(one) ? `${formatReference(one)} without a title` : kindOf(one);
    return failAt(position, `a reference like Mcollective["title"] is expected, not ${shown}`);
  });
  return () => references.map((one) => find(evaluation, one, position));
}

function find(
  { catalogue }: Evaluation,
  { reference: type, title }: { reference: string; title: string },
  position: SourcePosition,
): Resource {
  const found = catalogue.resources.get(keyOf(type, title));
  if (found !== undefined) return found;
  const names = [...catalogue.resources.values()].map(nameOf).slice(0, 200);
  const name = nameOf({ type, title });
  return failAt(
    position,
    `${name} is declared nowhere`,
    names.length > 20 ? nearestOf(name, names) : suggest(name, names),
  );
}

function nearestOf(name: string, names: readonly string[]): string {
  const hint = suggest(name, names);
  return hint.startsWith('did') ? hint : '';
}
