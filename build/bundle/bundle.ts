import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { build, type BuildOptions, type Metafile, type Plugin, transform } from 'esbuild';
import { clock, filesLater } from './later.ts';
import { withoutUnused } from './left-out.ts';

export const repository = join(import.meta.dirname, '../..');

export interface BundleOptions {
  /** Name and file of each: `main` becomes `main.cjs`. */
  readonly entries: Readonly<Record<string, string>>;
  /** The directory of the parts: `main.cjs`, and those that it loads when it needs them. */
  readonly directory: string;
  /** Modules that take the place of those in src, by their names in package.json (`imports`): their source. */
  readonly standIns: Readonly<Record<string, string>>;
  /**
   * Parts that the stand-ins load when a function of theirs is called, with `require('./NAME.cjs')`: their sources by NAME.
   * An `import()`, which begins a part elsewhere, can't be waited for there.
   */
  readonly onDemand: Readonly<Record<string, string>>;
  /** Values known at build time, by the names under which src declares them. */
  readonly constants: Readonly<Record<string, string>>;
}

/**
 * Bundles the program to CommonJS files that load each other: each `import()` begins a new part, so that a command loads only what it needs.
 * The same sources give the same bytes. @returns which of the sources and packages went in
 */
export async function bundle(options: BundleOptions): Promise<Metafile> {
  const { entries, directory, standIns, onDemand, constants } = options;
  const program = await build({
    ...common(directory),
    entryPoints: { ...entries },
    outExtension: { '.js': '.cjs' },
    chunkNames: 'part-[hash]',
    splitting: true,
    // esbuild splits only modules of this form.
    format: 'esm',
    plugins: [takingPlaces(standIns), filesLater, withoutUnused],
    inject: [...clock.inject],
    define: {
      ...clock.define,
      ...Object.fromEntries(Object.entries(constants).map(([name, value]) => [name, JSON.stringify(value)])),
    },
  });
  const parts = await build({
    ...common(directory),
    entryPoints: Object.keys(onDemand).map((name) => ({ in: name, out: name })),
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    plugins: [fromText(onDemand)],
  });
  await mkdir(directory, { recursive: true });
  for (const { path, text } of program.outputFiles)
    await writeFile(join(directory, basename(path)), await toCommonJs(text));
  for (const { path, text } of parts.outputFiles) await writeFile(join(directory, basename(path)), text);
  return {
    inputs: { ...program.metafile.inputs, ...parts.metafile.inputs },
    outputs: { ...program.metafile.outputs, ...parts.metafile.outputs },
  };
}

/** Removed code takes no time and no memory. Names are kept, so that a stack in the log can be read. */
const smaller = { minifySyntax: true, minifyWhitespace: true, lineLimit: 120 } as const;

function common(directory: string) {
  return {
    absWorkingDir: repository,
    outdir: directory,
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    target: 'node24',
    ...smaller,
    legalComments: 'none',
    logLevel: 'warning',
  } as const satisfies BuildOptions;
}

/** The modules whose names begin with `#`; what these load on demand is there when the program runs. */
function takingPlaces(standIns: Readonly<Record<string, string>>): Plugin {
  return {
    name: 'stand-ins',
    setup: ({ onResolve, onLoad }) => {
      onResolve({ filter: /^#/ }, ({ path }) => ({ path, namespace: 'stand-in' }));
      onResolve({ filter: /^\.\/.*\.cjs$/, namespace: 'stand-in' }, ({ path }) => ({ path, external: true }));
      onLoad({ filter: /./, namespace: 'stand-in' }, ({ path }) => ({
        contents: standIns[path] ?? `throw new Error('nothing stands in for ${path}');`,
        resolveDir: repository,
      }));
    },
  };
}

/** Entries whose source is given, not read from a file. */
function fromText(sources: Readonly<Record<string, string>>): Plugin {
  return {
    name: 'from-text',
    setup: ({ onResolve, onLoad }) => {
      onResolve({ filter: /./ }, ({ kind, path }) =>
        kind === 'entry-point' ? { path, namespace: 'on-demand' } : undefined,
      );
      onLoad({ filter: /./, namespace: 'on-demand' }, ({ path }) => ({
        contents: sources[path] ?? '',
        resolveDir: repository,
      }));
    },
  };
}

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
