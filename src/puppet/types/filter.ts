import { isList, kindOf, toText, type Value } from '../values/values.ts';
import { failAt, type SourcePosition } from '../source.ts';

/**
 * The terms of one kind in a filter: a string or a list of them. Nothing, false and an empty string mean none.
 * @throws Problem `bad-script` for anything else, and for what only a data plugin of MCollective could answer
 */
export function readTerms(name: string, value: Value, position: SourcePosition): string[] {
  if (value === undefined || value === false || value === '') return [];
  const terms = isList(value) ? value : [value];
  return terms.map((term) => {
    if (typeof term === 'bigint' || typeof term === 'number') return toText(term);
    if (typeof term !== 'string' || term === '') {
      return failAt(
        position,
        `“${name}” holds ${term === '' ? 'an empty string' : kindOf(term)}`,
        'its terms are strings',
      );
    }
    refuseDataFunction(term, position);
    return term;
  });
}

function refuseDataFunction(term: string, position: SourcePosition): void {
  const [, name] = /(?:^|[\s(!])([a-z_]\w*)\((?:["']|\))/.exec(term) ?? [];
  if (name === undefined || ['and', 'or', 'not'].includes(name)) return;
  failAt(
    position,
    `the data function “${name}” of the filter can’t be asked`,
    'make what it gives a fact of the nodes, or an action whose replies are looked at',
  );
}
