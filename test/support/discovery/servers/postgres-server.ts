import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { makeServerCertificate } from '../../certificates.ts';
import { freePort } from '../../free-port.ts';
import { runProgram } from '../../program/run-program.ts';

/** A PostgreSQL of the test's own on 127.0.0.1, with passwords (SCRAM) and TLS. It runs as Debian's user postgres; takes root. */
export interface PostgresServer extends AsyncDisposable {
  readonly port: number;
  /** The file of the CA that its certificate is of. */
  readonly ca: string;
  /** Runs statements as the superuser; fails when one does. */
  readonly execute: (database: string, sql: string) => Promise<void>;
}

export async function startPostgres(): Promise<PostgresServer> {
  if (userInfo().uid !== 0) throw new Error('PostgreSQL is started as another user: that takes root');
  const directory = await mkdtemp(join(tmpdir(), 'mco-postgres-'));
  const bin = await binDirectory();
  const { uid, gid } = await userOf('postgres');
  const asPostgres = (...words: string[]) => [
    '--reuid',
    String(uid),
    '--regid',
    String(gid),
    '--clear-groups',
    ...words,
  ];
  const port = await freePort();
  const data = join(directory, 'data');
  await mkdir(data, { mode: 0o700 });
  for (const path of [directory, data]) await chown(path, uid, gid);
  await succeed(
    'setpriv',
    asPostgres(join(bin, 'initdb'), '--auth=scram-sha-256', '--auth-local=trust', '--no-sync', '-D', data),
  );
  const certificates = join(directory, 'certificates');
  await mkdir(certificates);
  const { ca, keyFile, certFile } = await makeServerCertificate(certificates, 'postgres');
  for (const [file, name] of [
    [keyFile, 'server.key'],
    [certFile, 'server.crt'],
  ] as const) {
    await copyFile(file, join(data, name));
    await chown(join(data, name), uid, gid);
    await chmod(join(data, name), 0o600);
  }
  const settings = {
    port,
    listen_addresses: "'127.0.0.1'",
    unix_socket_directories: `'${directory}'`,
    ssl: 'on',
    fsync: 'off',
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`);
  await writeFile(join(data, 'postgresql.auto.conf'), lines.join(''));
  const server = spawn('setpriv', asPostgres(join(bin, 'postgres'), '-D', data), {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(server, 'close');
  const stop = async () => {
    server.kill('SIGINT');
    await ended;
    await rm(directory, { recursive: true });
  };
  await untilLogged(server.stderr, /ready to accept connections/).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  const execute = async (database: string, sql: string) => {
    const words = [
      '-h',
      directory,
      '-p',
      String(port),
      '-U',
      'postgres',
      '-d',
      database,
      '-v',
      'ON_ERROR_STOP=1',
      '-c',
      sql,
    ];
    await succeed('setpriv', asPostgres(join(bin, 'psql'), ...words));
  };
  return { port, ca, execute, [Symbol.asyncDispose]: stop };
}

/** Debian keeps one directory for each version. */
async function binDirectory(): Promise<string> {
  const root = '/usr/lib/postgresql';
  const versions = (await readdir(root)).filter((name) => /^\d+$/.test(name)).sort((a, b) => Number(b) - Number(a));
  return join(root, versions[0] ?? '', 'bin');
}

async function userOf(name: string): Promise<{ uid: number; gid: number }> {
  const passwd = await readFile('/etc/passwd', 'utf8');
  const [, , uid, gid] =
    passwd
      .split('\n')
      .find((line) => line.startsWith(`${name}:`))
      ?.split(':') ?? [];
  if (uid === undefined) throw new Error(`the machine has no user ${name}`);
  return { uid: Number(uid), gid: Number(gid) };
}

async function succeed(file: string, words: readonly string[]): Promise<void> {
  const { code, out, err } = await runProgram(file, words);
  if (code !== 0) throw new Error(`${words.join(' ')} ended with ${code}:\n${out}${err}`);
}

/** Waits for a line of a program's log. @throws Error with all of the log when the program ends before */
async function untilLogged(log: NodeJS.ReadableStream, line: RegExp): Promise<void> {
  let text = '';
  await new Promise<void>((resolve, reject) => {
    log.on('data', (chunk: Buffer) => {
      text += chunk;
      if (line.test(text)) resolve();
    });
    log.on('end', () => reject(new Error(`it ended before ${line}:\n${text}`)));
  });
}
