import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatJsonEvent } from '../../../src/playbook/events/json.ts';
import { bindInputs } from '../../../src/playbook/inputs/inputs.ts';
import { runPlaybook } from '../../../src/playbook/run/run-playbook.ts';
import { createEstate, type EstateOptions } from '../../support/fleet/estate.ts';
import { loadShipped } from '../../support/fleet/shipped.ts';
import { assertFits } from '../../support/program/output-schema.ts';

interface Event {
  readonly type: string;
  readonly sequence: number;
  readonly run_id: string;
  readonly step: string;
}

/** The events of a run as `--json` prints them. */
async function eventsOf(
  playbook: string,
  inputs: Record<string, unknown>,
  options: EstateOptions = {},
  dryRun = false,
) {
  const { fabric } = createEstate(options);
  const loaded = await loadShipped(playbook);
  const given = bindInputs(loaded, { cluster: 'bravo', recipient: 'mailto:ops@devco.net', ...inputs });
  const { runId } = await runPlaybook(loaded, given, fabric.ports, { dryRun });
  return fabric.events.map((event, index) => {
    const line = formatJsonEvent(event, { time: 1_800_000_000_000, sequence: index + 1, runId });
    assert.ok(!line.includes('\n'));
    return JSON.parse(line) as Event;
  });
}

const silent = [{ name: 'dev4.devco.net', by: 'the cache', lastSeen: 0 }];
const runs: readonly (readonly [string, ...Parameters<typeof eventsOf>])[] = [
  ['a good run', 'app_cluster_upgrade', { revision: '20' }],
  ['a run that fails', 'app_cluster_upgrade', { revision: '30' }],
  ['a rolling run with a failed check', 'app_rolling_upgrade', { revision: '20' }, { load: [2] }],
  ['a run of a playbook in a playbook', 'app_canary_upgrade', { revision: '20' }],
  ['a run that does not begin', 'app_cluster_upgrade', { revision: '20' }, { silent }],
  ['a dry run', 'app_rolling_upgrade', { revision: '20' }, {}, true],
];

for (const [name, ...run] of runs) {
  test(`each event of ${name} matches its schema, and each step that started has finished`, async () => {
    const events = await eventsOf(...run);
    for (const event of events) assertFits('run-event', event);
    assert.deepEqual(
      events.map(({ sequence }) => sequence),
      events.map((_, index) => index + 1),
    );
    const steps = (type: string) => events.filter((event) => event.type === type).map(({ step }) => step);
    assert.deepEqual(steps('step-finished').sort(), steps('step-started').sort());
    assert.deepEqual(camelCase(events), []);
  });
}

/** Keys in another spelling, those of nodes' data and of inputs left out. */
function camelCase(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(camelCase);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [
    ...(/[A-Z]/.test(key) ? [key] : []),
    ...(['data', 'inputs', 'sets'].includes(key) ? [] : camelCase(inner)),
  ]);
}
