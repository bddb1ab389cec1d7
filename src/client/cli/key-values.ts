import { Problem } from '../../core/errors.ts';

/** Splits `name=value` words. @throws Problem `usage` */
export function parseKeyValues(words: readonly string[]): Map<string, string> {
  const values = new Map<string, string>();
  for (const word of words) {
    const at = word.indexOf('=');
    if (at < 1) {
      const isFilter = /^[=<>!]/.test(word);
      const hint = isFilter ? 'write a filter as one word, such as -F cluster=bravo' : 'write name=value';
      throw new Problem('usage', `“${word}” is not a valid input`, hint);
    }
    const name = word.slice(0, at);
    if (values.has(name)) throw new Problem('usage', `the input “${name}” is given twice`);
    values.set(name, word.slice(at + 1));
  }
  return values;
}
