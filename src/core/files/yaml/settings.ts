import { validatorOf } from '#validators';
import { readText } from '../read-text.ts';
import { plainSettings } from './plain-settings.ts';

/**
 * Reads and checks a configuration, for its values alone. A plain one without a fault is read without a
 * parser of YAML, to the same values; everything else is read as `readDocument` does.
 * @throws Problem as readDocument
 */
export async function readSettings<T>(file: string, id: string, schema: object): Promise<T> {
  const text = await readText(file, 'configuration');
  const plain = text.trim() === '' ? undefined : plainSettings(text);
  // The validator fills in defaults.
  if (plain !== undefined && validatorOf(id, schema)(plain)) return plain as T;
  const { parseDocumentText } = await import('./document.ts');
  return parseDocumentText<T>(text, file, 'configuration', id, schema).value;
}
