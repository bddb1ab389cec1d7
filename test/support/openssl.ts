import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Runs the real openssl; `ok` is whether it ended with 0. */
export async function openssl(args: readonly string[], input = ''): Promise<{ ok: boolean; output: string }> {
  const running = run('openssl', [...args], { encoding: 'utf8' });
  running.child.stdin?.end(input);
  try {
    const { stdout, stderr } = await running;
    return { ok: true, output: stdout + stderr };
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    return { ok: false, output: `${stdout}${stderr}${String(error)}` };
  }
}
