import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { repository } from '../bundle/bundle.ts';

/** Writes the declarations of what the package exports, and of no other file of the source. @param directory is made */
export async function writeTypes(directory: string): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'mco-types-'));
  try {
    await emit(work);
    for (const file of await reachable(join(work, 'out'), 'index.d.ts')) {
      const text = await readFile(join(work, 'out', file), 'utf8');
      await mkdir(dirname(join(directory, file)), { recursive: true });
      await writeFile(join(directory, file), text.replaceAll(relativeImport, "$1$2.js'"));
    }
    await writeFile(join(directory, 'index.d.mts'), "export * from './index.js';\n");
  } finally {
    await rm(work, { recursive: true });
  }
}

const relativeImport = /((?:from|import)\s*\(?\s*')(\.{1,2}\/[^']+)\.ts'/g;

async function emit(work: string): Promise<void> {
  const compilerOptions = {
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    rootDir: join(repository, 'src'),
    outDir: join(work, 'out'),
    typeRoots: [join(repository, 'node_modules/@types')],
  };
  const config = {
    extends: join(repository, 'tsconfig.json'),
    compilerOptions,
    files: [join(repository, 'src/index.ts')],
    include: [],
  };
  await writeFile(join(work, 'tsconfig.json'), JSON.stringify(config));
  const tsc = join(repository, 'node_modules/.bin/tsc');
  execFileSync(process.execPath, [tsc, '--project', work], { stdio: ['ignore', 'inherit', 'inherit'] });
}

/** The declarations that one imports, and those that they import. */
async function reachable(root: string, first: string): Promise<readonly string[]> {
  const found = new Set([first]);
  for (const file of found) {
    const text = await readFile(join(root, file), 'utf8');
    for (const [, , path = ''] of text.matchAll(relativeImport)) {
      found.add(relative(root, join(root, dirname(file), `${path}.d.ts`)));
    }
  }
  return [...found];
}
