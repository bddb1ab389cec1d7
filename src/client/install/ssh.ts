import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Problem } from '../../core/errors.ts';
import { printable } from '../../core/text.ts';
import type { SshTarget } from './target.ts';

export interface SshSettings {
  /** ssh’s own configuration file, and the private key for the login; ssh’s defaults if omitted. */
  readonly config?: string;
  readonly identity?: string;
  /** Accepts the key of an unknown host. A changed one is always refused. */
  readonly acceptNew?: boolean;
  readonly env: Readonly<NodeJS.ProcessEnv>;
  readonly signal: AbortSignal;
}

export interface Script {
  /** For messages: “look at the host”. */
  readonly purpose: string;
  /** POSIX shell. The values arrive as $1, $2, …: none is ever a part of the text. */
  readonly text: string;
  readonly values: readonly string[];
  /** The script's standard input. */
  readonly payload?: Readable;
}

export interface ScriptResult {
  readonly code: number;
  readonly out: string;
  /** The last line of standard error. */
  readonly lastError: string;
}

/** One host over the system’s ssh: all scripts share one login. */
export interface Remote {
  /** @throws Problem `ssh-failed` when ssh cannot log in or loses the host */
  readonly run: (script: Script, asRoot?: boolean) => Promise<ScriptResult>;
  /** The address of the host in ssh’s configuration. */
  readonly address: () => Promise<string>;
  readonly close: () => Promise<void>;
}

/** The exit code of ssh itself (ssh(1), EXIT STATUS). */
const sshFailed = 255;
const mostOutput = 1024 * 1024;

/**
 * The whole remote command, the same for every script: it reads the script’s length, the script, and leaves the rest of
 * standard input to it. So the user’s login shell, whatever it is, sees only this line.
 */
const receive = `sh -c 'IFS= read -r n && s=$(head -c "$n") && eval "$s"'`;

/** @throws Problem `ssh-failed` when there is no ssh */
export async function openRemote(target: SshTarget, settings: SshSettings): Promise<Remote> {
  // A socket’s path may have 108 bytes (unix(7)), and ssh adds some 60 of its own.
  const parent = tmpdir().length > 30 ? '/tmp' : tmpdir();
  const directory = await mkdtemp(join(parent, 'mco-ssh-'));
  const argv = sshArgv(target, settings, directory);
  return {
    run: (script, asRoot = false) =>
      runScript([...argv, asRoot ? `sudo -n ${receive}` : receive], script, target, settings),
    address: async () => {
      const { out } = await collect(start(['-G', ...argv], settings));
      return /^hostname (\S+)$/m.exec(out)?.[1] ?? target.host;
    },
    close: async () => {
      const unheeded = { ...settings, signal: new AbortController().signal };
      await collect(start(['-O', 'exit', ...argv], unheeded)).catch(() => {});
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function sshArgv(
  { host, user, port }: SshTarget,
  { config, identity, acceptNew }: SshSettings,
  directory: string,
): string[] {
  const options = {
    // Nobody is there to answer: prompts fail at once.
    BatchMode: 'yes',
    ConnectTimeout: '15',
    ServerAliveInterval: '15',
    ServerAliveCountMax: '4',
    ControlMaster: 'auto',
    ControlPersist: '60',
    ControlPath: join(directory, '%C'),
    ...(acceptNew === true ? { StrictHostKeyChecking: 'accept-new' } : {}),
  };
  return [
    ...(config === undefined ? [] : ['-F', config]),
    ...(identity === undefined ? [] : ['-i', identity]),
    ...Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]),
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    '-T',
    '--',
    host,
  ];
}

function start(argv: readonly string[], { env, signal }: SshSettings): ChildProcess {
  return spawn('ssh', argv, { env, signal, killSignal: 'SIGTERM', stdio: ['pipe', 'pipe', 'pipe'] });
}

async function runScript(
  argv: readonly string[],
  { purpose, text, values, payload }: Script,
  target: SshTarget,
  settings: SshSettings,
): Promise<ScriptResult> {
  const child = start(argv, settings);
  const script = Buffer.from(`set -- ${values.map(quote).join(' ')}\n${text}`);
  // A script that ends early closes its input; its exit code says more than that.
  child.stdin?.on('error', () => {});
  child.stdin?.write(`${script.length}\n`);
  child.stdin?.write(script);
  if (payload === undefined) child.stdin?.end();
  else if (child.stdin !== null) void pipeline(payload, child.stdin).catch(() => {});
  let result: ScriptResult;
  try {
    result = await collect(child);
  } catch (cause) {
    payload?.destroy();
    if (settings.signal.aborted) throw new Problem('cancelled', `${target.node}: to ${purpose} was cancelled`);
    throw new Problem('ssh-failed', 'ssh cannot be run', 'install the OpenSSH client', { cause });
  }
  payload?.destroy();
  if (result.code !== sshFailed) return result;
  const login = [...(target.port === undefined ? [] : ['-p', target.port]), loginOf(target)].join(' ');
  const hint = `make “ssh ${login} true” work without a question: it shows whether the key of the host is unknown or changed, the login is refused, or nothing answers`;
  throw new Problem('ssh-failed', `ssh could not ${purpose}: ${result.lastError || 'it gave no reason'}`, hint);
}

export function loginOf({ user, host }: SshTarget): string {
  return user === undefined ? host : `${user}@${host}`;
}

/** A word quoted for a POSIX shell, with any content. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Runs a script that must succeed. @throws Problem `host-failed` with the script's last message */
export async function runOrThrow(remote: Remote, script: Script, asRoot: boolean): Promise<string> {
  const { code, out, lastError } = await remote.run(script, asRoot);
  if (code === 0) return out;
  const undone = out.includes('undone=yes') ? '; its changes were undone' : '';
  throw new Problem('host-failed', `could not ${script.purpose}: ${lastError || `exit code ${code}`}${undone}`);
}

async function collect(child: ChildProcess): Promise<ScriptResult> {
  const out = keep(child.stdout as Readable);
  const err = keep(child.stderr as Readable);
  // Not “close”: the shared connection may keep standard error open.
  const [[code]] = await Promise.all([once(child, 'exit') as Promise<[number | null]>, out.ended]);
  child.stderr?.destroy();
  return { code: code ?? sshFailed, out: out.text(), lastError: lastLine(err.text()) };
}

function keep(stream: Readable) {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    if (size < mostOutput) chunks.push(chunk);
    size += chunk.length;
  });
  return { text: () => Buffer.concat(chunks).toString('utf8'), ended: once(stream, 'close') };
}

function lastLine(text: string): string {
  const lines = text.split(/[\r\n]+/).filter((line) => line.trim() !== '');
  return printable(lines.at(-1) ?? '')
    .trim()
    .slice(0, 300);
}
