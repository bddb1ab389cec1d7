// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the expressions of playbooks look so
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { agents } from '../../../../../src/agents/index.ts';
import { loadPlaybook } from '../../../../../src/playbook/compile/load.ts';
import { bindInputs } from '../../../../../src/playbook/inputs/inputs.ts';
import { readHistory, resumeFrom } from '../../../../../src/playbook/journal/history.ts';
import type { NodeCall } from '../../../../../src/playbook/ports.ts';
import { runPlaybook } from '../../../../../src/playbook/run/run-playbook.ts';
import type { RunOptions } from '../../../../../src/playbook/run/start-context.ts';
import { bravo, createEstate, type Estate, type EstateOptions } from '../../../../support/fleet/estate.ts';
import type { Trouble } from '../../../../support/fleet/fabric.ts';

const catalogue = agents.map(({ ddl }) => ddl);

/** A playbook of a site's own, which knows nothing of proofs. */
const text = (update: string, server = '${{ nodes.web.names.join(",") }}') => `name: site
nodes:
  web: {agents: [appmgr], facts: ['cluster=bravo']}
  balancers: {agents: [haproxy]}
steps:
  - {id: out, call: haproxy.disable, on: balancers, with: {server: '${server}'}}
  - {id: update, call: appmgr.upgrade, on: web, with: {revision: '20'}, ${update}}
  - {id: load, call: nrpe.runcommand, on: web, with: {command: check_load}}
  - {id: in, call: haproxy.enable, on: balancers, with: {server: '${server}'}}
`;

interface Given extends EstateOptions {
  /** Acts when a call is made. */
  readonly at?: ((call: NodeCall, estate: Estate) => void) | undefined;
}

async function run(playbookText: string, { at, ...options }: Given = {}, signals: RunOptions = {}) {
  const estate: Estate = createEstate({ ...options, onCall: (call) => at?.(call, estate) });
  const playbook = await loadPlaybook({ text: playbookText, name: 'site.yaml' }, catalogue);
  const report = await runPlaybook(playbook, bindInputs(playbook, {}), estate.fabric.ports, signals);
  const update = report.steps.find(({ id }) => id === 'update');
  return { estate, report, update };
}

const steps = ({ fabric }: Estate) => fabric.calls.map(({ step }) => step);

/** Once, at the first call of a step. */
function once(step: string, act: (estate: Estate) => void): Given['at'] {
  let done = false;
  return (call, estate) => {
    if (done || call.step !== step) return;
    done = true;
    act(estate);
  };
}

describe('a run that disabled hosts, with any playbook', () => {
  test('has their state proven before and after each batch, and before they are enabled', async () => {
    const { estate, report } = await run(text('batch: 2'));
    assert.equal(report.state, 'done');
    assert.deepEqual(steps(estate), [
      ...['out', 'update.proof', 'update', 'update.proof', 'update', 'update.proof'],
      ...['load', 'in.proof', 'in'],
    ]);
    const asked = estate.fabric.calls.filter(({ step }) => step === 'update.proof');
    assert.deepEqual(
      asked.map(({ agent, action, input, nodes }) => [agent, action, input.server, nodes[0]]),
      // The second one is asked right after the first batch and right before the next.
      [bravo.slice(0, 2), bravo, bravo.slice(2)].map((hosts) => [
        'haproxy',
        'status',
        hosts.join(','),
        'lb1.devco.net',
      ]),
    );
    assert.equal(estate.fabric.journal.filter((entry) => entry.type === 'call' && entry.action === 'status').length, 4);
  });

  test('proves each batch separately if the step waits between them', async () => {
    const { estate, report } = await run(text('batch: 2, batch_sleep: 1ms'));
    assert.equal(report.state, 'done');
    assert.equal(steps(estate).filter((step) => step === 'update.proof').length, 4);
  });

  test('does not disable hosts again before a batch that names the step: a break is not repaired silently', async () => {
    const { estate, report } = await run(text('batch: 2, reassert: out'));
    assert.equal(report.state, 'done');
    assert.equal(estate.fabric.calls.filter(({ action }) => action === 'disable').length, 1);
  });

  test('does not enable hosts that were in during the check', async () => {
    const at = once('load', (estate) => estate.putIn('lb1.devco.net', 'dev2.devco.net', 'a tool did'));
    const { estate, report } = await run(text('batch: 4'), { at });
    assert.equal(report.failure?.step, 'in');
    assert.ok(!steps(estate).includes('in'));
  });

  test('has each of several load balancers prove it', async () => {
    const all = Object.fromEntries(bravo.map((name) => [name, true]));
    const spare = { 'x.devco.net': true };
    const balancers = {
      'lb1.devco.net': { app: { ...all, ...spare } },
      'lb2.devco.net': { app: { ...all, ...spare } },
    };
    const at = once('update', (estate) => estate.putIn('lb2.devco.net', 'dev8.devco.net', 'a tool did'));
    const { update } = await run(text('batch: 4'), { balancers, at });
    assert.match(update?.failed[0]?.reason ?? '', /put into traffic on lb2.devco.net/);
  });

  test('counts hosts with a load balancer’s own names for any change', async () => {
    const app = { web2: true, web4: true, web6: true };
    const given = { balancers: { 'lb1.devco.net': { app } } };
    const at = once('update', (estate) => estate.putIn('lb1.devco.net', 'web4', 'a tool did'));
    const { update } = await run(text('batch: 1', 'web2,web4'), { ...given, at });
    assert.deepEqual(update?.ok, ['dev2.devco.net']);
    assert.equal(update?.failed[0]?.node, 'web4');
  });

  test('changes nothing if a load balancer no longer replies', async () => {
    const troubles = [{ node: 'lb1.devco.net', call: 'haproxy.status', kind: 'no-response' as const }];
    const { estate, update } = await run(text('batch: 2'), { troubles });
    assert.deepEqual(estate.switches, {});
    assert.deepEqual([...new Set(update?.failed.map(({ code }) => code))], ['not-proven-out']);
    assert.deepEqual(estate.fabric.slept, [1000, 1000], 'it may only be restarted: it is asked three times');
  });

  for (const [when, step, switched] of [
    ['before a batch', 'update.proof', []],
    ['after a batch', 'update', bravo.slice(0, 2)],
  ] as const) {
    test(`is interrupted, not failed, if a second Ctrl-C ends the proof ${when}`, async () => {
      const [stop, kill] = [new AbortController(), new AbortController()];
      const troubles: Trouble[] = [];
      const at = once(step, () => {
        for (const one of [stop, kill]) one.abort('Ctrl-C');
        troubles.push({ node: 'lb1.devco.net', call: 'haproxy.status', kind: 'no-response' });
      });
      const signals = { signal: stop.signal, kill: kill.signal };
      const { estate, report, update } = await run(text('batch: 2'), { troubles, at }, signals);
      assert.deepEqual([report.state, update?.state], ['interrupted', 'interrupted']);
      assert.equal(report.failure, undefined);
      assert.deepEqual(Object.keys(estate.switches), switched);
      assert.deepEqual(
        update?.untouched,
        bravo.filter((name) => !(switched as readonly string[]).includes(name)),
      );
    });
  }

  test('makes no call if it disabled nothing', async () => {
    const { estate } = await run(text('batch: 2').replace(/^.*haproxy\.(disable|enable).*$/gm, ''));
    assert.ok(!steps(estate).some((step) => step.endsWith('.proof')));
  });
});

describe('a run whose disabled hosts were enabled meanwhile', () => {
  test('fails before a batch whose host was enabled: nothing of it is changed, and the servers stay out', async () => {
    const at = once('update.proof', (estate) => estate.putIn('lb1.devco.net', 'dev4.devco.net', 'a person did'));
    const { estate, report, update } = await run(text('batch: 2, max_failures: 100%'), { at });
    assert.equal(report.state, 'failed');
    assert.deepEqual(estate.switches, {});
    assert.deepEqual([update?.untouched, update?.tries], [bravo, 0]);
    assert.deepEqual(
      update?.failed.map(({ node, code }) => [node, code]),
      [['dev4.devco.net', 'back-in-traffic']],
    );
    assert.match(
      update?.failed[0]?.reason ?? '',
      /^dev4.devco.net was put into traffic on lb1.devco.net .*: app\/dev4.devco.net, noticed \S+Z: a person did; see its log$/,
    );
    for (const host of bravo) assert.equal(estate.balancers['lb1.devco.net']?.app?.[host], false);
  });

  test('fails after a batch during which a host was enabled: the next one does not begin', async () => {
    const at = once('update', (estate) => estate.putIn('lb1.devco.net', 'dev2.devco.net', 'HAProxy was reloaded'));
    const { estate, report, update } = await run(text('batch: 2, max_failures: 100%'), { at });
    assert.equal(report.state, 'failed');
    assert.deepEqual(Object.keys(estate.switches), bravo.slice(0, 2));
    assert.deepEqual(update?.untouched, bravo.slice(2));
    assert.match(update?.failed[0]?.reason ?? '', /HAProxy was reloaded; see its log/);
  });

  test('fails before the next batch if one of its hosts was enabled meanwhile', async () => {
    const at = once('update', (estate) => estate.putIn('lb1.devco.net', 'dev6.devco.net', 'a person did'));
    const { estate, report, update } = await run(text('batch: 2, max_failures: 100%'), { at });
    assert.equal(report.state, 'failed');
    assert.deepEqual(Object.keys(estate.switches), bravo.slice(0, 2));
    assert.deepEqual([update?.ok, update?.untouched], [bravo.slice(0, 2), bravo.slice(2)]);
    assert.deepEqual(
      update?.failed.map(({ node, code }) => [node, code]),
      [['dev6.devco.net', 'back-in-traffic']],
    );
  });

  test('fails if a host was enabled, even after a second Ctrl-C', async () => {
    const [stop, kill] = [new AbortController(), new AbortController()];
    const at = once('update', (estate) => {
      for (const one of [stop, kill]) one.abort('Ctrl-C');
      estate.putIn('lb1.devco.net', 'dev2.devco.net', 'a person did');
    });
    const signals = { signal: stop.signal, kill: kill.signal };
    const { report, update } = await run(text('batch: 2'), { at }, signals);
    assert.equal(report.state, 'failed');
    assert.deepEqual(
      update?.failed.map(({ code }) => code),
      ['back-in-traffic'],
    );
  });

  test('fails so even if another load balancer was no longer asked then', async () => {
    const [stop, kill] = [new AbortController(), new AbortController()];
    const troubles: Trouble[] = [];
    const at = once('update', (estate) => {
      for (const one of [stop, kill]) one.abort('Ctrl-C');
      estate.putIn('lb1.devco.net', 'dev2.devco.net', 'a person did');
      troubles.push({ node: 'lb2.devco.net', call: 'haproxy.status', kind: 'no-response' });
    });
    const app = Object.fromEntries([...bravo, 'x.devco.net'].map((name) => [name, true]));
    const balancers = { 'lb1.devco.net': { app: { ...app } }, 'lb2.devco.net': { app: { ...app } } };
    const signals = { signal: stop.signal, kill: kill.signal };
    const { report, update } = await run(text('batch: 4'), { at, troubles, balancers }, signals);
    assert.equal(report.state, 'failed');
    assert.deepEqual([...new Set(update?.failed.map(({ code }) => code))].sort(), [
      'back-in-traffic',
      'not-proven-out',
    ]);
  });
});

describe('a step with nodes that take over, whose hosts were enabled meanwhile', () => {
  const limited = text('limit: 2, failover: true');

  test('calls no node, or no further one', async () => {
    for (const [step, host, ok] of [
      ['update.proof', 'dev2.devco.net', []],
      ['update', 'dev4.devco.net', bravo.slice(0, 2)],
    ] as const) {
      const at = once(step, (estate) => estate.putIn('lb1.devco.net', host, 'a person did'));
      const { report, update } = await run(limited, { at });
      assert.deepEqual([report.state, update?.state, update?.ok], ['failed', 'failed', ok], step);
      assert.deepEqual(update?.untouched, bravo.slice(ok.length));
    }
  });
});

describe('a resumed run', () => {
  test('takes its hosts out again once, before the first change of them, and proves them from then on', async () => {
    const playbook = await loadPlaybook({ text: text('batch: 1'), name: 'site.yaml' }, catalogue);
    const runId = 'a'.repeat(32);
    const broken = { node: 'dev4.devco.net', call: 'appmgr.upgrade', kind: 'failed' } as const;
    const first = createEstate({ troubles: [broken] });
    await runPlaybook(playbook, bindInputs(playbook, {}), first.fabric.ports, { runId });
    // The load balancer was set up again since: nothing is out on it.
    const estate = createEstate();
    const resumed = resumeFrom(readHistory(first.fabric.journal));
    const report = await runPlaybook(playbook, bindInputs(playbook, {}), estate.fabric.ports, { runId, resumed });
    assert.equal(report.state, 'done');
    assert.deepEqual(steps(estate).slice(0, 4), ['update.out', 'update.proof', 'update', 'update.proof']);
    assert.equal(steps(estate).filter((step) => step === 'update.out').length, 1);
    assert.deepEqual(Object.keys(estate.switches), bravo.slice(1));
    const update = report.steps.find(({ id }) => id === 'update');
    assert.deepEqual(update?.lines, [
      `haproxy#disable no longer held on lb1.devco.net and was done again: ${bravo.join(', ')}`,
    ]);
  });
});
