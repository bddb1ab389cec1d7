import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bindInputs } from '../../../src/playbook/inputs/inputs.ts';
import { runPlaybook } from '../../../src/playbook/run/run-playbook.ts';
import { alfa, bravo, createEstate, type Estate } from '../../support/fleet/estate.ts';
import { createFabric } from '../../support/fleet/fabric.ts';
import { loadShipped } from '../../support/fleet/shipped.ts';

async function run(name: string, estate: Estate, inputs: Record<string, unknown>) {
  const playbook = await loadShipped(name);
  return runPlaybook(playbook, bindInputs(playbook, inputs), estate.fabric.ports);
}

describe('fleet_check', () => {
  test('checks every machine that runs checks', async () => {
    const estate = createEstate();
    const report = await run('fleet_check', estate, { command: 'check_load' });
    assert.equal(report.state, 'done');
    assert.deepEqual(report.steps.at(-1)?.lines, ['check_load is OK on 9 of 9 machines']);
  });

  test('fails if more checks than allowed are not OK, and names them', async () => {
    const bad = await run('fleet_check', createEstate({ load: [2] }), { command: 'check_load', allowed: '8' });
    assert.equal(bad.failure?.step, 'judge');
    assert.match(bad.failure?.reasons[0]?.reason ?? '', /^check_load is not OK on 9 of 9: dev\d\.devco\.net CRITICAL/);
    const good = await run('fleet_check', createEstate({ load: [2] }), {
      command: 'check_load',
      allowed: '9',
    });
    assert.equal(good.state, 'done');
  });
});

describe('maintenance', () => {
  const servers = bravo.slice(0, 2).join(',');

  test('takes servers out on every load balancer that has the backend, and puts them back', async () => {
    const app = Object.fromEntries([...alfa, ...bravo].map((name) => [name, true]));
    const estate = createEstate({ balancers: { 'lb1.devco.net': { app }, 'lb2.devco.net': { mail: { mx1: true } } } });
    assert.equal((await run('maintenance', estate, { backend: 'app', servers, state: 'on' })).state, 'done');
    assert.deepEqual(
      Object.keys(app).filter((name) => app[name] === false),
      bravo.slice(0, 2),
    );
    assert.equal((await run('maintenance', estate, { backend: 'app', servers, state: 'off' })).state, 'done');
    assert.ok(Object.values(app).every((up) => up));
  });

  test('refuses an unknown backend, server or state', async () => {
    const estate = createEstate();
    assert.equal(
      (await run('maintenance', estate, { backend: 'ap', servers, state: 'on' })).failure?.step,
      'backend_exists',
    );
    const unknown = await run('maintenance', estate, { backend: 'app', servers: 'dev99', state: 'on' });
    assert.equal(unknown.failure?.step, 'known_everywhere');
    await assert.rejects(run('maintenance', estate, { backend: 'app', servers, state: 'maybe' }), {
      code: 'bad-input',
    });
  });
});

describe('app_canary_upgrade', () => {
  const inputs = { cluster: 'bravo', revision: '20', recipient: 'mailto:ops@devco.net', soak: '90s' };
  const batchesOf = (estate: Estate) =>
    estate.fabric.calls
      .filter(({ action, dryRun }) => action === 'upgrade' && !dryRun)
      .map(({ nodes }) => nodes.length);

  test('upgrades one server, waits while it serves, and then upgrades more at a time', async () => {
    const estate = createEstate();
    const report = await run('app_canary_upgrade', estate, inputs);
    assert.equal(report.state, 'done', JSON.stringify(report.failure));
    assert.deepEqual(batchesOf(estate), [1, 1, 2]);
    assert.deepEqual(estate.fabric.slept, [90_000]);
    assert.deepEqual(
      bravo.map((name) => estate.revisions[name]),
      ['20', '20', '20', '20'],
    );
    const soak = estate.fabric.log.findIndex((line) => line.includes('upgrade[1].soaked'));
    assert.ok(soak > estate.fabric.log.findIndex((line) => line.includes('upgrade[1].enable')), 'it soaks in traffic');
  });

  test('takes the canary out again and upgrades no other server when it does not stay healthy', async () => {
    const estate = createEstate({ load: [0, 2] });
    const report = await run('app_canary_upgrade', estate, inputs);
    assert.equal(report.state, 'failed');
    assert.match(
      report.failure?.reasons[0]?.reason ?? '',
      /upgrade\[1\]\.soaked: after 90s in traffic check_load is CRITICAL/,
    );
    assert.deepEqual(batchesOf(estate), [1]);
    assert.equal(estate.balancers['lb1.devco.net']?.app?.['dev2.devco.net'], false);
    assert.equal(Object.values(estate.balancers['lb1.devco.net']?.app ?? {}).filter((up) => !up).length, 1);
  });
});

describe('rolling_restart', () => {
  test('restarts each server once, out of traffic, one at a time', async () => {
    const estate = createEstate();
    const report = await run('rolling_restart', estate, { cluster: 'bravo', backend: 'app' });
    assert.equal(report.state, 'done', JSON.stringify(report.failure));
    const calls = estate.fabric.calls.filter(({ dryRun }) => !dryRun).map(({ action, nodes }) => `${action} ${nodes}`);
    assert.deepEqual(
      calls.filter((call) => call.startsWith('restart')),
      bravo.map((name) => `restart ${name}`),
    );
    assert.equal(calls.filter((call) => call.startsWith('disable')).length, 4);
    assert.deepEqual(report.steps.at(-1)?.lines, ['rip restarted 4 servers of cluster bravo']);
  });

  test('stops at a server that does not start, and leaves it out', async () => {
    const down = { node: 'dev4.devco.net', call: 'appmgr.restart', kind: 'failed' as const };
    const estate = createEstate({ troubles: [down] });
    const report = await run('rolling_restart', estate, { cluster: 'bravo', backend: 'app' });
    assert.equal(report.state, 'failed');
    const said = report.steps.find(({ id }) => id === 'out_of_rotation')?.lines;
    assert.deepEqual(said, ['out of rotation: dev4.devco.net on lb1.devco.net']);
  });
});

describe('rolling_restart of a service', () => {
  test('restarts the service, and not the application, on each server out of traffic', async () => {
    const estate = createEstate();
    const report = await run('rolling_restart', estate, { cluster: 'bravo', backend: 'app', service: 'nginx' });
    assert.equal(report.state, 'done', JSON.stringify(report.failure));
    assert.deepEqual(
      changesOf(estate, 'service'),
      bravo.map((name) => `restart ${name}`),
    );
    assert.deepEqual(changesOf(estate, 'appmgr'), []);
  });
});

describe('security_updates', () => {
  test('updates each server out of traffic, and restarts the service if something was updated', async () => {
    const estate = createEstate();
    const inputs = { cluster: 'bravo', backend: 'app', service: 'nginx' };
    const report = await run('security_updates', estate, inputs);
    assert.equal(report.state, 'done', JSON.stringify(report.failure));
    const order = estate.fabric.calls
      .filter(({ dryRun, nodes, action }) => !dryRun && (nodes.includes('dev2.devco.net') || action.endsWith('able')))
      .map(({ agent, action }) => `${agent}.${action}`);
    assert.deepEqual(
      order.slice(0, 5).filter((one) => !one.startsWith('lock')),
      ['haproxy.disable', 'package.update', 'service.restart', 'nrpe.runcommand', 'haproxy.enable'],
    );
    assert.deepEqual(
      changesOf(estate, 'package'),
      bravo.map((name) => `update ${name}`),
    );
    assert.deepEqual(
      changesOf(estate, 'service'),
      bravo.slice(0, 3).map((name) => `restart ${name}`),
    );
    assert.deepEqual(report.steps.at(-1)?.lines, ['rip installed the security updates of 4 servers of cluster bravo']);
  });

  test('stops at a server whose update fails, and leaves it out of traffic', async () => {
    const refused = { node: 'dev4.devco.net', call: 'package.update', kind: 'failed' as const };
    const estate = createEstate({ troubles: [refused] });
    const report = await run('security_updates', estate, { cluster: 'bravo', backend: 'app' });
    assert.equal(report.state, 'failed');
    assert.deepEqual(changesOf(estate, 'package'), ['update dev2.devco.net', 'update dev4.devco.net']);
    const out = report.steps.find(({ id }) => id === 'out_of_rotation')?.lines;
    assert.deepEqual(out, ['out of rotation: dev4.devco.net on lb1.devco.net']);
  });
});

/** The calls of an agent, in order, without dry runs. */
function changesOf(estate: Estate, agent: string): string[] {
  const calls = estate.fabric.calls.filter((call) => call.agent === agent && !call.dryRun);
  return calls.map(({ action, nodes }) => `${action} ${nodes}`);
}

describe('mail_queue', () => {
  const relays = (queues: Record<string, number>, refuses = 0) =>
    createFabric(
      Object.keys(queues).map((name) => ({
        name,
        agents: ['mailqueue'],
        actions: {
          'mailqueue.status': () => ({ queued: queues[name] ?? 0, oldest: 7 }),
          'mailqueue.deliver': () => {
            const left = Math.min(queues[name] ?? 0, refuses);
            const delivered = (queues[name] ?? 0) - left;
            queues[name] = left;
            return { delivered, left, reason: left > 0 ? 'the server refused one: 550' : '' };
          },
        },
      })),
    );
  const runOn = async (fabric: ReturnType<typeof createFabric>, inputs = {}) => {
    const playbook = await loadShipped('mail_queue');
    return runPlaybook(playbook, bindInputs(playbook, inputs), fabric.ports);
  };

  test('delivers on nodes with waiting mail, and nowhere else', async () => {
    const fabric = relays({ mx1: 3, mx2: 0 });
    const report = await runOn(fabric);
    assert.equal(report.state, 'done', JSON.stringify(report.failure));
    assert.deepEqual(
      fabric.calls.filter(({ action }) => action === 'deliver').map(({ nodes }) => nodes),
      [['mx1']],
    );
    assert.deepEqual(report.steps.at(-1)?.lines, ['waiting now: mx1 0; mx2 0']);
  });

  test('does nothing if no mail waits', async () => {
    assert.equal((await runOn(relays({ mx1: 0 }))).state, 'nothing-to-do');
  });

  test('fails if more mail than allowed stays after its tries, and reports why and how much', async () => {
    const fabric = relays({ mx1: 3 }, 2);
    const report = await runOn(fabric, { tries: 2 });
    assert.match(report.failure?.reasons[0]?.reason ?? '', /^2 messages stay, the server refused one: 550/);
    assert.deepEqual(report.steps.at(-1)?.lines, ['waiting now: mx1 2 (the oldest for 7 s)']);
    assert.equal((await runOn(relays({ mx1: 3 }, 2), { allowed: 2 })).state, 'done');
  });
});
