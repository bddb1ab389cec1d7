import { requireRoot } from './require-root.ts';

/** Runs one of the lab's scripts: an error is one line, not a stack. */
export async function runScript(script: () => Promise<void>): Promise<void> {
  try {
    requireRoot();
    await script();
  } catch (error) {
    process.stderr.write(`lab: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 69;
  }
}
