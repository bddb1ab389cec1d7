/** Finds and reads the named script. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { shippedScripts } from '#playbooks';
import type { Ddl } from '../../core/ddl/ddl.ts';
import { errnoOf, explainErrno, Problem } from '../../core/errors.ts';
import { suggest } from '../../core/text.ts';
import { readText } from '../../playbook/source/read-text.ts';
import { limits } from '../../puppet/limits.ts';
import { readScript, type Script } from '../../puppet/script.ts';

export interface FoundScript {
  readonly script: Script;
  /** The reference for a resumed run: its absolute path, or the name of a shipped one. */
  readonly origin: string;
}

/**
 * A file, else a shipped script with that name; the ending `.mc` is optional.
 * @throws Problem `usage` if neither exists; `unreadable-file`; `bad-script`
 */
export async function findScript(nameOrFile: string, agents: readonly Ddl[]): Promise<FoundScript> {
  const name = nameOrFile.endsWith('.mc') ? nameOrFile : `${nameOrFile}.mc`;
  if (await isThere(name)) {
    return { script: readScript({ file: name, text: await readFileText(name) }, agents), origin: resolve(name) };
  }
  const text = shippedText(name);
  if (text !== undefined) return { script: readScript({ file: `shipped:${name}`, text }, agents), origin: name };
  const known = Object.keys(shippedScripts).map((one) => `${one}.mc`);
  throw new Problem('usage', `there is no file ${name}, and no script of that name is shipped`, suggest(name, known));
}

function shippedText(name: string): string | undefined {
  const bare = name.slice(0, -'.mc'.length);
  return Object.hasOwn(shippedScripts, bare) ? shippedScripts[bare] : undefined;
}

async function isThere(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch (error) {
    // A file that exists and cannot be checked is reported when it is read.
    return !['ENOENT', 'ENOTDIR'].includes(errnoOf(error));
  }
}

async function readFileText(file: string): Promise<string> {
  let text: string | undefined;
  try {
    text = await readText(file, limits.script);
  } catch (cause) {
    throw new Problem('unreadable-file', `the script ${file} cannot be read: ${explainErrno(cause)}`, '', { cause });
  }
  if (text !== undefined) return text;
  throw new Problem('bad-script', `${file}: the script is longer than ${limits.script / 1024} KiB`);
}
