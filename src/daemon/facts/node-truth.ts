import { defineMutex, mapLimited } from '../../core/waiting/concurrency.ts';
import { readFile } from 'node:fs/promises';
import { uptime } from 'node:os';
import { errnoOf, explainErrno } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Log, RunCommand } from '../../core/ports.ts';
import { keepRepresentable, type ReadFacts } from './representable.ts';
import { factSources, readSource, stampOf } from './sources.ts';
import { gatherSystemFacts } from './system.ts';

/** The facts of this node: those of its OS, overlaid by those that its administrators write, and its classes. */
export interface NodeTruth {
  readonly facts: () => JsonObject;
  /** Only what administrators write. */
  readonly written: () => JsonObject;
  readonly classes: () => readonly string[];
  /** Gathers everything again; a file or program that breaks keeps its last good facts. */
  readonly reload: () => Promise<void>;
  readonly warnings: () => readonly string[];
  /** Facts that are stored in another form than in their file. */
  readonly notes: () => readonly string[];
  /** Names of the facts that are known to be missing; `*` where the names are unknown. */
  readonly incomplete: () => readonly string[];
}

/** Sources that are read at the same time: some of them are programs. */
const atOnce = 8;

export interface TruthSources {
  /** Files of JSON and YAML, and programs; later ones override earlier ones. */
  readonly directory: string;
  /** More files, read before those of the directory: for example Puppet's. */
  readonly files: readonly string[];
  readonly classes: string;
}

export async function startNodeTruth(sources: TruthSources, run: RunCommand, log: Log): Promise<NodeTruth> {
  let system: JsonObject = {};
  let written: ReadonlyMap<string, Source> = new Map();
  let classes: readonly string[] = [];
  let warnings: readonly string[] = [];
  let unreadable = false;
  let startedAt = 0;
  let known: JsonObject | undefined;

  const gather = async () => {
    const found: string[] = [];
    const gathering = gatherSystemFacts();
    const read = await readAll(sources, written, run);
    written = read.sources;
    found.push(...read.warnings);
    unreadable = read.unreadable;
    try {
      classes = await readClasses(sources.classes);
    } catch (error) {
      unreadable = true;
      found.push(`the classes in ${sources.classes} cannot be read: ${explainErrno(error)}`);
    }
    // A disk may be larger than a number in JSON allows.
    system = keepRepresentable(await gathering).facts;
    startedAt = uptime() - performance.now() / 1000;
    for (const warning of found) if (!warnings.includes(warning)) log.warn({}, warning);
    warnings = found;
  };
  // A call during another one gathers once more: what was read already may have changed since.
  const forgetFacts = () => {
    known = undefined;
  };
  const mutex = defineMutex();
  const reload = () => mutex(() => gather().finally(forgetFacts));
  await reload();
  const all = () => [...written.values()];
  const overlay = () => Object.assign({}, ...all().map(({ facts }) => facts)) as JsonObject;
  return {
    facts: () => {
      // Needed several times in every call: built when a part of it changes. The kernel's uptime lies in a file.
      known ??= {
        ...system,
        get uptime() {
          return Math.floor(startedAt + performance.now() / 1000);
        },
        ...overlay(),
      };
      return known;
    },
    written: overlay,
    classes: () => classes,
    reload,
    warnings: () => warnings,
    notes: () => [...written].flatMap(([file, { notes }]) => notes.map((note) => `facts in ${file}: ${note}`)),
    incomplete: () => {
      const lost = all().flatMap((source) => source.lost.map(({ key }) => key.split('.', 1)[0] ?? ''));
      return [...new Set(unreadable ? ['*', ...lost] : lost)];
    },
  };
}

/**
 * Gathers everything again at intervals.
 * @param age seconds
 * @param onChange called when the files of administrators, or a class, changed
 * @param onFault receives why that failed
 * @returns a function that ends it; the timer does not keep the process alive
 */
export function keepFresh(
  truth: NodeTruth,
  age: number,
  onChange: () => Promise<void>,
  onFault: (error: unknown) => void,
): () => void {
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
      .catch(onFault)
      .finally(() => {
        running = false;
      });
  }, age * 1000);
  timer.unref();
  return () => clearInterval(timer);
}

/** The facts of one file or program, and the file's stamp when it was read. */
interface Source extends ReadFacts {
  readonly stamp: string | undefined;
}

interface AllSources {
  readonly sources: ReadonlyMap<string, Source>;
  readonly warnings: readonly string[];
  /** Whether a source could not be read, and none of its earlier facts are known. */
  readonly unreadable: boolean;
}

async function readAll(
  { directory, files }: TruthSources,
  before: ReadonlyMap<string, Source>,
  run: RunCommand,
): Promise<AllSources> {
  const found = await factSources(directory);
  const chosen = [...files, ...found.files];
  const contents = await mapLimited(chosen, atOnce, (file) => readOne(file, before.get(file), run));
  const sources = new Map<string, Source>();
  for (const [index, file] of chosen.entries()) {
    const source = contents[index]?.source;
    if (source !== undefined) sources.set(file, source);
  }
  return {
    sources,
    warnings: [...found.warnings, ...contents.flatMap(({ warnings }) => warnings)].sort(),
    unreadable: contents.some(({ source }) => source === undefined),
  };
}

/** An unchanged file is not read again: it may be large. */
async function readOne(
  file: string,
  before: Source | undefined,
  run: RunCommand,
): Promise<{ readonly source: Source | undefined; readonly warnings: readonly string[] }> {
  try {
    const stamp = await stampOf(file);
    const isSame = before?.stamp !== undefined && before.stamp === stamp;
    const source = isSame ? before : { ...(await readSource(file, run)), stamp };
    const warnings = source.lost.map(({ key, why }) => `the fact “${key}” in ${file} is left out: ${why}`);
    return { source, warnings };
  } catch (error) {
    const kept = before === undefined ? '' : ', the last good ones stay';
    return { source: before, warnings: [`facts in ${file} refused${kept}: ${explainErrno(error)}`] };
  }
}

/** One a line, as in Puppet's classes.txt. */
async function readClasses(file: string): Promise<string[]> {
  try {
    const lines = (await readFile(file, 'utf8')).split('\n').map((line) => line.trim());
    return lines.filter((line) => line !== '' && !line.startsWith('#')).slice(0, 10_000);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}
