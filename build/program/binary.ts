import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { build } from 'esbuild';
import { groupParts, type Sources } from './groups.ts';
import { joinParts, type Member, type Part, wrap } from './load.ts';
import { pack } from './pack.ts';
import { type Rehearsal, startRehearsal } from './rehearsal.ts';

// Node looks for this mark to know that it carries a program (Node's documentation, “Single executable applications”).
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
const postject = join(import.meta.dirname, '../../node_modules/postject/dist/cli.js');
const record = join(import.meta.dirname, 'record.ts');
const trace = join(import.meta.dirname, 'trace.ts');

/**
 * Flags of V8 that every start of the binary has. The young generation has 4 MB from the start, and no more: V8 would
 * begin with 1 MB, which a short command fills four times, and let it grow to 32 MB, which takes 35 MB more memory in a
 * command over a thousand nodes. Young objects are collected in the program's own thread: in several it takes more
 * processor time. No other flags may stand here than those that V8's own `--predictable` and
 * `--predictable-gc-schedule` imply: with any other, V8 does not accept recorded code.
 */
const flags: readonly string[] = ['--max-semi-space-size=4', '--min-semi-space-size=4', '--no-parallel-scavenge'];

export interface BinaryOptions {
  /** The directory of the program's parts. */
  readonly parts: string;
  /** The Node to carry it. */
  readonly runtime: string;
  readonly binary: string;
  /** An empty directory for what is made on the way. */
  readonly work: string;
}

/** Makes a single binary: a Node with the program inside. */
export async function makeBinary({ parts, runtime, binary, work }: BinaryOptions): Promise<void> {
  const start = join(work, 'start.cjs');
  const blob = join(work, 'sea.blob');
  const unfinished = join(work, 'mco-deploy');
  await build({
    entryPoints: [join(import.meta.dirname, 'start.ts')],
    outfile: start,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    logLevel: 'warning',
  });
  const settings = {
    main: start,
    output: blob,
    disableExperimentalSEAWarning: true,
    useSnapshot: false,
    // Node's own code cache is for the main file alone, which is small: each part has its own.
    useCodeCache: false,
    execArgv: flags,
    // NODE_OPTIONS must not bring code into the program.
    execArgvExtension: 'none',
    assets: await makeAssets(parts, work, runtime === process.execPath),
  };
  await writeFile(join(work, 'sea.json'), JSON.stringify(settings));
  run('--experimental-sea-config', join(work, 'sea.json'));
  await copyFile(runtime, unfinished);
  await chmod(unfinished, 0o755);
  run(postject, unfinished, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', fuse);
  // A rename, because the old binary may be running.
  await rename(unfinished, binary);
}

/** The parts as they lie in the binary. V8's code for them fits only the Node that wrote it: for another machine's there is none. */
async function makeAssets(parts: string, work: string, withCode: boolean): Promise<Record<string, string>> {
  const sources = new Map<string, string>();
  for (const name of (await readdir(parts)).sort()) sources.set(name, await readFile(join(parts, name), 'utf8'));
  const wrapped = join(work, 'wrapped');
  await mkdir(wrapped);
  const rehearsal = await startRehearsal();
  try {
    const groups = await writeWrapped(sources, wrapped, await traceGroups(sources, parts, work, rehearsal));
    if (withCode) await runToItsEnd([...flags, record, wrapped, JSON.stringify(rehearsal.commands)], rehearsal.env);
    return await packAll(wrapped, groups, work, withCode);
  } finally {
    await rehearsal.stop();
  }
}

/** Finds out which parts are loaded together, by what a call to a node and the start of a daemon load. */
async function traceGroups(
  sources: Sources,
  parts: string,
  work: string,
  { relayed, call, env }: Rehearsal,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const list = join(work, 'loaded.json');
  const loadedBy = async (...command: readonly string[]): Promise<ReadonlySet<string>> => {
    await runToItsEnd([trace, parts, list, ...command], env);
    return new Set(JSON.parse(await readFile(list, 'utf8')) as string[]);
  };
  const overRelays = new Set<string>();
  for (const command of relayed) for (const part of await loadedBy(...command)) overRelays.add(part);
  return groupParts(sources, {
    relayed: overRelays,
    call: new Set([...overRelays, ...(await loadedBy(...call))]),
    // Without its configuration a daemon ends once its code is loaded.
    daemon: await loadedBy('daemon', '--config', join(work, 'none.yaml')),
  });
}

/** Writes each part, or the group that it lies in, as it is compiled. @returns the group of each part that lies in one */
async function writeWrapped(
  sources: Sources,
  directory: string,
  groups: ReadonlyMap<string, readonly string[]>,
): Promise<ReadonlyMap<string, string>> {
  const wrapped = new Map([...sources].map(([name, source]) => [name, wrap(source)]));
  const groupOf = new Map([...groups].flatMap(([group, names]) => names.map((name) => [name, group])));
  await writeFile(join(directory, 'groups.json'), JSON.stringify(Object.fromEntries(groupOf)));
  for (const [group, names] of groups) {
    const members = new Map(names.map((name) => [name, wrapped.get(name) ?? '']));
    await writeFile(join(directory, group), joinParts(members));
  }
  for (const [name, source] of wrapped) if (!groupOf.has(name)) await writeFile(join(directory, name), source);
  return groupOf;
}

async function packAll(
  wrapped: string,
  groupOf: ReadonlyMap<string, string>,
  work: string,
  withCode: boolean,
): Promise<Record<string, string>> {
  const all = new Map<string, Part | Member>([...groupOf].map(([name, group]) => [name, { group }]));
  for (const name of (await readdir(wrapped)).filter((file) => !/\.(code|json)$/.test(file)))
    all.set(name, {
      source: await readFile(join(wrapped, name), 'utf8'),
      code: withCode ? await readFile(join(wrapped, `${name}.code`)) : undefined,
    });
  const { index, block } = pack(all);
  const assets = { index: join(work, 'index.json'), parts: join(work, 'parts') };
  await writeFile(assets.index, JSON.stringify(index));
  await writeFile(assets.parts, block);
  return assets;
}

/** Runs the Node that runs this, without standard input: an open pipe would be waited for, as a list of nodes. */
async function runToItsEnd(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(process.execPath, argv, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'close') as Promise<[number | null]>;
  const [said, complaints, [code]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (code !== 0) throw new Error(`node ${argv.join(' ')} ended with ${code}:\n${said}${complaints}`);
}

/** Runs the Node that runs this; what it says is shown only when it fails, in the error. */
function run(...argv: string[]): void {
  execFileSync(process.execPath, argv, { stdio: 'pipe' });
}
