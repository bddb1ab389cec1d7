/** The text of a playbook in a journal, for an operator who resumes it without its files. */
import { Problem } from '../../../core/errors.ts';
import { isObject } from '../../../core/json.ts';
import type { PlaybookTexts } from '../../../playbook/journal/entries.ts';
import type { Playbook } from '../../../playbook/model.ts';
import { type PlaybookTree, readTree } from '../../../playbook/source/reading.ts';

/** The maximum in bytes: a longer one is found only by its file. */
const longest = 200 * 1024;

/**
 * Undefined if it is too long, or may contain a sensitive value: a default of a sensitive input, or a given value of
 * one.
 */
export function textsOf(
  tree: PlaybookTree,
  { inputs: declared }: Pick<Playbook, 'inputs'>,
  inputs: Readonly<Record<string, unknown>>,
): PlaybookTexts | undefined {
  const texts = toTexts(tree);
  const whole = JSON.stringify(texts);
  if (Buffer.byteLength(whole) > longest || hasSecretDefault(tree)) return undefined;
  const secrets = Object.entries(inputs).filter(([name]) => declared[name]?.sensitive === true);
  const isIn = (value: unknown) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return text !== undefined && text !== '' && text !== 'null' && whole.includes(JSON.stringify(text).slice(1, -1));
  };
  return secrets.some(([, value]) => isIn(value)) ? undefined : texts;
}

function toTexts({ name, text, used }: PlaybookTree): PlaybookTexts {
  return { name, text: text.text, used: Object.fromEntries([...used].map(([key, tree]) => [key, toTexts(tree)])) };
}

function hasSecretDefault({ source, used }: PlaybookTree): boolean {
  const own = Object.values(source.inputs ?? {}).some(
    (input) => isObject(input) && input.sensitive === true && input.default !== undefined,
  );
  return own || [...used.values()].some(hasSecretDefault);
}

/** Reads a playbook from a journal, as if its files were here. @throws Problem `bad-playbook` */
export async function readTexts(texts: PlaybookTexts): Promise<PlaybookTree> {
  const byName = new Map<string, PlaybookTexts>();
  const note = (one: PlaybookTexts) => {
    byName.set(one.name, one);
    Object.values(one.used).forEach(note);
  };
  note(texts);
  return await readTree(texts, async (name, from) => {
    const used = byName.get(from.name)?.used ?? {};
    const found = Object.hasOwn(used, name) ? used[name] : undefined;
    if (found === undefined) throw new Problem('bad-playbook', `the journal has no playbook “${name}”`);
    return found;
  });
}
