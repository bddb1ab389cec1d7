import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { enterHost, hostEnvironment } from '../network/enter.ts';
import { controlHost } from '../estate.ts';
import { type LabState, repository } from '../state.ts';

/** The result of a constant load. */
export interface LoadReport {
  requests: number;
  /** Every request that did not end in 200: when it began, when it ended, and how. */
  failures: string[];
  /** Answers by their text, which names the revision. */
  bodies: Record<string, number>;
  /** Milliseconds. */
  slowest: number;
}

export interface Load {
  /** Lets the open requests end. @throws Error when the generator failed itself */
  readonly stop: () => Promise<LoadReport>;
}

/** Asks a page of the load balancer at a constant rate, from its own process on the control host. */
export async function startLoad(lab: LabState, url: string, rate: number, keepAlive = true): Promise<Load> {
  const generator = join(repository, 'test/support/lab/traffic/load-generator.ts');
  const command = [
    'sh',
    join(repository, 'build/node24'),
    generator,
    url,
    String(rate),
    keepAlive ? 'keep-alive' : 'close',
  ];
  const [file, ...argv] = enterHost(lab, controlHost.name, command);
  const child = spawn(file, argv, { stdio: ['pipe', 'pipe', 'inherit'], env: hostEnvironment('/root') });
  // If it has ended by itself, its report is missing.
  child.stdin.on('error', () => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error('the load generator ended by itself');
    return value;
  };
  await next();
  return {
    stop: async () => {
      child.stdin.end();
      return JSON.parse(await next()) as LoadReport;
    },
  };
}
