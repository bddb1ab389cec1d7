import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Answer {
  /** The text on the terminal before the answer is typed. */
  readonly when: string;
  readonly type: string;
}

/** Runs a command on a real terminal (util-linux’ script makes one) and types the answers as they are asked for. */
export async function onTerminal(
  argv: readonly string[],
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
  answers: readonly Answer[] = [],
): Promise<{ readonly code: number; readonly shown: string }> {
  const command = argv.map((word) => `'${word}'`).join(' ');
  const terminal = spawn('script', ['-qec', command, '/dev/null'], options);
  const left = [...answers];
  let shown = '';
  let seen = 0;
  terminal.stdout.on('data', (chunk: Buffer) => {
    shown += chunk.toString();
    const [next] = left;
    const at = next === undefined ? -1 : shown.indexOf(next.when, seen);
    if (next === undefined || at < 0) return;
    seen = at + next.when.length;
    left.shift();
    terminal.stdin.write(next.type);
  });
  const [code] = (await once(terminal, 'close')) as [number];
  return { code, shown };
}
