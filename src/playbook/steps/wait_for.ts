import { Problem } from '../../core/errors.ts';
import { parseDuration } from '../expressions/duration.ts';
import { sleep } from '../call/sleep.ts';
import { isLiteral, toText } from '../expressions/template.ts';
import type { ProbeTarget } from '../ports.ts';
import type { StepKind } from './kind.ts';

/** The default in milliseconds. */
const usual = { timeout: 60_000, every: 1000 };
const expected = 'must be seconds, or like 500ms, 10s, 2m, 1h, up to 24h';

/**
 * Waits until a port accepts connections, or a URL answers as required: checked from the host of the run. In a dry run
 * it only prints that.
 */
export const waitForStep: StepKind = {
  key: 'wait_for',
  keys: ['message'],
  compile({ source, template, at }) {
    const { wait_for: condition = {} } = source;
    if ((condition.url === undefined) === (condition.tcp === undefined))
      at('wait_for').fail('give one of “url” and “tcp”');
    for (const key of ['timeout', 'every'] as const) {
      const value = condition[key];
      if (value !== undefined && isLiteral(value) && parseDuration(value) === undefined)
        at('wait_for', key).fail(expected);
    }
    const evaluate = template('wait_for', condition);
    const message = source.message === undefined ? undefined : template('message', source.message);
    return {
      title: 'wait_for',
      once: true,
      async run(run) {
        const { timeout, every, ...target } = evaluate(run.context()) as WaitFor;
        const shown = target.url ?? target.tcp ?? '';
        if (run.dryRun) return { state: 'done', ran: false, lines: [`would wait for ${shown}`] };
        const { probe } = run.ports;
        if (probe === undefined) throw new Problem('internal', 'nothing can be waited for here');
        const limit = durationOf('timeout', timeout, usual.timeout);
        const pause = durationOf('every', every, usual.every);
        const deadline = run.ports.clock() + limit;
        for (;;) {
          const left = Math.max(1, deadline - run.ports.clock());
          const fault = await probe(target, Math.min(left, 10_000), run.signal);
          if (run.signal.aborted) return { state: 'interrupted', ran: true };
          if (fault === undefined) return { state: 'done', ran: true };
          if (run.ports.clock() + pause >= deadline) {
            const reason =
              message === undefined
                ? `${shown} did not come up within ${limit / 1000} s: ${fault}`
                : toText(message(run.context()));
            return { state: 'failed', ran: true, failed: [{ node: '', code: 'not-up', reason }] };
          }
          await sleep(run, pause);
        }
      },
    };
  },
};

interface WaitFor extends ProbeTarget {
  readonly timeout?: unknown;
  readonly every?: unknown;
}

function durationOf(key: string, value: unknown, otherwise: number): number {
  if (value === undefined || value === null) return otherwise;
  const text = toText(value as never);
  const milliseconds = parseDuration(text);
  if (milliseconds === undefined)
    throw new Problem('bad-duration', `“${key}” gives “${text.slice(0, 40)}”: it ${expected}`);
  return milliseconds;
}
