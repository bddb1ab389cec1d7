import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { build } from 'esbuild';
import { joinParts, type Part, startPart, wrap } from './program/load.ts';
import { pack } from './program/pack.ts';
import { startRehearsal } from './rehearsal.ts';

// Node looks for this mark to know that it carries a program (Node's documentation, “Single executable applications”).
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
const postject = join(import.meta.dirname, '../node_modules/postject/dist/cli.js');
const record = join(import.meta.dirname, 'program/record.ts');

/** Flags of V8 that every start of the binary has. */
const flags: readonly string[] = [];

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
    entryPoints: [join(import.meta.dirname, 'program/start.ts')],
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
  const wrapped = join(work, 'wrapped');
  await mkdir(wrapped);
  const sources = new Map<string, string>();
  for (const name of (await readdir(parts)).sort()) sources.set(name, await readFile(join(parts, name), 'utf8'));
  const start = startOf(sources);
  const together = new Map([...sources].filter(([name]) => start.has(name)).map(([name, text]) => [name, wrap(text)]));
  const names = [startPart, ...[...sources.keys()].filter((name) => !start.has(name))];
  await writeFile(join(wrapped, startPart), joinParts(together));
  for (const name of names.slice(1)) await writeFile(join(wrapped, name), wrap(sources.get(name) ?? ''));
  if (withCode) await recordCode(wrapped, work);
  const partOf = async (name: string): Promise<Part> => ({
    source: await readFile(join(wrapped, name), 'utf8'),
    code: withCode ? await readFile(join(wrapped, `${name}.code`)) : undefined,
  });
  const { index, block } = pack(
    new Map(await Promise.all(names.map(async (name) => [name, await partOf(name)] as const))),
  );
  const assets = { index: join(work, 'index.json'), parts: join(work, 'parts') };
  await writeFile(assets.index, JSON.stringify(index));
  await writeFile(assets.parts, block);
  return assets;
}

/** The parts that every start loads: main.cjs, and what it needs without an `import()`. */
function startOf(sources: ReadonlyMap<string, string>): ReadonlySet<string> {
  const found = new Set(['main.cjs']);
  for (const name of found) {
    const text = (sources.get(name) ?? '')
      .replaceAll(/\s+/g, '')
      .replaceAll(/\.then\(\(\)=>(__toESM\()?require\(/g, '');
    // esbuild's own `__require` is for what is loaded on demand.
    for (const [, needed = ''] of text.matchAll(/(?<!__)require\("\.\/([^"]+)"\)/g))
      if (sources.has(needed)) found.add(needed);
  }
  return found;
}

/** Lets V8 write its code for the parts, with the functions in it that a call to a node takes. */
async function recordCode(parts: string, work: string): Promise<void> {
  const { words, env, stop } = await startRehearsal(work);
  try {
    // Waited for without standing still: the node that is called is in this process.
    await runToItsEnd([...flags, record, parts, ...words], env);
  } finally {
    await stop();
  }
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
