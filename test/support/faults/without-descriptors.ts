import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** The path of a source file, for an import in such code. */
export function sourceFile(file: string): string {
  return JSON.stringify(join(import.meta.dirname, '../../../src', file));
}

/**
 * Runs code in a process that then has no descriptor left. A failure that nobody awaits ends it.
 * @param imports statements that come before
 * @param code the body of a function
 * @returns the JSON of the result
 */
export function withoutDescriptors(imports: string, code: string): unknown {
  const script = `
    import { openSync } from 'node:fs';
    ${imports}
    await new Promise(setImmediate);
    try { for (;;) openSync('/dev/null'); } catch {}
    const shown = await (async () => { ${code} })();
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.stdout.write(JSON.stringify(shown));
  `;
  const argv = [process.execPath, '--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script];
  const text = execFileSync('sh', ['-c', 'ulimit -n 64; exec "$@"', 'sh', ...argv], { encoding: 'utf8' });
  return JSON.parse(text) as unknown;
}
