import { readdir, readFile } from 'node:fs/promises';
import { arch, cpus, hostname, platform, release, totalmem, uptime } from 'node:os';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { errnoOf, explainErrno } from '../core/errors.ts';
import { isObject, type JsonObject, parseJsonObject } from '../core/json.ts';
import type { Log } from '../core/ports.ts';

/** What is true of this node: its OS facts, overlaid by what its keepers wrote, and its classes. */
export interface NodeTruth {
  readonly facts: () => JsonObject;
  readonly classes: () => readonly string[];
  /** Reads the files again; one that breaks keeps its last good content. */
  readonly reload: () => Promise<void>;
  readonly warnings: () => readonly string[];
}

const largestFile = 256 * 1024;

export async function startNodeTruth(directory: string, classesFile: string, log: Log): Promise<NodeTruth> {
  const system = await osFacts();
  let written = new Map<string, JsonObject>();
  let classes: readonly string[] = [];
  let warnings: string[] = [];

  const reload = async () => {
    const found: string[] = [];
    const next = new Map<string, JsonObject>();
    for (const file of await factFiles(directory)) {
      try {
        next.set(file, await readFacts(join(directory, file)));
      } catch (error) {
        const kept = written.get(file);
        if (kept !== undefined) next.set(file, kept);
        found.push(
          `facts in ${join(directory, file)} refused${kept ? ', the last good ones stay' : ''}: ${explainErrno(error)}`,
        );
      }
    }
    try {
      classes = await readClasses(classesFile);
    } catch (error) {
      found.push(`the classes in ${classesFile} cannot be read: ${explainErrno(error)}`);
    }
    written = next;
    warnings = found;
    for (const warning of warnings) log.warn({}, warning);
  };
  await reload();
  return {
    facts: () => Object.assign({}, system, { uptime: Math.floor(uptime()) }, ...written.values()) as JsonObject,
    classes: () => classes,
    reload,
    warnings: () => warnings,
  };
}

async function factFiles(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter((file) => /\.(json|ya?ml)$/.test(file)).sort();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

async function readFacts(file: string): Promise<JsonObject> {
  const text = await readFile(file, 'utf8');
  if (text.length > largestFile) throw new Error(`it is larger than ${largestFile} bytes`);
  if (file.endsWith('.json')) return parseJsonObject(text, 'it');
  const parsed = parseDocument(text, { stringKeys: true });
  // A tag that YAML does not know is a warning there; here it would be a fact that means something else.
  const [broken] = [...parsed.errors, ...parsed.warnings];
  if (broken !== undefined) throw new Error(broken.message.split('\n', 1)[0]);
  const value: unknown = parsed.toJS({ maxAliasCount: 100 }) ?? {};
  if (!isObject(value)) throw new Error('it is no mapping');
  // Dates, big integers and what else YAML knows become what JSON can carry.
  return parseJsonObject(JSON.stringify(value), 'it');
}

async function readClasses(file: string): Promise<string[]> {
  try {
    const lines = (await readFile(file, 'utf8')).split('\n').map((line) => line.trim());
    return lines.filter((line) => line !== '' && !line.startsWith('#')).slice(0, 10_000);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

async function osFacts(): Promise<JsonObject> {
  const name = hostname();
  return {
    hostname: name.split('.')[0] ?? name,
    fqdn: name,
    kernel: { name: platform(), release: release() },
    os: await distribution(),
    architecture: arch(),
    processors: { count: cpus().length, models: [...new Set(cpus().map(({ model }) => model))] },
    memory: { total_bytes: totalmem() },
  };
}

/** os-release(5). */
async function distribution(): Promise<JsonObject> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const value = (key: string) => new RegExp(`^${key}="?([^"\n]*)"?$`, 'm').exec(text)?.[1];
  return {
    name: value('ID') ?? platform(),
    version: value('VERSION_ID') ?? '',
    description: value('PRETTY_NAME') ?? '',
  };
}
