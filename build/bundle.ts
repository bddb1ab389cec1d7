import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { build } from 'esbuild';

const repository = join(import.meta.dirname, '..');

/** Bundles the program to one CommonJS file: a single executable application takes no other form. */
export async function bundle(entry: string, file: string): Promise<void> {
  await build({
    absWorkingDir: repository,
    entryPoints: [entry],
    outfile: file,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    conditions: ['bundled'],
    define: { MCO_BUILD_COMMIT: JSON.stringify(commit()) },
    // Names stay whole, so that a stack in the log can be read.
    minifySyntax: true,
    legalComments: 'none',
    logLevel: 'warning',
  });
}

/** The commit that is built, marked when the files differ from it; empty outside a checkout. */
function commit(): string {
  const git = (...argv: string[]) =>
    execFileSync('git', argv, { cwd: repository, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no', '--', 'src', 'playbooks', 'proto') !== '';
    return git('rev-parse', '--short=12', 'HEAD') + (changed ? '+' : '');
  } catch {
    return '';
  }
}
