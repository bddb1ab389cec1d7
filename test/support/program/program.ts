import { join } from 'node:path';

const repository = join(import.meta.dirname, '../../..');
const built = process.env.MCO_TEST_PROGRAM;

/**
 * The words that start the program: what was built last when test/run.ts runs, which starts in a fraction of the time, and the
 * sources when a test file runs alone, so that it never tests an old build.
 */
export const program: readonly [string, ...string[]] =
  built === undefined ? ['sh', join(repository, 'build/node24'), join(repository, 'src/main.ts')] : [built];

/** The same, for a shell script. */
export const programInShell = program.join(' ');
