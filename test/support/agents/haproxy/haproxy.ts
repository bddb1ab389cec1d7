import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type Agent, createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { defineRuntime } from '../../../../src/agents/haproxy/runtime/runtime.ts';
import { until } from '../../until.ts';
import { temporaryDirectory } from '../agent-setup.ts';

/** A web server behind HAProxy that can die and come back on its port. */
export interface WebServer {
  readonly name: string;
  /** The address that it listens at: one of the loopback network’s. */
  readonly host: string;
  readonly port: number;
  /** Requests answered, health checks left out. */
  readonly served: () => number;
  /** Holds requests back until it is given another gate. */
  readonly hold: (gate: Promise<void>) => void;
  /** Answers health checks with this status from now on. */
  readonly checkStatus: (status: number) => void;
  /** Holds the next health check back, and answers it as it would have been then. @returns resolves once it has come */
  readonly holdCheck: (gate: Promise<void>) => Promise<void>;
  readonly kill: () => Promise<void>;
  readonly revive: () => Promise<void>;
}

/** @param wanted its port; a free one when left out */
export async function startWebServer(name: string, host = '127.0.0.1', wanted = 0): Promise<WebServer> {
  let served = 0;
  let gate: Promise<void> = Promise.resolve();
  let health = 200;
  let held: { readonly gate: Promise<void>; readonly come: () => void } | undefined;
  let server: Server;
  let port = wanted;
  const revive = async () => {
    server = createServer(async (incoming, outgoing) => {
      if (incoming.url === '/health') {
        outgoing.statusCode = health;
        const own = held;
        held = undefined;
        own?.come();
        await own?.gate;
        outgoing.end();
        return;
      }
      await gate;
      served++;
      outgoing.end(name);
    });
    server.listen(port, host);
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  };
  await revive();
  return {
    name,
    host,
    port,
    served: () => served,
    hold: (until) => {
      gate = until;
    },
    checkStatus: (status) => {
      health = status;
    },
    holdCheck: (gate) =>
      new Promise((come) => {
        held = { gate, come };
      }),
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
  readonly get: (agent?: Agent) => Promise<Answer>;
  /** Kills it and starts it again with the same configuration. */
  readonly restart: () => Promise<void>;
  /** Reloads it without losing a request (`-sf`), with other servers or sections where given. */
  readonly reload: (servers?: readonly string[], more?: string) => Promise<void>;
  /** Begins a reload that writes the servers’ states down now. @returns ends it: the new process takes over */
  readonly beginReload: () => Promise<() => Promise<void>>;
  /** Reloads it, and returns while the old process still serves the connections that are open. */
  readonly replace: () => Promise<{ readonly oldPid: number; readonly oldEnded: Promise<unknown> }>;
  /** SIGKILL: its sockets stay behind, as after a crash. */
  readonly stop: () => Promise<void>;
}

export interface HaproxyOptions {
  /** Whether a reload restores the servers’ states from a file. */
  readonly restoring?: boolean;
  /** The lines of the frontend before its `default_backend app`. */
  readonly route?: string;
}

/**
 * @param servers lines of the backend `app`, such as `server web1 127.0.0.1:8080 check`; the default is a check
 * every 100 ms. Neither retries nor redispatch: what is lost is seen.
 * @param more further sections
 */
export async function startHaproxyProcess(
  servers: readonly string[],
  more = '',
  { restoring = false, route = '' }: HaproxyOptions = {},
): Promise<HaproxyProcess> {
  const directory = temporaryDirectory();
  const at = (name: string) => join(directory, name);
  const global = restoring ? [`server-state-file ${at('state')}`, 'load-server-state-from-file global'] : [];
  if (restoring) writeFileSync(at('state'), '1\n');
  writeFileSync(at('haproxy.cfg'), configuration(at, servers, more, { global, route }));
  const askFor = (seconds: number, command: string) =>
    defineRuntime(at('admin.sock'), seconds).ask(command, AbortSignal.timeout(seconds * 1000));
  const ask = (command: string) => askFor(60, command);
  const begin = async (...options: string[]) => {
    const argv = ['-db', '-f', at('haproxy.cfg'), ...options];
    const child = spawn(program, argv, { stdio: ['ignore', 'ignore', 'pipe'] });
    const complaints: Buffer[] = [];
    child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk));
    const gone = once(child, 'exit');
    const gaveUp = gone.then(() => {
      throw new Error(`haproxy ended: ${Buffer.concat(complaints)}`);
    });
    gaveUp.catch(() => {});
    const end = async () => {
      child.kill('SIGKILL');
      await gone;
    };
    try {
      // A question that nothing answers is asked again soon.
      await answering((command) => askFor(5, command), gaveUp, child.pid);
    } catch (failure) {
      // A process that stays would keep the test's process from ending.
      await end();
      throw failure;
    }
    return { pid: child.pid ?? 0, gone, end };
  };
  let current = await begin();
  const started = [current];
  const replace = async () => {
    const { pid, gone } = current;
    current = await begin('-sf', String(pid));
    started.push(current);
    return { oldPid: pid, oldEnded: gone };
  };
  const takeOver = async () => {
    await (await replace()).oldEnded;
  };
  // Acts as the reload of a service: the new process reads the state of the old one.
  const writeStates = async () => writeFileSync(at('state'), `${await ask('show servers state')}\n`);
  return {
    socket: at('admin.sock'),
    readOnlySocket: at('user.sock'),
    ask,
    get: (agent) => getWhenListening(at('front.sock'), agent),
    restart: async () => {
      await current.end();
      current = await begin();
      started.push(current);
    },
    reload: async (next = servers, others = more) => {
      writeFileSync(at('haproxy.cfg'), configuration(at, next, others, { global, route }));
      await writeStates();
      await takeOver();
    },
    beginReload: async () => {
      await writeStates();
      return takeOver;
    },
    replace: async () => {
      await writeStates();
      return replace();
    },
    stop: async () => {
      await Promise.all(started.map(({ end }) => end()));
    },
  };
}

function configuration(
  at: (name: string) => string,
  servers: readonly string[],
  more: string,
  { global: [stateFile = '', load = ''], route }: { readonly global: readonly string[]; readonly route: string },
): string {
  return `
global
  ${stateFile}
  stats socket ${at('admin.sock')} mode 600 level admin
  stats socket ${at('user.sock')} mode 600 level user
defaults
  ${load}
  mode http
  retries 0
  timeout connect 60s
  timeout client 60s
  timeout server 60s
  timeout check 10s
frontend web
  bind unix@${at('front.sock')}
  ${route}
  default_backend app
backend app
  option httpchk GET /health
  default-server inter 100ms fall 2 rise 2
  ${servers.join('\n  ')}
${more}
`;
}

/**
 * Waits until the process of that id answers. Whatever is in the way (no socket yet, the process before it, a socket with
 * no place) passes without any event to wait for, so this asks again and again.
 */
async function answering(
  ask: (command: string) => Promise<string>,
  gaveUp: Promise<never>,
  pid: number | undefined,
): Promise<void> {
  const itself = new RegExp(`^Pid: ${pid}$`, 'm');
  const answers = async () => itself.test(await ask('show info').catch(() => ''));
  let isOver = false;
  const answered = until(`HAProxy ${pid} answers`, async () => isOver || (await answers()), 5);
  await Promise.race([answered, gaveUp]).finally(() => {
    isOver = true;
  });
}

/**
 * A process that takes over puts its socket in place a moment before it listens there. Nothing was sent to it then, so
 * this asks again, as a person's browser would find a TCP port that both processes listen at.
 */
async function getWhenListening(socketPath: string, agent: Agent | undefined): Promise<Answer> {
  for (let refused = 0; ; refused++) {
    try {
      return await get(socketPath, agent);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED' || refused === mostRefused) throw error;
      await delay(10);
    }
  }
}

/** Two seconds: a process that has put its socket in place listens within them, however busy the machine is. */
const mostRefused = 200;

interface Answer {
  readonly status: number;
  readonly body: string;
}

function get(socketPath: string, agent: Agent | undefined): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path: '/', agent: agent ?? false, timeout: 60_000 }, (incoming) => {
      let body = '';
      incoming.setEncoding('utf8');
      incoming.on('data', (chunk: string) => {
        body += chunk;
      });
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, body }));
      incoming.on('error', reject);
    });
    // A connection that a process which is being replaced never accepts gets no answer.
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in 60 s')));
    outgoing.on('error', reject);
    outgoing.end();
  });
}
