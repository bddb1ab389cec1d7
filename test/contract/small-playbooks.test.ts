import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { agents } from '../../src/agents/index.ts';
import { bindInputs } from '../../src/playbook/inputs.ts';
import { loadPlaybook } from '../../src/playbook/load.ts';
import { runPlaybook } from '../../src/playbook/run.ts';
import { alfa, bravo, createEstate, type Estate } from '../support/estate.ts';

const catalogue = agents.map(({ ddl }) => ddl);

async function run(name: string, estate: Estate, inputs: Record<string, unknown>) {
  const playbook = await loadPlaybook(`playbooks/${name}.yaml`, catalogue);
  return runPlaybook(playbook, bindInputs(playbook, inputs), estate.fabric.ports);
}

describe('fleet_check', () => {
  test('asks every machine that runs checks', async () => {
    const estate = createEstate();
    const report = await run('fleet_check', estate, { command: 'check_load' });
    assert.equal(report.state, 'done');
    assert.deepEqual(report.steps.at(-1)?.lines, ['check_load is OK on 9 of 9 machines']);
  });

  test('fails where more are not OK than allowed, and names them', async () => {
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
    assert.equal((await run('maintenance', estate, { backend: 'ap', servers, state: 'on' })).failure?.step, 'hosted');
    const unknown = await run('maintenance', estate, { backend: 'app', servers: 'dev99', state: 'on' });
    assert.equal(unknown.failure?.step, 'ask');
    await assert.rejects(run('maintenance', estate, { backend: 'app', servers, state: 'maybe' }), {
      code: 'bad-input',
    });
  });
});
