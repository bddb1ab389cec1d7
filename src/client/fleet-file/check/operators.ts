import { isOperatorName } from '../../../core/identity.ts';
import { suggest } from '../../../core/text.ts';
import type { Faults } from './faults.ts';
import { fileKinds } from '../../../core/node-files/kinds.ts';
import type { FleetDocument } from '../schema.ts';

const words = ['all', 'read'];

export function checkOperators({ operators, applications = {} }: FleetDocument, faults: Faults): void {
  for (const [name, rights] of Object.entries(operators)) {
    const path = ['operators', name];
    if (!isOperatorName(name)) faults.add(path, `“${name.slice(0, 80)}” is not a valid name of an operator`, true);
    if (typeof rights === 'string') {
      if (!words.includes(rights)) {
        faults.add(
          path,
          `“${rights.slice(0, 80)}” is not a right: ${suggest(rights, [...words, '{ deploy: APPLICATION }'])}`,
        );
      }
      continue;
    }
    for (const [key, what, known] of [
      ['deploy', 'application', Object.keys(applications)],
      ['apply', 'kind of files', fileKinds],
    ] as const) {
      const written = rights[key] ?? [];
      for (const one of typeof written === 'string' ? [written] : written)
        faults.requireKnown([...path, key], what, one, known);
    }
  }
}
