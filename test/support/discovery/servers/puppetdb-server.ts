import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeServerCertificate, type ServerCertificate } from '../../certificates.ts';
import { freePort } from '../../free-port.ts';
import { type PostgresServer, startPostgres } from './postgres-server.ts';

/** Debian's PuppetDB on its own PostgreSQL. It answers by HTTPS, and only to certificates of its CA. */
export interface PuppetdbServer extends AsyncDisposable {
  readonly url: string;
  /** CA, certificate and key that it lets in. */
  readonly tls: ServerCertificate;
  /** Sends a command of its API and waits until it was carried out. */
  readonly command: (name: string, version: number, certname: string, payload: object) => Promise<void>;
}

const extensions = 'create extension pg_trgm';

export async function startPuppetdb(): Promise<PuppetdbServer> {
  const postgres = await startPostgres();
  const directory = await mkdtemp(join(tmpdir(), 'mco-puppetdb-'));
  try {
    await postgres.execute('postgres', "create role puppetdb login password 'puppetdb'");
    await postgres.execute('postgres', 'create database puppetdb owner puppetdb');
    await postgres.execute('puppetdb', extensions);
    const tls = await makeServerCertificate(directory, 'puppetdb');
    const port = await freePort();
    await writeConfiguration(directory, port, tls, postgres);
    const server = startJava(directory);
    const ended = once(server, 'close');
    const stop = async () => {
      server.kill('SIGKILL');
      await ended;
      await postgres[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    };
    const url = `https://127.0.0.1:${port}`;
    await untilServing(url, tls, () => server.exitCode === null).catch(async (error: unknown) => {
      await stop();
      throw error;
    });
    return { url, tls, command: commander(url, tls), [Symbol.asyncDispose]: stop };
  } catch (error) {
    await Promise.resolve(postgres[Symbol.asyncDispose]()).catch(() => {});
    throw error;
  }
}

/** It migrates an empty database first, which takes a slow machine minutes. */
async function untilServing(url: string, tls: ServerCertificate, alive: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1200 && alive(); tries++) {
    const { status } = await ask(new URL('/pdb/meta/v1/version', url), tls).catch(() => ({ status: 0 }));
    if (status === 200) return;
    await sleep(200);
  }
  throw new Error('PuppetDB does not serve');
}

async function ask(
  address: URL,
  { key, cert, ca }: ServerCertificate,
  body?: object,
): Promise<{ status: number; answer: string }> {
  const headers = { 'content-type': 'application/json' };
  const method = body === undefined ? 'GET' : 'POST';
  const sent = request(address, { method, key, cert, ca: await readFile(ca), headers });
  sent.end(body === undefined ? undefined : JSON.stringify(body));
  const [response] = await once(sent, 'response');
  return { status: response.statusCode, answer: await text(response) };
}

async function writeConfiguration(directory: string, port: number, tls: ServerCertificate, postgres: PostgresServer) {
  const files = {
    'database.ini': `[database]\nsubname = //127.0.0.1:${postgres.port}/puppetdb?sslmode=disable\nusername = puppetdb\npassword = puppetdb\n`,
    'config.ini': `[global]\nvardir = ${directory}/var\nlogging-config = ${directory}/logback.xml\n`,
    'jetty.ini': `[jetty]\nssl-host = 127.0.0.1\nssl-port = ${port}\nssl-key = ${tls.keyFile}\nssl-cert = ${tls.certFile}\nssl-ca-cert = ${tls.ca}\nclient-auth = need\n`,
  };
  for (const part of ['conf.d', 'var']) await mkdir(join(directory, part));
  await copyFile('/etc/puppetdb/conf.d/auth.conf', join(directory, 'conf.d/auth.conf'));
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, 'conf.d', name), content);
  await writeFile(
    join(directory, 'logback.xml'),
    '<configuration><appender name="OUT" class="ch.qos.logback.core.ConsoleAppender"><encoder><pattern>%m%n</pattern></encoder></appender>' +
      '<root level="info"><appender-ref ref="OUT"/></root></configuration>',
  );
}

function startJava(directory: string) {
  const words = [
    '-Xmx400m',
    '-cp',
    '/usr/share/puppetdb/puppetdb.jar',
    'clojure.main',
    '-m',
    'puppetlabs.puppetdb.core',
  ];
  const service = [
    'services',
    '--config',
    join(directory, 'conf.d'),
    '--bootstrap-config',
    '/etc/puppetdb/bootstrap.cfg',
  ];
  return spawn('java', [...words, ...service], { stdio: ['ignore', 'ignore', 'inherit'] });
}

function commander(url: string, tls: ServerCertificate): PuppetdbServer['command'] {
  return async (command, version, certname, payload) => {
    const address = new URL('/pdb/cmd/v1', url);
    const words = { command, version: String(version), certname, secondsToWaitForCompletion: '60' };
    for (const [key, value] of Object.entries(words)) address.searchParams.set(key, value);
    const { status, answer } = await ask(address, tls, payload);
    if (status !== 200 || JSON.parse(answer).processed !== true) throw new Error(`${command}: ${status} ${answer}`);
  };
}
