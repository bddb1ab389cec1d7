/** Reads inputs from the sources in the playbook: the environment, or a file. */
import { dirname, resolve } from 'node:path';
import { errnoOf, explainErrno, Problem } from '../../core/errors.ts';
import type { InputSource } from '../source/schema.ts';
import { bindInputs } from './inputs.ts';
import type { Playbook } from '../model.ts';
import type { InputSources } from '../ports.ts';
import { readText } from '../source/read-text.ts';

const longest = 64 * 1024;

/**
 * Every input of a playbook: the given one, else its source, else the configured one, else its default.
 * @throws Problem `bad-input`, naming the input
 */
export async function bindAllInputs(
  playbook: Pick<Playbook, 'name' | 'inputs' | 'file'>,
  values: Readonly<Record<string, unknown>>,
  { env, defaults }: InputSources,
) {
  const taken: Record<string, unknown> = { ...values };
  for (const [name, input] of Object.entries(playbook.inputs)) {
    if (Object.hasOwn(values, name) && values[name] !== undefined && values[name] !== null) continue;
    const text = await readInput(name, input, dirname(playbook.file), env);
    if (text !== undefined) taken[name] = text;
  }
  return bindInputs(playbook, taken, defaults);
}

/** Undefined when the variable is not set or the file does not exist: it may come from elsewhere. */
async function readInput(
  name: string,
  { from }: InputSource,
  directory: string,
  env: InputSources['env'],
): Promise<string | undefined> {
  if (from?.env !== undefined) return Object.hasOwn(env, from.env) ? env[from.env] : undefined;
  if (from?.file === undefined) return undefined;
  const file = resolve(directory, from.file);
  try {
    const text = await readText(file, longest);
    if (text !== undefined) return text.replace(/\r?\n$/, '');
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined;
    throw new Problem('bad-input', `the input “${name}” is in ${file}, which cannot be read: ${explainErrno(cause)}`);
  }
  throw new Problem('bad-input', `the input “${name}” is in ${file}, which is larger than ${longest} bytes`);
}
