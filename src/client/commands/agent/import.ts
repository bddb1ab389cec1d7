import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Ddl } from '../../../core/ddl/ddl.ts';
import { errnoOf, explain, explainErrno, Problem } from '../../../core/errors.ts';
import { writeNewOutput } from '../../../core/files/output.ts';
import { readInput } from '../../../core/files/read-input.ts';
import { type JsonObject, parseJsonObject } from '../../../core/json.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';
import { rubyDdlScript } from './ruby-ddl.ts';

interface ImportOptions {
  readonly directory: string;
}

/** Reads a DDL in Choria's JSON, and checks it as a daemon does. @throws Problem `bad-ddl` */
export type ReadDdl = (ddl: JsonObject, file: string) => Promise<Ddl>;

/** Milliseconds for Ruby to read a DDL. */
const patience = 30_000;

/**
 * Writes NAME.json, and NAME.site.json with the marks that the DDL cannot have, for a DDL of MCollective or Choria.
 * @throws Problem `bad-ddl`, `unreadable-file`, `unwritable-file`
 */
export async function importDdl(
  file: string,
  { directory }: ImportOptions,
  readDdl: ReadDdl,
  { out, err }: CliContext,
): Promise<number> {
  const json = file.endsWith('.ddl') ? await readRuby(file) : await readJson(file);
  const metadata = json.metadata as { name?: unknown } | undefined;
  const name = String(metadata?.name ?? '');
  if (!/^[a-z][a-z0-9_]{0,63}$/.test(name)) throw new Problem('bad-ddl', `${file} does not name an agent`);
  const actions = Array.isArray(json.actions) ? (json.actions as { action?: unknown }[]) : [];
  const marks = Object.fromEntries(
    actions.map(({ action }) => [String(action), { kind: 'change', repeatable: false }]),
  );
  await write(join(directory, `${name}.json`), json);
  await write(join(directory, `${name}.site.json`), { actions: marks });
  out(`wrote ${name}.json and ${name}.site.json: mark there which actions only read and which may be repeated`);
  try {
    await readDdl(json, `${name}.json`);
    return exitCode.ok;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    err(`mco-deploy: as it stands, a daemon would refuse it: ${explain(error)}`);
    return exitCode.usage;
  }
}

/** @throws Problem `unreadable-file`, `malformed-json` */
export async function readJson(file: string): Promise<JsonObject> {
  try {
    return parseJsonObject(await readInput(file), file);
  } catch (cause) {
    if (cause instanceof Problem) throw cause;
    throw new Problem('unreadable-file', `${file} cannot be read: ${explainErrno(cause)}`, '', { cause });
  }
}

/** A DDL of MCollective is a program: Ruby runs it, as in MCollective itself. */
async function readRuby(file: string): Promise<JsonObject> {
  try {
    await access(file, constants.R_OK);
  } catch (cause) {
    throw new Problem('unreadable-file', `${file} cannot be read: ${explainErrno(cause)}`, '', { cause });
  }
  try {
    const { stdout } = await promisify(execFile)('ruby', ['-e', rubyDdlScript, file], { timeout: patience });
    return parseJsonObject(stdout, file);
  } catch (cause) {
    if (cause instanceof Problem) throw cause;
    if (errnoOf(cause) === 'ENOENT') {
      const hint = 'run this command where Ruby is installed, or convert the file there and import the JSON';
      throw new Problem('unreadable-file', `${file} is a program in Ruby, and Ruby is not installed here`, hint);
    }
    const firstLine = String((cause as { stderr?: string }).stderr ?? '').split('\n', 1)[0] ?? '';
    throw new Problem('bad-ddl', `${file} cannot be read by Ruby: ${firstLine.slice(0, 300)}`, '', { cause });
  }
}

async function write(file: string, content: object): Promise<void> {
  await writeNewOutput(file, `${JSON.stringify(content, null, 2)}\n`);
}
