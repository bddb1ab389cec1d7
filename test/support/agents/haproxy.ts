import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, watch, writeFileSync } from 'node:fs';
import { type Agent, createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { defineRuntime } from '../../../src/agents/haproxy/runtime/runtime.ts';
import { Problem } from '../../../src/core/errors.ts';
import { temporaryDirectory } from './agent-setup.ts';

/** A web server behind HAProxy that can die and come back on its port. */
export interface WebServer {
  readonly name: string;
  readonly port: number;
  /** Requests answered, health checks left out. */
  readonly served: () => number;
  /** Holds requests back until it is given another gate. */
  readonly hold: (gate: Promise<void>) => void;
  /** Answers health checks with this status from now on. */
  readonly checkStatus: (status: number) => void;
  readonly kill: () => Promise<void>;
  readonly revive: () => Promise<void>;
}

export async function startWebServer(name: string): Promise<WebServer> {
  let served = 0;
  let gate: Promise<void> = Promise.resolve();
  let health = 200;
  let server: Server;
  let port = 0;
  const revive = async () => {
    server = createServer(async (incoming, outgoing) => {
      if (incoming.url === '/health') {
        outgoing.statusCode = health;
        outgoing.end();
        return;
      }
      await gate;
      served++;
      outgoing.end(name);
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  };
  await revive();
  return {
    name,
    port,
    served: () => served,
    hold: (until) => {
      gate = until;
    },
    checkStatus: (status) => {
      health = status;
    },
    kill: async () => {
      if (!server.listening) return;
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
    revive,
  };
}

/** Another version can be tried by hand: `MCO_TEST_HAPROXY=/opt/haproxy-3.2/haproxy`. */
const program = process.env.MCO_TEST_HAPROXY ?? '/usr/sbin/haproxy';

/** A real HAProxy process with a frontend on a unix socket. */
export interface HaproxyProcess {
  /** Its runtime API. */
  readonly socket: string;
  /** A second socket of the same process, which allows no changes. */
  readonly readOnlySocket: string;
  readonly ask: (command: string) => Promise<string>;
  /** GET / through the frontend. */
  readonly get: (agent?: Agent) => Promise<{ status: number; body: string }>;
  /** Stops it and starts it anew with the same configuration. */
  readonly restart: () => Promise<void>;
  /** SIGKILL: its sockets stay behind, as after a crash. */
  readonly stop: () => Promise<void>;
}

/**
 * @param servers lines of the backend `app`, such as `server web1 127.0.0.1:8080 check`; the default is a check
 * every 100 ms. Neither retries nor redispatch: what is lost is seen.
 * @param more further sections
 */
export async function startHaproxyProcess(servers: readonly string[], more = ''): Promise<HaproxyProcess> {
  const directory = temporaryDirectory();
  const at = (name: string) => join(directory, name);
  writeFileSync(at('haproxy.cfg'), configuration(at, servers, more));
  const ask = (command: string) => defineRuntime(at('admin.sock'), 5).ask(command, AbortSignal.timeout(5000));
  const begin = async () => {
    const child = spawn(program, ['-db', '-f', at('haproxy.cfg')], { stdio: ['ignore', 'ignore', 'pipe'] });
    const complaints: Buffer[] = [];
    child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk));
    const gone = once(child, 'exit');
    const gaveUp = gone.then(() => {
      throw new Error(`haproxy ended: ${Buffer.concat(complaints)}`);
    });
    gaveUp.catch(() => {});
    await answering(directory, at('admin.sock'), ask, gaveUp);
    return async () => {
      child.kill('SIGKILL');
      await gone;
    };
  };
  let stop = await begin();
  return {
    socket: at('admin.sock'),
    readOnlySocket: at('user.sock'),
    ask,
    get: (agent) => get(at('front.sock'), agent),
    restart: async () => {
      await stop();
      stop = await begin();
    },
    stop: () => stop(),
  };
}

function configuration(at: (name: string) => string, servers: readonly string[], more: string): string {
  return `
global
  stats socket ${at('admin.sock')} mode 600 level admin
  stats socket ${at('user.sock')} mode 600 level user
defaults
  mode http
  retries 0
  timeout connect 2s
  timeout client 10s
  timeout server 10s
  timeout check 2s
frontend web
  bind unix@${at('front.sock')}
  default_backend app
backend app
  option httpchk GET /health
  default-server inter 100ms fall 2 rise 2
  ${servers.join('\n  ')}
${more}
`;
}

/** Waits until HAProxy has made its socket (it renames it into place) and answers there. */
async function answering(
  directory: string,
  socket: string,
  ask: (command: string) => Promise<string>,
  gaveUp: Promise<never>,
): Promise<void> {
  const watcher = watch(directory);
  try {
    for (;;) {
      const change = once(watcher, 'change');
      const answer = existsSync(socket) ? await ask('show version').catch(unreachable) : '';
      if (answer !== '') return;
      await Promise.race([change, gaveUp]);
    }
  } finally {
    watcher.close();
  }
}

function unreachable(problem: unknown): string {
  if (problem instanceof Problem && problem.code === 'haproxy-unreachable') return '';
  throw problem;
}

function get(socketPath: string, agent: Agent | undefined): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path: '/', agent: agent ?? false }, (incoming) => {
      let body = '';
      incoming.setEncoding('utf8');
      incoming.on('data', (chunk: string) => {
        body += chunk;
      });
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, body }));
      incoming.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}
