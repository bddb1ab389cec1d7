import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { build, type Metafile, type Plugin, transform } from 'esbuild';

export const repository = join(import.meta.dirname, '..');

export interface BundleOptions {
  /** What each is called, and its file: `main` becomes `main.cjs`. */
  readonly entries: Readonly<Record<string, string>>;
  /** Where the parts go: `main.cjs`, and what it loads when it needs it. */
  readonly directory: string;
  /** Modules that take the place of those in src, by their names in package.json (`imports`): their source. */
  readonly standIns: Readonly<Record<string, string>>;
  /** Values known at build time, by the names under which src declares them. */
  readonly constants: Readonly<Record<string, string>>;
}

/**
 * Bundles the program to CommonJS files that load each other: each `import()` begins a new part, so that a command loads only what it needs.
 * The same sources give the same bytes. @returns which of the sources and packages went in
 */
export async function bundle({ entries, directory, standIns, constants }: BundleOptions): Promise<Metafile> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: repository,
    entryPoints: { ...entries },
    outdir: directory,
    outExtension: { '.js': '.cjs' },
    chunkNames: 'part-[hash]',
    bundle: true,
    splitting: true,
    write: false,
    metafile: true,
    platform: 'node',
    target: 'node24',
    // esbuild splits only modules of this form.
    format: 'esm',
    plugins: [takingPlaces(standIns), withoutSubprograms, withoutHelpers],
    define: Object.fromEntries(Object.entries(constants).map(([name, value]) => [name, JSON.stringify(value)])),
    ...smaller,
    legalComments: 'none',
    logLevel: 'warning',
  });
  await mkdir(directory, { recursive: true });
  for (const { path, text } of outputFiles) await writeFile(join(directory, basename(path)), await toCommonJs(text));
  return metafile;
}

function takingPlaces(standIns: Readonly<Record<string, string>>): Plugin {
  return {
    name: 'stand-ins',
    setup: ({ onResolve, onLoad }) => {
      onResolve({ filter: /^#/ }, ({ path }) => ({ path, namespace: 'stand-in' }));
      onLoad({ filter: /./, namespace: 'stand-in' }, ({ path }) => ({
        contents: standIns[path] ?? `throw new Error('nothing stands in for ${path}');`,
        resolveDir: repository,
      }));
    },
  };
}

/** commander would load what it takes to run commands that are programs of their own, at every start: there are none. */
const withoutSubprograms: Plugin = {
  name: 'without-subprograms',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      importer.includes('/node_modules/commander/') ? { path: 'child_process', namespace: 'absent' } : undefined,
    );
    onLoad({ filter: /./, namespace: 'absent' }, () => ({ contents: 'export default {};' }));
  },
};

/**
 * gRPC would load proto-loader for its services of channelz and load reports, which are not offered here; protobufjs would load
 * long, which compiles WebAssembly at each start: numbers of messages are read as numbers, of 53 bits.
 */
const withoutHelpers: Plugin = {
  name: 'without-helpers',
  setup: ({ onResolve }) => {
    onResolve({ filter: /^(@grpc\/proto-loader|long)$/ }, ({ path }) => ({ path, namespace: 'absent' }));
  },
};

/** What is not there takes no time to read and no memory. Names stay whole, so that a stack in the log can be read. */
const smaller = { minifySyntax: true, minifyWhitespace: true, lineLimit: 120 } as const;

/** A single executable application has no modules: `import()` becomes a `require` that happens later, too. */
async function toCommonJs(text: string): Promise<string> {
  const { code } = await transform(text, {
    format: 'cjs',
    platform: 'node',
    target: 'node24',
    supported: { 'dynamic-import': false },
    ...smaller,
  });
  return code;
}

/** The commit that is built, marked when the files differ from it; empty outside a checkout. */
export function commit(): string {
  const git = (...argv: string[]) =>
    execFileSync('git', argv, { cwd: repository, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no', '--', 'src', 'playbooks', 'proto') !== '';
    return git('rev-parse', '--short=12', 'HEAD') + (changed ? '+' : '');
  } catch {
    return '';
  }
}
