import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { hostOf } from '../find.ts';
import type { LabState } from '../state.ts';

/** The environment of what is run on a host: nothing of the machine's own but the terminal's. */
export function hostEnvironment(home: string): Record<string, string> {
  const kept = ['TERM', 'COLUMNS', 'LINES', 'NO_COLOR', 'FORCE_COLOR'] as const;
  const terminal = kept.flatMap((name) =>
    process.env[name] === undefined ? [] : [[name, process.env[name]] as const],
  );
  return {
    ...Object.fromEntries(terminal),
    PATH: '/opt/mco-deploy/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    LANG: 'C.UTF-8',
    HOME: home,
  };
}

/** The command that runs another one on a host. @throws Error when the lab has no such host */
export function enterHost(lab: LabState, name: string, argv: readonly string[]): [string, ...string[]] {
  const host = hostOf(lab, name);
  const pid = lab.holders[host.name]?.pid;
  if (pid === undefined) throw new Error(`the lab host ${host.name} does not run`);
  const namespaces = ['--mount', '--uts', '--net', '--ipc'];
  if (host.kind !== 'control') namespaces.push('--pid');
  return ['nsenter', '--target', String(pid), ...namespaces, '--', ...argv];
}

export interface ExecResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ExecOptions {
  readonly input?: string;
  /** Sends SIGINT, as Ctrl-C does. */
  readonly signal?: AbortSignal;
  /** The same, each once. */
  readonly signals?: readonly AbortSignal[];
  /** Sends SIGKILL. */
  readonly kill?: AbortSignal;
  readonly home?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Gets standard error as it comes. */
  readonly onStderr?: (text: string) => void;
  /** Gets standard output as it comes. */
  readonly onStdout?: (text: string) => void;
}

/** Runs argv on a host to its end; a signal that ended it reads as 128 and its number, as in a shell. */
export async function execOnHost(
  lab: LabState,
  host: string,
  argv: readonly string[],
  { input, signal, signals = [], kill, home = '/root', env = {}, onStderr, onStdout }: ExecOptions = {},
): Promise<ExecResult> {
  const [file, ...rest] = enterHost(lab, host, argv);
  const stdin = input === undefined ? 'ignore' : 'pipe';
  const child = spawn(file, rest, { env: { ...hostEnvironment(home), ...env }, stdio: [stdin, 'pipe', 'pipe'] });
  const interrupt = () => child.kill('SIGINT');
  const all = signal === undefined ? signals : [signal, ...signals];
  for (const one of all) one.addEventListener('abort', interrupt, { once: true });
  const killNow = () => child.kill('SIGKILL');
  kill?.addEventListener('abort', killNow, { once: true });
  const output = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
    onStdout?.(text);
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
    onStderr?.(text);
  });
  // A command that does not read its input may be gone before it was written.
  child.stdin?.on('error', () => undefined).end(input);
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exit, ended) => resolve(exit ?? 128 + signalNumber(ended)));
  });
  for (const one of all) one.removeEventListener('abort', interrupt);
  kill?.removeEventListener('abort', killNow);
  return { code, ...output };
}

function signalNumber(name: NodeJS.Signals | null): number {
  return name === null ? 0 : (constants.signals[name] ?? 0);
}
