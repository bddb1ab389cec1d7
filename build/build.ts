// Makes build/out/mco-deploy.cjs (the program as one file) and build/out/mco-deploy (the same with its runtime).
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { shippedPlaybooks } from '../src/playbooks.ts';
import { schemas } from '../src/schemas.ts';
import { makeBinary } from './binary.ts';
import { bundle } from './bundle.ts';
import { writeValidators } from './validators.ts';

const out = join(import.meta.dirname, 'out');
await mkdir(out, { recursive: true });
// Each build works in a directory of its own and renames at the end: two at a time do no harm.
const work = await mkdtemp(join(out, 'work-'));
try {
  await generate('validators.js', writeValidators(schemas));
  await generate('playbooks.js', `export const shippedPlaybooks = ${JSON.stringify(shippedPlaybooks, null, 2)};\n`);
  const file = join(out, 'mco-deploy.cjs');
  await bundle('src/main.ts', join(work, 'mco-deploy.cjs'));
  await rename(join(work, 'mco-deploy.cjs'), file);
  await makeBinary(file, join(out, 'mco-deploy'), work);
} finally {
  await rm(work, { recursive: true, force: true });
}

/** Writes a module that takes the place of one in src (package.json, `imports`). */
async function generate(name: string, text: string): Promise<void> {
  await writeFile(join(work, name), text);
  await rename(join(work, name), join(out, name));
}
