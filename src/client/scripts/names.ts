/**
 * Recognises scripts in the Puppet DSL among the files. Small, because it is loaded where their code may not be needed.
 */
import { Problem } from '../../core/errors.ts';

export function isScript(name: string): boolean {
  return name.endsWith('.mc');
}

/**
 * Splits `name=value` words; blanks are allowed around the `=`.
 * @throws Problem `usage` naming the invalid word: a name has small letters, digits and `_`, a value is not empty
 */
export function parseAssignments(words: readonly string[]): Record<string, string> {
  const values: Record<string, string> = {};
  for (const word of words) {
    const [, name = '', value = ''] = /^([^=\s]+)\s*=\s*(.*)$/s.exec(word.trim()) ?? [];
    if (name === '') throw new Problem('usage', `“${word}” is not an input`, 'write name=value');
    if (!/^[a-z_0-9]+$/.test(name)) {
      const hint = 'use lower-case letters, digits and “_”';
      throw new Problem('usage', `“${name}” can’t be the name of an input`, hint);
    }
    if (value === '')
      throw new Problem('usage', `the input “${name}” is empty`, `write ${name}=VALUE, or leave it out`);
    if (Object.hasOwn(values, name)) throw new Problem('usage', `the input “${name}” is given twice`);
    values[name] = value;
  }
  return values;
}
