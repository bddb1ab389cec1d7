// Makes build/out/mco-deploy, the program with its runtime in one file, for this machine; with --target LIST, build/out/mco-deploy-TARGET
// for each of those. With --version V, it says that of itself; with --out DIR, all goes there.
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeBinary } from './binary.ts';
import { repository } from './bundle.ts';
import { bundleProgram } from './bundle-program.ts';
import { runtimeOf } from './runtime.ts';
import { hostTarget, parseTargets } from './targets.ts';

const { values } = parseArgs({
  options: { target: { type: 'string' }, out: { type: 'string' }, version: { type: 'string' } },
});
const out = values.out ?? join(repository, 'build/out');
await mkdir(out, { recursive: true });
// Each build works in a directory of its own and renames at the end: two at a time do no harm.
const work = await mkdtemp(join(out, 'work-'));
try {
  const parts = join(work, 'bundle');
  await bundleProgram(parts, work, values.version);
  for (const target of parseTargets(values.target) ?? [hostTarget]) {
    const binary = join(out, values.target === undefined ? 'mco-deploy' : `mco-deploy-${target}`);
    const room = await mkdtemp(join(work, 'binary-'));
    await makeBinary({ parts, runtime: await runtimeOf(target), binary, work: room });
  }
  await rm(join(out, 'bundle'), { recursive: true, force: true });
  await rename(parts, join(out, 'bundle'));
} finally {
  await rm(work, { recursive: true, force: true });
}
