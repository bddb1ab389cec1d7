import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { agents } from '../../../src/agents/index.ts';
import { loadPlaybook } from '../../../src/playbook/compile/load.ts';
import { bindInputs } from '../../../src/playbook/inputs/inputs.ts';
import { runPlaybook } from '../../../src/playbook/run/run-playbook.ts';
import type { RunOptions } from '../../../src/playbook/run/start-context.ts';
import { alfa, bravo, createEstate, type Estate, type EstateOptions } from '../../support/fleet/estate.ts';

const catalogue = agents.map(({ ddl }) => ddl);
const upgrade = { cluster: 'bravo', revision: '20', recipient: 'mailto:ops@devco.net' };

async function run(estate: Estate, inputs: Record<string, unknown> = {}, options: RunOptions = {}) {
  const playbook = await loadPlaybook('playbooks/app_rolling_upgrade.yaml', catalogue);
  return runPlaybook(playbook, bindInputs(playbook, { ...upgrade, ...inputs }), estate.fabric.ports, options);
}

function everyServer() {
  return Object.fromEntries([...alfa, ...bravo].map((name) => [name, true]));
}

/** The estate, and the fewest servers that took traffic at any call. */
function watched(options: EstateOptions = {}) {
  const servers = everyServer();
  const seen = { fewest: 9 };
  const count = () => Object.values(servers).filter((up) => up).length;
  const balancers = { 'lb1.devco.net': { app: servers } };
  const onCall = () => {
    seen.fewest = Math.min(seen.fewest, count());
  };
  return { estate: createEstate({ balancers, onCall, ...options }), servers, seen };
}

describe('app_rolling_upgrade', () => {
  test('upgrades two servers at a time, never takes out more, and enables all of them at the end', async () => {
    const { estate, servers, seen } = watched();
    const report = await run(estate);
    assert.equal(report.state, 'done');
    assert.equal(seen.fewest, 7);
    assert.deepEqual(estate.switches, Object.fromEntries(bravo.map((name) => [name, 1])));
    for (const name of alfa) assert.equal(estate.revisions[name], '10');
    assert.ok(Object.values(servers).every((up) => up));
    assert.equal(estate.sent.length, 1);
    const updates = estate.fabric.calls.filter(({ action }) => action === 'upgrade');
    assert.deepEqual(
      updates.map(({ step, nodes }) => [step, nodes]),
      [
        ['upgrade[1].update', bravo.slice(0, 2)],
        ['upgrade[2].update', bravo.slice(2)],
      ],
    );
  });

  test('begins with the servers that are down or out already, then the others by name', async () => {
    const { estate, servers, seen } = watched();
    servers['dev6.devco.net'] = false;
    assert.equal((await run(estate, { batch: '1' })).state, 'done');
    const updates = estate.fabric.calls.filter(({ action }) => action === 'upgrade').map(({ nodes }) => nodes[0]);
    assert.deepEqual(updates, ['dev6.devco.net', 'dev2.devco.net', 'dev4.devco.net', 'dev8.devco.net']);
    assert.equal(seen.fewest, 8, 'never more out than the one that was out already');
  });

  test('accepts a growing list of batch sizes', async () => {
    const { estate } = watched();
    assert.equal((await run(estate, { batch: '1,50%' })).state, 'done');
    const sizes = estate.fabric.calls.filter(({ action }) => action === 'upgrade').map(({ nodes }) => nodes.length);
    assert.deepEqual(sizes, [1, 2, 1]);
  });

  test('a broken release stops at the first batch, and the others keep serving the old one', async () => {
    const { estate, servers } = watched();
    const report = await run(estate, { revision: '30' });
    assert.equal(report.state, 'failed');
    assert.equal(report.failure?.step, 'upgrade');
    assert.deepEqual(
      report.failure?.reasons.map(({ node, code }) => [node, code]),
      bravo.slice(0, 2).map((name) => [name, 'unhealthy']),
    );
    assert.deepEqual(report.steps.find(({ id }) => id === 'upgrade')?.untouched, bravo.slice(2));
    for (const name of bravo.slice(0, 2)) assert.equal(servers[name], false);
    for (const name of bravo.slice(2)) assert.equal(servers[name], true);
    for (const name of bravo.slice(2)) assert.equal(estate.revisions[name], '10');
    assert.match(
      String(estate.sent[0]?.message),
      /out of traffic: dev2\S+, dev4\S+ of app on lb1\S+\n {2}untouched: dev6\S+, dev8\S+\n/,
    );
    assert.deepEqual(report.steps.find(({ id }) => id === 'out_of_rotation')?.lines, [
      `out of rotation: ${bravo.slice(0, 2).join(', ')} on lb1.devco.net`,
    ]);
  });

  test('a load balancer that refuses after another agreed: the batch is restored and not upgraded', async () => {
    const balancers = { 'lb1.devco.net': { app: everyServer() }, 'lb2.devco.net': { app: everyServer() } };
    const estate = createEstate({
      balancers,
      onCall: ({ step }) => {
        if (step === 'upgrade[1].disable') balancers['lb2.devco.net'].app = {};
      },
    });
    const report = await run(estate);
    assert.equal(report.state, 'failed');
    assert.deepEqual(estate.switches, {});
    assert.ok(Object.values(balancers['lb1.devco.net'].app).every((up) => up));
  });

  test('a dry run checks every batch and changes nothing', async () => {
    const { estate, servers } = watched();
    const report = await run(estate, {}, { dryRun: true });
    assert.equal(report.state, 'done');
    assert.deepEqual(estate.switches, {});
    assert.ok(Object.values(servers).every((up) => up));
    const asked = estate.fabric.calls.filter(({ action }) => action === 'upgrade');
    assert.deepEqual(
      asked.map(({ dryRun }) => dryRun),
      [true, true],
    );
  });

  test('an interruption finishes the current step, names what is left and starts no further batch', async () => {
    const stop = new AbortController();
    const { estate } = watched();
    const ports = {
      ...estate.fabric.ports,
      call: (async (call, ...rest) => {
        if (call.step === 'upgrade[1].enable') stop.abort();
        return await estate.fabric.ports.call(call, ...rest);
      }) satisfies typeof estate.fabric.ports.call,
    };
    const playbook = await loadPlaybook('playbooks/app_rolling_upgrade.yaml', catalogue);
    const report = await runPlaybook(playbook, bindInputs(playbook, upgrade), ports, { signal: stop.signal });
    assert.equal(report.state, 'interrupted');
    assert.deepEqual(report.steps.find(({ id }) => id === 'upgrade')?.untouched, bravo.slice(2));
    assert.deepEqual(Object.keys(estate.switches), bravo.slice(0, 2));
  });

  test('refuses an invalid batch', async () => {
    await assert.rejects(run(createEstate(), { batch: 'all' }), { code: 'bad-input' });
    assert.equal((await run(createEstate(), { batch: '0' })).failure?.reasons[0]?.code, 'bad-setting');
  });
});
