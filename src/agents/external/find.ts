import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type {
  AgentEntry,
  AnyHandlers,
  CheckedExternalAgents,
  ExternalAgents,
  ExternalSetup,
} from '../../core/agent.ts';
import { requireOwn } from '../../core/credentials/ownership.ts';
import type { Ddl } from '../../core/ddl/ddl.ts';
import { agentNamePattern, largestDdl } from '../../core/ddl/outside-ddl.ts';
import { errnoOf, explain, explainErrno, Problem } from '../../core/errors.ts';
import { makeDirectories } from '../../core/files/durable.ts';
import { readRegular } from '../../core/files/read-input.ts';
import { type JsonObject, parseJsonObject } from '../../core/json.ts';
import { mapLimited } from '../../core/waiting/concurrency.ts';
import { convertDdl } from './convert.ts';
import type { Program } from './exchange.ts';
import { applyOverrides } from './overrides.ts';
import { callProgram, requestActivation } from './protocol.ts';

const mostAgents = 64;
/** How many agents are asked at the same time whether they want to be active. */
const atOnce = 4;

const noConfig = { type: 'object', additionalProperties: false, properties: {} } as const;

/**
 * The agents in other languages: each an executable NAME with its DDL, NAME.json, beside it. One that cannot be
 * trusted, read or asked is refused and does not affect the others.
 */
export async function findExternalAgents(setup: ExternalSetup): Promise<ExternalAgents> {
  const entries: AgentEntry[] = [];
  const refused: string[] = [];
  let names: string[];
  try {
    names = await descriptionsIn(setup.directory);
    await makeDirectories(setup.scratch, 0o700, { sync: false });
  } catch (error) {
    const why = `the external agents in ${setup.directory} are refused: ${explain(error)}`;
    return { entries, refused: [why], unsettled: isSettled(error) ? [] : 'all' };
  }
  const unsettled: string[] = [];
  await mapLimited(names, atOnce, async (name) => {
    try {
      const found = await findOne(name, setup);
      if (found !== undefined) entries.push(found);
    } catch (error) {
      refused.push(refusal(name, error));
      if (!isSettled(error)) unsettled.push(name);
    }
  });
  entries.sort(({ ddl: a }, { ddl: b }) => (a.name < b.name ? -1 : 1));
  return { entries, refused: refused.sort(), unsettled };
}

function refusal(name: string, error: unknown): string {
  return `the external agent “${name}” is refused: ${explain(error)}`;
}

/** The same without running any of them: what they describe, and why others would be refused. */
export async function checkExternalAgents(
  setup: Pick<ExternalSetup, 'directory' | 'taken'>,
): Promise<CheckedExternalAgents> {
  const ddls: Ddl[] = [];
  const refused: string[] = [];
  for (const name of await descriptionsIn(setup.directory)) {
    try {
      ddls.push(await readDdl(name, setup));
      await requireOwn(join(setup.directory, name), 'program');
    } catch (error) {
      refused.push(refusal(name, error));
    }
  }
  return { ddls, refused };
}

/** Whether an agent that was in force must be removed: its files are gone, or others could have changed them. */
function isSettled(error: unknown): boolean {
  return errnoOf(error) === 'ENOENT' || (error instanceof Problem && error.code === 'bad-permissions');
}

/** The names that have a DDL. @throws Problem `bad-permissions`, `too-many-agents` */
async function descriptionsIn(directory: string): Promise<string[]> {
  let files: string[];
  try {
    files = await readdir(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw new Problem('unreadable-file', explainErrno(error));
  }
  await requireOwn(directory, 'directory');
  const names = files
    .filter((file) => file.endsWith('.json') && !file.endsWith('.site.json'))
    .map((file) => file.slice(0, -'.json'.length));
  if (names.length > mostAgents) throw new Problem('too-many-agents', `there are more than ${mostAgents}`);
  return names.sort();
}

/** An entry, or undefined for an agent that does not want to be active here. @throws the reason of a refusal */
async function findOne(name: string, setup: ExternalSetup): Promise<AgentEntry | undefined> {
  const { directory, plugins, scratch, facts, run, log } = setup;
  const ddl = await readDdl(name, setup);
  const file = join(directory, name);
  await requireOwn(file, 'program');
  const program: Program = { name, file, settings: join(plugins, name), scratch, facts, run, log };
  if (!(await requestActivation(program))) {
    log.info({ agent: name }, 'the agent reports that it must not run on this node');
    return undefined;
  }
  return { ddl, config: noConfig, load: async () => async () => ({ handlers: handlersOf(ddl, program) }) };
}

async function readDdl(name: string, { directory, taken }: Pick<ExternalSetup, 'directory' | 'taken'>): Promise<Ddl> {
  if (!new RegExp(agentNamePattern).test(name)) {
    throw new Problem('bad-name', 'it is not a valid agent name', 'use lower-case letters, digits and _');
  }
  if (taken.includes(name)) throw new Problem('bad-name', 'a built-in agent has that name');
  const file = join(directory, `${name}.json`);
  await requireOwn(file, 'file');
  const bytes = await readRegular(file);
  if (bytes.length > largestDdl) throw new Problem('bad-ddl', `${file} is larger than ${largestDdl} bytes`);
  const ddl = convertDdl(await withSite(parseJsonObject(bytes, file), name, directory), file);
  if (ddl.name !== name) throw new Problem('bad-ddl', `${file} describes an agent “${ddl.name}”`);
  return ddl;
}

/** The DDL with local overrides, if there is a NAME.site.json. */
async function withSite(ddl: JsonObject, name: string, directory: string): Promise<JsonObject> {
  const file = join(directory, `${name}.site.json`);
  let bytes: Buffer;
  try {
    bytes = await readRegular(file);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return ddl;
    throw error;
  }
  await requireOwn(file, 'file');
  return applyOverrides(ddl, parseJsonObject(bytes, file), file);
}

function handlersOf(ddl: Ddl, program: Program): AnyHandlers {
  const handlers = Object.entries(ddl.actions).map(([name, action]) => {
    const handler: AnyHandlers[string] = (input: JsonObject, context) =>
      callProgram(program, name, action, input, context);
    return [name, handler] as const;
  });
  return Object.fromEntries(handlers);
}
