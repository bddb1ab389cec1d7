import assert from 'node:assert/strict';
import { startHaproxy } from '../../../src/agents/haproxy/agent.ts';
import type { HaproxyConfig } from '../../../src/agents/haproxy/config.ts';
import type { ActionContext, AgentSetup } from '../../../src/core/agent.ts';
import { Problem } from '../../../src/core/errors.ts';
import { actionContext, agentSetup } from './agent-setup.ts';
import { type HaproxyProcess, startHaproxyProcess, startWebServer, type WebServer } from './haproxy.ts';

export interface Change {
  backend: string;
  changed: string[];
  unchanged: string[];
  available: number;
  ended?: number;
}
export interface Weights extends Change {
  servers: { name: string; server: string; weight: number; initial: number }[];
}
export interface Status {
  ready: boolean;
  out: string[];
  servers: {
    name: string;
    server: string;
    status: string;
    check: string;
    in_rotation: boolean;
    sessions: number;
    weight: number;
  }[];
  processes: { socket: string; version: string; pid: number; uptime: number; started?: number }[];
}
type Call = (input: object, context?: ActionContext) => Promise<unknown>;

/** What is to be ended. */
export const ended: (() => Promise<unknown>)[] = [];
/** Ends what a test started; to be called after each. */
export async function endAll(): Promise<void> {
  await Promise.all(ended.splice(0).map((end) => end()));
}

export async function webServers(count: number): Promise<WebServer[]> {
  const servers = await Promise.all(Array.from({ length: count }, (_, index) => startWebServer(`web${index + 1}`)));
  for (const server of servers) ended.push(server.kill);
  return servers;
}

/** A server’s line in the configuration. */
export const line = ({ name, port }: WebServer, options = 'check') => `server ${name} 127.0.0.1:${port} ${options}`;

export async function haproxy(servers: readonly string[], more?: string): Promise<HaproxyProcess> {
  const started = await startHaproxyProcess(servers, more);
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
    min_available: 1,
    drain_timeout: 3,
    enable_timeout: 5,
    watch_interval: 0.05,
    timeout: 10,
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
    list: call('list') as (input: object) => Promise<{ backends: unknown[]; holding: string[] }>,
    status: call('status') as (input: object, context?: ActionContext) => Promise<Status>,
    disable: call('disable') as (input: object, context?: ActionContext) => Promise<Change>,
    weight: call('weight') as (input: object, context?: ActionContext) => Promise<Weights>,
    enable: call('enable') as (input: object, context?: ActionContext) => Promise<Change>,
  };
}

/** The admin state of each server, as HAProxy tells it. */
export async function adminStates({ ask }: HaproxyProcess): Promise<Record<string, number>> {
  const lines = (await ask('show servers state app')).split('\n').slice(2);
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
  for (;;) {
    const servers = (await ask('show stat app 4 -1')).split('\n').slice(1);
    if (servers.reduce((sum, text) => sum + Number(text.split(',')[4]), 0) === count) return;
  }
}
