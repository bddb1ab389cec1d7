import { defineMutex, mapLimited } from '../../core/concurrency.ts';
import { readFile } from 'node:fs/promises';
import { uptime } from 'node:os';
import { errnoOf, explainErrno } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Log, RunCommand } from '../../core/ports.ts';
import { factSources, readSource } from './sources.ts';
import { gatherSystemFacts } from './system.ts';

/** What is true of this node: its OS facts, overlaid by what its keepers wrote, and its classes. */
export interface NodeTruth {
  readonly facts: () => JsonObject;
  /** What keepers wrote alone. */
  readonly written: () => JsonObject;
  readonly classes: () => readonly string[];
  /** Gathers everything again; a file or program that breaks keeps its last good facts. */
  readonly reload: () => Promise<void>;
  readonly warnings: () => readonly string[];
}

/** Sources that are read at a time: some of them are programs. */
const atOnce = 8;

export interface TruthSources {
  /** Files of JSON and YAML, and programs; what comes later wins. */
  readonly directory: string;
  /** More files, before those of the directory: Puppet's, say. */
  readonly files: readonly string[];
  readonly classes: string;
}

export async function startNodeTruth(sources: TruthSources, run: RunCommand, log: Log): Promise<NodeTruth> {
  let system: JsonObject = {};
  let written = new Map<string, JsonObject>();
  let classes: readonly string[] = [];
  let warnings: readonly string[] = [];
  let known: { readonly second: number; readonly facts: JsonObject } | undefined;

  const gather = async () => {
    const found: string[] = [];
    const gathering = gatherSystemFacts();
    written = await readAll(sources, written, run, found);
    try {
      classes = await readClasses(sources.classes);
    } catch (error) {
      found.push(`the classes in ${sources.classes} cannot be read: ${explainErrno(error)}`);
    }
    system = await gathering;
    for (const warning of found) if (!warnings.includes(warning)) log.warn({}, warning);
    warnings = found;
  };
  // A call while another gathers waits for a second time: what was read already may have changed since.
  const forgetFacts = () => {
    known = undefined;
  };
  const mutex = defineMutex();
  const reload = () => mutex(() => gather().finally(forgetFacts));
  await reload();
  const overlay = () => Object.assign({}, ...written.values()) as JsonObject;
  return {
    facts: () => {
      const second = Math.floor(Date.now() / 1000);
      // Asked for several times in every call: put together once a second, and whenever something of it is another.
      if (known?.second !== second)
        known = { second, facts: { ...system, uptime: Math.floor(uptime()), ...overlay() } };
      return known.facts;
    },
    written: overlay,
    classes: () => classes,
    reload,
    warnings: () => warnings,
  };
}

/**
 * Gathers everything again now and then.
 * @param age seconds
 * @param onChange told when what keepers wrote, or a class, is another
 * @returns a function that ends it, which keeps no process alive either
 */
export function keepFresh(truth: NodeTruth, age: number, onChange: () => Promise<void>): () => void {
  const seen = () => JSON.stringify([truth.written(), truth.classes()]);
  const refresh = async () => {
    const before = seen();
    await truth.reload();
    if (seen() !== before) await onChange();
  };
  let running = false;
  const timer = setInterval(() => {
    if (running) return;
    running = true;
    refresh()
      .catch(() => {})
      .finally(() => {
        running = false;
      });
  }, age * 1000);
  timer.unref();
  return () => clearInterval(timer);
}

/** @param warnings gets what is refused, and why */
async function readAll(
  { directory, files }: TruthSources,
  before: ReadonlyMap<string, JsonObject>,
  run: RunCommand,
  warnings: string[],
): Promise<Map<string, JsonObject>> {
  const chosen = [...files, ...(await factSources(directory))];
  const readOne = async (file: string): Promise<JsonObject | undefined> => {
    try {
      return await readSource(file, run);
    } catch (error) {
      const kept = before.get(file);
      warnings.push(`facts in ${file} refused${kept ? ', the last good ones stay' : ''}: ${explainErrno(error)}`);
      return kept;
    }
  };
  const facts = new Map<string, JsonObject>();
  const contents = await mapLimited(chosen, atOnce, readOne);
  for (const [index, file] of chosen.entries()) {
    const content = contents[index];
    if (content !== undefined) facts.set(file, content);
  }
  warnings.sort();
  return facts;
}

/** One a line, as Puppet's classes.txt is. */
async function readClasses(file: string): Promise<string[]> {
  try {
    const lines = (await readFile(file, 'utf8')).split('\n').map((line) => line.trim());
    return lines.filter((line) => line !== '' && !line.startsWith('#')).slice(0, 10_000);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}
