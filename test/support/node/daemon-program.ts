import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { program } from '../program/program.ts';

/** The daemon as it is run by a service manager: a program of its own. */
export interface DaemonProgram extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  /** SIGKILL, as a crash would end it. */
  readonly kill: () => Promise<void>;
}

/**
 * Starts the program, and is done when it listens.
 * @param argv the program; `program` when it is left out
 * @throws with what it said when it ends instead
 */
export async function startDaemonProgram(
  configFile: string,
  argv: readonly string[] = program,
): Promise<DaemonProgram> {
  const [file = '', ...before] = argv;
  const child = spawn(file, [...before, 'daemon', '--config', configFile], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'close');
  const port = await Promise.race([portOf(child), failure(child, ended)]);
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await ended;
  };
  return { port, pid: child.pid ?? 0, kill: () => end('SIGKILL'), [Symbol.asyncDispose]: () => end('SIGTERM') };
}

function portOf({ stdout }: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    if (stdout === null) return;
    createInterface({ input: stdout }).on('line', (line) => {
      const { msg, port } = JSON.parse(line) as { msg: string; port: number };
      if (msg === 'listening') resolve(port);
    });
  });
}

async function failure({ stderr }: ChildProcess, ended: Promise<unknown[]>): Promise<never> {
  const said: string[] = [];
  stderr?.setEncoding('utf8').on('data', (text) => said.push(text));
  const [code] = await ended;
  throw Object.assign(new Error(said.join('')), { code });
}
