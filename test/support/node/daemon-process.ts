import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** A daemon with the probe agent and all built-in ones, in its own process. */
export interface DaemonProcess extends AsyncDisposable {
  readonly port: number;
  /** The text of its log. */
  readonly log: () => string;
  /** SIGSTOP: it hangs, and its connections stay open. */
  readonly hang: () => void;
  /** Milliseconds: the longest time that its event loop stood still since this was asked last. */
  readonly longestPause: () => Promise<number>;
  /** Bytes that are in use, after a collection of garbage. */
  readonly memory: () => Promise<{ readonly used: number; readonly resident: number }>;
}

export async function startDaemonProcess(configFile: string): Promise<DaemonProcess> {
  const child = fork(join(import.meta.dirname, 'daemon-child.ts'), [configFile], {
    execArgv: ['--expose-gc', '--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const ended = once(child, 'exit');
  const said: string[] = [];
  child.stdout?.setEncoding('utf8').on('data', (text) => said.push(text));
  const next = async () => {
    const told = await Promise.race([once(child, 'message'), ended.then(() => undefined)]);
    if (told === undefined) throw new Error('the daemon has ended');
    return told[0] as unknown;
  };
  const port = (await next()) as number;
  return {
    port,
    log: () => said.join(''),
    hang: () => void child.kill('SIGSTOP'),
    longestPause: async () => {
      child.send('pause');
      return (await next()) as number;
    },
    memory: async () => {
      child.send('memory');
      const { heapUsed, external, rss } = (await next()) as NodeJS.MemoryUsage;
      return { used: heapUsed + external, resident: rss };
    },
    [Symbol.asyncDispose]: async () => {
      // It does not matter which clients it still serves.
      child.kill('SIGKILL');
      await ended;
    },
  };
}
