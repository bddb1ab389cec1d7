import { suggest } from '../../core/text.ts';
import type { KnownDefinition } from '../evaluator/state.ts';
import { failAt, type SourcePosition } from '../source.ts';
import { foreignTypes, plainTypes } from '../types/plain-types.ts';

/** The definition of a define, undefined for a built-in type. @throws Problem `bad-script` if there is neither */
export function findType(
  definitions: ReadonlyMap<string, KnownDefinition>,
  type: string,
  position: SourcePosition,
): KnownDefinition | undefined {
  const found = definitions.get(type);
  if (found?.definition.kind === 'define') return found;
  if (type === 'class' || Object.hasOwn(plainTypes, type)) return undefined;
  if (foreignTypes.has(type)) {
    return failAt(
      position,
      `“${type}” belongs to Puppet, not to an orchestration`,
      'make it an agent’s action, and call that',
    );
  }
  const defines = [...definitions].filter(([, { definition }]) => definition.kind === 'define').map(([name]) => name);
  const known = [...Object.keys(plainTypes), ...defines];
  return failAt(
    position,
    `there is no type “${type}”`,
    found === undefined ? suggest(type, known) : `${type} is a class: write include ${type}`,
  );
}
