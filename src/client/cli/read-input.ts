import { type ActionDdl, type Ddl, inputNames, inputSchema, sensitiveInputs } from '../../core/ddl/ddl.ts';
import { Problem } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { suggest } from '../../core/text.ts';
import { checkInput } from '../../library/fleet/agents.ts';
import { parseKeyValues } from './key-values.ts';

/**
 * The input of an action from words, each converted to the type in the DDL, and validated.
 * @throws Problem `usage`, `invalid-input`
 */
export function readInput(ddl: Ddl, action: string, description: ActionDdl, words: readonly string[]): JsonObject {
  const input: JsonObject = {};
  for (const [name, text] of parseKeyValues(words)) {
    const schema = inputSchema(description, name);
    if (schema === undefined) {
      const hint = suggest(name, inputNames(description));
      throw new Problem('usage', `${ddl.name}.${action} has no input “${name}”`, hint);
    }
    const shown = sensitiveInputs(description).includes(name) ? name : `${name}=${text}`;
    input[name] = readValue(shown, text, typeof schema === 'object' ? schema.type : undefined);
  }
  checkInput(ddl, action, description, input);
  return input;
}

/** @param shown its name in a message: a sensitive value is not repeated */
function readValue(shown: string, text: string, type: unknown): unknown {
  if (type === 'string' || type === undefined) return text;
  if (type === 'array' && !text.startsWith('[')) return text.split(',');
  if (type === 'boolean') {
    if (/^(true|t|yes|1)$/i.test(text)) return true;
    if (/^(false|f|no|0)$/i.test(text)) return false;
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new Problem('usage', `${shown}: it must be of type ${String(type)}`);
  }
}
