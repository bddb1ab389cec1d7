import { execFileSync } from 'node:child_process';
import { cp, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repository } from '../bundle/bundle.ts';
import { description } from '../system/tree.ts';
import { writeTypes } from './types.ts';

export interface NpmPackageOptions {
  /** The directory of the program's parts, with `main.cjs` and `index.cjs`. */
  readonly parts: string;
  readonly version: string;
  readonly licences: string;
  /** An empty directory to lay the package out in. */
  readonly work: string;
  readonly file: string;
}

/**
 * Makes the npm package of the client, with `npm pack`. Everything that it needs is bundled, so that it has no dependencies,
 * no install script and no native parts: it runs where Node.js 24 runs.
 */
export async function makeNpmPackage({ parts, version, licences, work, file }: NpmPackageOptions): Promise<void> {
  await cp(parts, join(work, 'program'), { recursive: true });
  await mkdir(join(work, 'bin'));
  await writeFile(join(work, 'bin/mco-deploy.cjs'), starter, { mode: 0o755 });
  await writeFile(join(work, 'index.mjs'), wrapper);
  await writeTypes(join(work, 'types'));
  for (const name of ['README.md', 'CHANGELOG.md', 'LICENSE'])
    await writeFile(join(work, name), await readFile(join(repository, name)));
  await writeFile(join(work, 'THIRD-PARTY-LICENCES.txt'), licences);
  await writeFile(join(work, 'package.json'), `${JSON.stringify(await manifest(version), undefined, 2)}\n`);
  const packed = execFileSync('npm', ['pack', '--silent', '--ignore-scripts'], { cwd: work, encoding: 'utf8' });
  await rename(join(work, packed.trim()), file);
}

/** npm only warns where Node.js is too old: the program says what is wrong, in words that any version reads. */
const starter = `#!/usr/bin/env node
'use strict';
if (Number(process.versions.node.split('.')[0]) < 24) {
  console.error('mco-deploy: Node.js ' + process.versions.node + ' is too old: install Node.js 24 or newer, or the binary (docs/install.md)');
  process.exit(69);
}
require('../program/main.cjs');
`;

/** Both ways to import it lead to the same module: `instanceof Problem` holds across them. */
const wrapper = `import library from './program/index.cjs';
export const { connect, Problem } = library;
`;

async function manifest(version: string): Promise<object> {
  const { name, license } = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8'));
  return {
    name,
    version,
    description: description.join(' '),
    license,
    type: 'commonjs',
    main: './program/index.cjs',
    types: './types/index.d.ts',
    bin: { [name]: 'bin/mco-deploy.cjs' },
    exports: {
      '.': {
        import: { types: './types/index.d.mts', default: './index.mjs' },
        require: { types: './types/index.d.ts', default: './program/index.cjs' },
      },
      './package.json': './package.json',
    },
    files: ['bin', 'program', 'types', 'index.mjs', 'CHANGELOG.md', 'THIRD-PARTY-LICENCES.txt'],
    engines: { node: '>=24' },
    keywords: ['deploy', 'haproxy', 'orchestration', 'mcollective', 'choria'],
  };
}
