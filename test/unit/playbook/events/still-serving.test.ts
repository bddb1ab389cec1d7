import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RunEvent } from '../../../../src/playbook/events/events.ts';
import { describeDifference } from '../../../../src/playbook/events/summary.ts';
import { startTracker } from '../../../../src/playbook/events/tracker.ts';
import { formatPlan } from '../../../../src/playbook/run/plan/plan.ts';

/** A load balancer was asked what it would do; `lines` are outside of what was chosen. */
function asked(node: string, lines: readonly string[]): RunEvent {
  const hosts = [{ name: 'dev2', lines: ['app/dev2'], still_serving: lines }];
  return {
    type: 'outcome',
    step: 'ask',
    title: 'haproxy#disable',
    dryRun: true,
    try: 1,
    node,
    outcome: 'ok',
    code: '',
    message: '',
    data: { backend: 'app', changed: ['dev2'], unchanged: [], available: 3, hosts },
    elapsed: 1,
  };
}

describe('a host that is still served from elsewhere', () => {
  test('is in the plan, by load balancer, with the last report of each', () => {
    const tracker = startTracker();
    tracker.see(asked('lb1', ['static/dev2', 'ws/dev2']));
    tracker.see(asked('lb2', ['static/dev2']));
    tracker.see(asked('lb2', []));
    const lines = formatPlan({ sets: [], changes: [], serving: tracker.serving(), steps: [] });
    assert.deepEqual(
      lines.filter((line) => line.includes('serving')),
      ['  dev2 is still serving in static/dev2, ws/dev2 on lb1'],
    );
  });

  test('is in the line of its node in a dry run', () => {
    const tracker = startTracker();
    tracker.see(asked('lb1', ['static/dev2']));
    const lines = describeDifference(tracker.state());
    assert.deepEqual(lines, ['dev2: still serving in static/dev2 on lb1']);
  });
});
