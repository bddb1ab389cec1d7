import assert from 'node:assert/strict';
import { startHaproxy } from '../../../../src/agents/haproxy/agent.ts';
import type { HaproxyConfig } from '../../../../src/agents/haproxy/config.ts';
import type { ActionContext, AgentSetup } from '../../../../src/core/agent.ts';
import { Problem } from '../../../../src/core/errors.ts';
import type { Log } from '../../../../src/core/ports.ts';
import { until } from '../../until.ts';
import { actionContext, agentSetup, silentLog } from '../agent-setup.ts';
import {
  type HaproxyOptions,
  type HaproxyProcess,
  startHaproxyProcess,
  startWebServer,
  type WebServer,
} from './haproxy.ts';

export interface Change {
  backend: string;
  changed: string[];
  unchanged: string[];
  available: number;
  hosts: { name: string; lines: string[]; still_serving: string[]; out_since?: number }[];
  ended?: number;
}
export interface Weights extends Omit<Change, 'hosts'> {
  servers: { name: string; server: string; weight: number; initial: number }[];
}
export interface Status {
  ready: boolean;
  out: string[];
  notes?: string[];
  servers: {
    name: string;
    server: string;
    status: string;
    check: string;
    in_rotation: boolean;
    sessions: number;
    weight: number;
    serving: number;
    still_serving: string[];
    since?: number;
    caller?: string;
    run?: string;
    out_since?: number;
    breaks?: { at: number; socket: string; line: string; cause: string; where: string }[];
    lines: { line: string; socket: string; status: string; in_rotation: boolean }[];
  }[];
  processes: { socket: string; version: string; pid: number; uptime: number; started?: number }[];
}
interface Listed {
  backends: unknown[];
  holding: string[];
  hosts: { name: string; backends: string[]; lines: string[] }[];
  unknown: string[];
}
type Call = (input: object, context?: ActionContext) => Promise<unknown>;

/** Functions that end the processes of a test. */
export const ended: (() => Promise<unknown>)[] = [];
/** Ends the processes that a test started; call it after each. */
export async function endAll(): Promise<void> {
  await Promise.all(ended.splice(0).map((end) => end()));
}

/** @param addresses whether each has its own address (127.0.0.2 and up), as hosts have, and all the same port */
export async function webServers(count: number, addresses: 'one' | 'own' = 'one'): Promise<WebServer[]> {
  const servers: WebServer[] = [];
  for (let number = 1; number <= count; number++) {
    const host = addresses === 'own' ? `127.0.0.${number + 1}` : '127.0.0.1';
    const port = addresses === 'own' ? servers[0]?.port : undefined;
    const server = await startWebServer(`web${number}`, host, port);
    servers.push(server);
    ended.push(server.kill);
  }
  return servers;
}

/** A server’s line in the configuration. */
export const line = ({ name, host, port }: WebServer, options = 'check') => `server ${name} ${host}:${port} ${options}`;

/** The report of a change, without the lines. */
export function summary({ backend, changed, unchanged, available }: Change) {
  return { backend, changed, unchanged, available };
}

export async function haproxy(
  servers: readonly string[],
  more?: string,
  options?: HaproxyOptions,
): Promise<HaproxyProcess> {
  const started = await startHaproxyProcess(servers, more, options);
  ended.push(started.stop);
  return started;
}

/** The agent on those sockets, with its actions as functions. */
export async function agent(
  sockets: string[],
  more: Partial<HaproxyConfig> = {},
  setup: Partial<AgentSetup<HaproxyConfig>> = {},
) {
  const config: HaproxyConfig = {
    sockets,
    servers: {},
    ports: [],
    min_available: 1,
    drain_timeout: 60,
    replaced_timeout: 60,
    replaced_left: 'refuse',
    enable_timeout: 60,
    settle: 0.05,
    watch_interval: 0.05,
    timeout: 60,
    ...more,
  };
  const started = await startHaproxy(agentSetup<HaproxyConfig>(config, setup));
  const { handlers } = started;
  ended.push(async () => started.stop?.());
  const call = (action: string): Call => {
    const handler = handlers[action] as unknown as (input: object, context: ActionContext) => Promise<unknown>;
    return (input, context = actionContext()) => handler(input, context);
  };
  return {
    stop: async () => started.stop?.(),
    list: call('list') as (input: object) => Promise<Listed>,
    status: call('status') as (input: object, context?: ActionContext) => Promise<Status>,
    disable: call('disable') as (input: object, context?: ActionContext) => Promise<Change>,
    weight: call('weight') as (input: object, context?: ActionContext) => Promise<Weights>,
    enable: call('enable') as (input: object, context?: ActionContext) => Promise<Change>,
  };
}

/** The admin state of each server, as HAProxy reports it. */
export async function adminStates({ ask }: HaproxyProcess, backend = 'app'): Promise<Record<string, number>> {
  const lines = (await ask(`show servers state ${backend}`)).split('\n').slice(2);
  return Object.fromEntries(lines.map((text) => text.split(' ')).map((fields) => [fields[3], Number(fields[6])]));
}

/** For `assert.rejects`: a Problem with that code whose message and hint match. */
export const fails = (code: string, words?: RegExp) => (error: unknown) => {
  assert.ok(error instanceof Problem, String(error));
  assert.equal(error.code, code, error.message);
  if (words !== undefined) assert.match(`${error.message}: ${error.hint}`, words);
  return true;
};

/** Waits until that many requests are being served. */
export async function sessionsOn({ ask }: HaproxyProcess, count: number): Promise<void> {
  const now = async () => {
    const servers = (await ask('show stat app 4 -1')).split('\n').slice(1);
    return servers.reduce((sum, text) => sum + Number(text.split(',')[4]), 0);
  };
  await until(`${count} sessions on HAProxy`, async () => (await now()) === count, 0);
}

/** Resolves with the fields of the next warning or notice that begins so. */
export function listener() {
  const waiting: { start: string; resolve: (fields: object) => void }[] = [];
  const heard = (fields: object, message: string) => {
    const at = waiting.findIndex(({ start }) => message.startsWith(start));
    if (at !== -1) waiting.splice(at, 1)[0]?.resolve(fields);
  };
  const log: Log = { ...silentLog, warn: heard, info: heard, error: heard };
  return { log, next: (start: string) => new Promise<object>((resolve) => waiting.push({ start, resolve })) };
}
