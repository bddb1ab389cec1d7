/** The evidence of an upgrade in the web servers' own access logs and the load balancers' audit logs. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import type { Lab } from '../lab.ts';
import { balancersOf } from './stage.ts';

export interface Visit {
  /** Milliseconds since the epoch: when it ended. */
  readonly at: number;
  readonly path: string;
}

/** The client requests that a host got, in its own access log. Health checks are left out, and what its own checks ask. */
export async function visitsOf(lab: Lab, host: string): Promise<Visit[]> {
  const log = await readFile(lab.path(host, 'var/log/nginx/requests.log'), 'utf8');
  return log
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, from = '127.0.0.1', path]) => from !== '127.0.0.1' && path !== '/health')
    .map(([at, , path = '']) => ({ at: Number(at) * 1000, path }));
}

export interface Window {
  /** When the last load balancer confirmed that the host was out. */
  readonly from: number;
  /** When the first one was asked to put it in again. */
  readonly to: number;
}

/** When a host was out, by the load balancers' own audit logs. @param since milliseconds since the epoch: the begin of the run */
export async function windowOf(lab: Lab, host: string, since = 0): Promise<Window> {
  const perBalancer = await Promise.all(
    balancersOf(lab).map(async (balancer) => {
      const records = await lab.audit(balancer);
      const isAbout = ({ arguments: input }: Record<string, unknown>) =>
        String((input as { server?: unknown } | undefined)?.server)
          .split(',')
          .includes(host);
      const calls = records.filter(
        (one) =>
          one.kind === 'intent' &&
          one.agent === 'haproxy' &&
          one.dry_run !== true &&
          isAbout(one) &&
          Date.parse(String(one.time)) >= since,
      );
      const ended = (intent: Record<string, unknown>) =>
        records.find((one) => one.kind === 'outcome' && one.intent === intent.sequence);
      const out = calls
        .filter(({ action }) => action === 'disable')
        .map((call) => Date.parse(String(ended(call)?.time)));
      const back = calls.filter(({ action }) => action === 'enable').map((call) => Date.parse(String(call.time)));
      return { out: Math.min(...out), back: back.length === 0 ? Number.POSITIVE_INFINITY : Math.min(...back) };
    }),
  );
  return { from: Math.max(...perBalancer.map(({ out }) => out)), to: Math.min(...perBalancer.map(({ back }) => back)) };
}

/** No client request ended on the host while it was out. */
export async function assertUntouched(lab: Lab, host: string, since = 0): Promise<void> {
  const { from, to } = await windowOf(lab, host, since);
  assert.ok(from < to, `${host} was out from ${from} to ${to}`);
  const visits = await visitsOf(lab, host);
  const during = visits.filter(({ at }) => at > from && at < to);
  assert.deepEqual(during, [], `${host} got requests while it was out`);
}
