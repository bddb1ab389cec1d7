/** Checks that attributes are valid for their resource; all faults are reported at once. */
import { Problem } from '../../core/errors.ts';
import { suggest } from '../../core/text.ts';
import type { Setting } from '../catalogue/resource.ts';
import { lineOf, type SourcePosition, where } from '../source.ts';
import { metaparameters, plainTypes } from '../types/plain-types.ts';
import type { KnownDefinition } from '../evaluator/state.ts';

/**
 * Only the names: required ones are checked when defaults and overrides are known.
 * @param position of the declaration
 * @throws Problem `bad-script`, one line a fault
 */
export function checkAttributes(
  type: string,
  definition: KnownDefinition | undefined,
  attributes: ReadonlyMap<string, Setting>,
  position: SourcePosition,
): void {
  if (type === 'class') return;
  refuseUnknown(type, definition, attributes, position);
}

export function refuseUnknown(
  type: string,
  definition: KnownDefinition | undefined,
  attributes: ReadonlyMap<string, Setting>,
  position: SourcePosition,
): void {
  const known = parametersOf(type, definition);
  const unknown = [...attributes].filter(([name]) => !known.includes(name) && !metaparameters.has(name));
  if (unknown.length === 0) return;
  const lines = unknown.map(([name, setting]) => {
    const hint = known.length === 0 ? 'it has no parameters' : suggest(name, known);
    return `${where(setting.position.source === position.source ? setting.position : position)}: ${type} has no parameter “${name}”${declaredIn(definition, position)}: ${hint}`;
  });
  throw new Problem('bad-script', lines.join('\n'));
}

/** @throws Problem `bad-script` naming all parameters that have neither a value nor a default */
export function refuseMissing(
  what: string,
  missing: readonly string[],
  definition: KnownDefinition | undefined,
  position: SourcePosition,
): void {
  if (missing.length === 0) return;
  const names = missing.map((name) => `“${name}”`).join(', ');
  const message = `${what} lacks ${missing.length === 1 ? 'the parameter' : 'the parameters'} ${names}`;
  throw new Problem('bad-script', `${where(position)}: ${message}${declaredIn(definition, position)}`);
}

function parametersOf(type: string, definition: KnownDefinition | undefined): readonly string[] {
  if (definition !== undefined) return definition.definition.parameters.map(({ name }) => name);
  return plainTypes[type]?.parameters ?? [];
}

/** The position of the define; empty for a built-in one. */
function declaredIn(known: KnownDefinition | undefined, position: SourcePosition): string {
  if (known === undefined || known.builtIn || known.source !== position.source) return '';
  const line = lineOf({ source: known.source, at: known.definition.at });
  return ` (its ${known.definition.kind} is in line ${line})`;
}
