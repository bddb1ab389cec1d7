import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { startAnswerDeadline } from '../../../core/waiting/deadline.ts';
import { explainErrno } from '../../../core/errors.ts';
import type { RunCommand } from '../../../core/ports.ts';
import { environmentOf, reasonOf } from '../activate/command.ts';
import type { ApplicationConfig, Argv } from '../config.ts';
import type { Health } from './found.ts';
import { get } from './http-get.ts';
import { firstLine } from '../first-line.ts';
import { lookAtUnit } from './unit-health.ts';

/** From the configuration; times in seconds. */
export type HealthCheck = NonNullable<ApplicationConfig['health']>;

/** Checks whether one application is healthy. */
export interface HealthAsker {
  /** The subject for messages: a URL, an address, a command. */
  readonly what: string;
  /**
   * Checks once.
   * @param timeout milliseconds
   */
  readonly ask: (revision: string, timeout: number, signal: AbortSignal) => Promise<Health>;
  /** Checks until the result has been good for long enough, or the time is over; returns the last result. */
  readonly wait: (revision: string, signal: AbortSignal) => Promise<Health>;
  /** Seconds within which it must be healthy. */
  readonly timeout: number;
}

/** Milliseconds. */
const between = 100;
const longestTry = 5000;

/** For a unit of systemd without its own check, in seconds. */
const ofUnit = { timeout: 10, steady: 1 };

/** Undefined if none is configured, and there is no unit of systemd. */
export function defineHealth(application: ApplicationConfig, run: RunCommand): HealthAsker | undefined {
  const { health } = application;
  if (health === undefined) return defineUnitHealth(application, run);
  const ask = defineAsk(health, application.name, run);
  const what = health.url ?? health.tcp ?? health.command?.join(' ').slice(0, 200) ?? '';
  return { what, ask, timeout: health.timeout, wait: (revision, signal) => wait(health, ask, revision, signal) };
}

function defineUnitHealth({ reload, service }: ApplicationConfig, run: RunCommand): HealthAsker | undefined {
  const unit = reload === undefined ? service?.unit : undefined;
  if (unit === undefined) return undefined;
  const ask: HealthAsker['ask'] = (_revision, timeout, signal) => lookAtUnit(unit, run, timeout, signal);
  const { timeout } = ofUnit;
  return { what: 'systemd', ask, timeout, wait: (revision, signal) => wait(ofUnit, ask, revision, signal) };
}

function defineAsk(health: HealthCheck, application: string, run: RunCommand): HealthAsker['ask'] {
  const { url, tcp, command } = health;
  if (url !== undefined) return (revision, timeout, signal) => lookAtUrl(health, url, revision, timeout, signal);
  if (tcp !== undefined) return (_revision, timeout, signal) => lookAtPort(tcp, timeout, signal);
  const argv = command ?? [];
  return async (revision, timeout, signal) => {
    const filled = argv.map((one) => one.replaceAll('{revision}', () => revision)) as Argv;
    const env = environmentOf({ application, revision, previous: '' });
    const result = await run(filled, { timeout, signal, env, limit: 4096 });
    const line = firstLine(result.stdout);
    if (result.code === 0) return { healthy: true, words: line || 'exit code 0' };
    return { healthy: false, words: reasonOf(result, { timeout: timeout / 1000 }) };
  };
}

/** Redirects are not followed, and no connection is kept. */
async function lookAtUrl(
  check: HealthCheck,
  url: string,
  revision: string,
  timeout: number,
  signal: AbortSignal,
): Promise<Health> {
  const clock = startAnswerDeadline(timeout, [signal]);
  try {
    const { host, headers } = check;
    const { status, body, isPage } = await get({ url, host, headers }, clock.signal);
    // The first line of a page for a browser does not explain the error.
    const line = isPage ? '' : firstLine(body);
    const words = `status ${status}`;
    const good = check.status === undefined ? status >= 200 && status <= 299 : status === check.status;
    if (!good) return { healthy: false, words: line === '' ? words : `${words}: “${line}”` };
    const expected = check.body?.replaceAll('{revision}', () => revision);
    if (expected === undefined || body.includes(expected)) return { healthy: true, words };
    return { healthy: false, words: `${words} without “${expected}”${line === '' ? '' : `: “${line}”`}` };
  } catch (error) {
    return { healthy: false, words: clock.passed() ? 'no answer in time' : `no answer: ${explainErrno(error)}` };
  } finally {
    clock.end();
  }
}

/** Whether something accepts connections there. */
function lookAtPort(address: string, timeout: number, signal: AbortSignal): Promise<Health> {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  const clock = startAnswerDeadline(timeout, [signal]);
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(address.slice(colon + 1)), signal: clock.signal });
    const settle = (healthy: boolean, words: string) => {
      clock.end();
      socket.destroy();
      resolve({ healthy, words });
    };
    socket.once('connect', () => settle(true, 'it accepts connections'));
    socket.on('error', (error) =>
      settle(false, clock.passed() ? 'no connection in time' : `no connection: ${explainErrno(error)}`),
    );
  });
}

async function wait(
  check: Pick<HealthCheck, 'timeout' | 'steady'>,
  ask: HealthAsker['ask'],
  revision: string,
  signal: AbortSignal,
): Promise<Health> {
  let deadline = performance.now() + check.timeout * 1000;
  let goodSince: number | undefined;
  let start: string | undefined;
  for (let begun = performance.now(); ; ) {
    const left = deadline - begun;
    const timeout = Math.min(Math.max(between, deadline - performance.now()), longestTry);
    const health = await ask(revision, timeout, signal);
    const now = performance.now();
    if (signal.aborted || health.isFinal === true) return health;
    // One that was started again was not healthy in between.
    if (health.start !== start) goodSince = undefined;
    if (health.start !== start && start !== undefined && now >= deadline)
      return { healthy: false, words: `${health.words}, and started again meanwhile` };
    start = health.start;
    goodSince = health.healthy ? (goodSince ?? now) : undefined;
    // This program was stopped meanwhile, and perhaps the application with it: half of what was left is left now.
    if (now - begun > timeout + 3 * between) deadline = Math.max(deadline, now + left / 2);
    if (goodSince === undefined ? now + between >= deadline : now - goodSince >= check.steady * 1000) return health;
    begun = now;
    await sleep(between, undefined, { signal }).catch(() => {});
  }
}
