import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bindInputs } from '../../../src/playbook/inputs/inputs.ts';
import { runPlaybook } from '../../../src/playbook/run/run-playbook.ts';
import { alfa, bravo, createEstate, type Estate, type EstateOptions } from '../../support/fleet/estate.ts';
import { loadShipped } from '../../support/fleet/shipped.ts';

const upgrade = { cluster: 'bravo', notify: false };

async function run(name: string, estate: Estate, inputs: Record<string, unknown>) {
  const playbook = await loadShipped(name);
  return runPlaybook(playbook, bindInputs(playbook, given({ ...upgrade, ...inputs })), estate.fabric.ports);
}

const given = (inputs: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(inputs).filter(([, value]) => value !== undefined));

function watched(options: EstateOptions = {}) {
  const servers = Object.fromEntries([...alfa, ...bravo].map((name) => [name, true]));
  return { servers, estate: createEstate({ balancers: { 'lb1.devco.net': { app: servers } }, ...options }) };
}

const revisionsOf = ({ revisions }: Estate) => bravo.map((name) => revisions[name]);
const outOf = (servers: Record<string, boolean>) => bravo.filter((name) => servers[name] === false);

const mixed = ['dev2.devco.net=10', 'dev4.devco.net=5'];
const back = bravo.map((name) => `${name}=10`);

/** The servers of each batch, as they left traffic. */
const batchesOf = ({ fabric }: Estate) =>
  fabric.calls.filter(({ step }) => step.endsWith('].disable')).map(({ input }) => String(input.server).split(','));

/** Only the servers of the cluster are in the backend, and all serve the new release. */
const alone = (names: readonly string[], options: EstateOptions = {}) => {
  const servers = Object.fromEntries(names.map((name) => [name, true]));
  const estate = createEstate({ balancers: { 'lb1.devco.net': { app: servers } }, ...options });
  for (const name of names) estate.revisions[name] = '20';
  return { estate, servers, targets: names.map((name) => `${name}=10`) };
};

describe('rollback', () => {
  test('takes each server out, returns it to its earlier release, enables it, and leaves the others alone', async () => {
    const { estate, servers } = watched({ releases: ['5', '10', '20'] });
    await run('app_cluster_upgrade', estate, { revision: '20' });
    const report = await run('rollback', estate, { targets: mixed });
    assert.equal(report.state, 'done');
    assert.deepEqual(revisionsOf(estate), ['10', '5', '20', '20']);
    assert.deepEqual(outOf(servers), []);
    const touched = estate.fabric.calls.filter(({ step }) => step === 'back[1].disable').at(-1);
    assert.equal(touched?.input.server, 'dev2.devco.net,dev4.devco.net');
    assert.equal((await run('rollback', estate, { targets: mixed })).state, 'nothing-to-do');
  });

  test('needs neither a recipient nor the nodes that did not take part in the run', async () => {
    const silent = [
      { name: 'dev8.devco.net', by: 'the cache' },
      { name: 'lb2.devco.net', by: 'the cache' },
    ];
    const everyone = () => Object.fromEntries([...alfa, ...bravo].map((name) => [name, true]));
    const balancers = { 'lb1.devco.net': { app: everyone() }, 'lb2.devco.net': { other: {} } };
    const estate = createEstate({ balancers, silent });
    estate.revisions['dev2.devco.net'] = '20';
    const targets = ['dev2.devco.net=10', 'dev4.devco.net=10'];
    const inputs = { cluster: 'bravo', notify: undefined, targets, balancers: ['lb1.devco.net'] };
    const report = await run('rollback', estate, inputs);
    assert.equal(report.state, 'done', JSON.stringify(report.failure));
    assert.equal(estate.revisions['dev2.devco.net'], '10');
    assert.deepEqual(estate.sent, []);
    const without = await run('rollback', createEstate({ balancers, silent }), { ...inputs, balancers: undefined });
    assert.deepEqual(
      without.failure?.reasons.map(({ node }) => node),
      ['lb2.devco.net'],
      'where nobody says which load balancers must be there, all that are known must',
    );
  });

  test('names the application in every call of appmgr', async () => {
    const { estate, targets } = alone(bravo);
    await run('rollback', estate, { targets, application: 'shop' });
    const calls = estate.fabric.calls.filter(({ agent }) => agent === 'appmgr');
    assert.ok(calls.length > 3);
    assert.deepEqual([...new Set(calls.map(({ input }) => input.application))], ['shop']);
  });

  test('calls the rollback of appmgr, so that a second rollback on the node does not restore the release', async () => {
    const { estate } = watched();
    await run('app_cluster_upgrade', estate, { revision: '20' });
    await run('rollback', estate, { targets: mixed.slice(0, 1) });
    const called = estate.fabric.calls.filter(({ agent, dryRun }) => agent === 'appmgr' && !dryRun);
    assert.equal(called.at(-1)?.action, 'rollback');
  });
});

describe('rollback in batches', () => {
  test('takes out only the servers that need it, batch by batch, and enables those that were left out', async () => {
    const { estate, servers } = watched();
    const targets = bravo.map((name) => `${name}=10`);
    estate.revisions['dev2.devco.net'] = '20';
    servers['dev6.devco.net'] = false;
    const report = await run('rollback', estate, { targets, batch: '1' });
    assert.equal(report.state, 'done');
    assert.deepEqual([revisionsOf(estate), outOf(servers)], [['10', '10', '10', '10'], []]);
    const taken = estate.fabric.calls.filter(({ step }) => step.endsWith('].disable')).map(({ input }) => input.server);
    assert.deepEqual(taken, ['dev6.devco.net', 'dev2.devco.net'], 'the one that is out already goes first');
    assert.deepEqual(estate.switches, { 'dev2.devco.net': 1 });
  });

  for (const [what, names, least, expected] of [
    ['two at a time where all would be too many', bravo, undefined, [bravo.slice(0, 2), bravo.slice(2)]],
    ['one at a time where min_available spares no two', bravo, 3, bravo.map((name) => [name])],
    ['one at a time where there are two', bravo.slice(0, 2), undefined, bravo.slice(0, 2).map((name) => [name])],
    ['two at a time, then one, of three', bravo.slice(0, 3), undefined, [bravo.slice(0, 2), bravo.slice(2, 3)]],
  ] as const) {
    test(`takes out ${what}, and reports that`, async () => {
      const { estate, servers, targets } = alone(names);
      const report = await run('rollback', estate, { targets, min_available: least });
      assert.equal(report.state, 'done', JSON.stringify(report.failure));
      assert.deepEqual(batchesOf(estate), expected);
      assert.deepEqual(
        Object.values(servers),
        names.map(() => true),
      );
      const size = expected[0]?.length;
      assert.deepEqual(report.steps.find(({ id }) => id === 'fewer')?.lines, [
        `${size} at a time, since too few servers would stay in traffic without all ${names.length}`,
      ]);
    });
  }

  test('batches servers that are already out of traffic together', async () => {
    const { estate, servers, targets } = alone(bravo);
    for (const name of bravo.slice(0, 3)) servers[name] = false;
    estate.revisions['dev8.devco.net'] = '10';
    const report = await run('rollback', estate, { targets });
    assert.equal(report.state, 'done', JSON.stringify(report.failure));
    assert.deepEqual(batchesOf(estate), [bravo.slice(0, 3)]);
  });

  test('takes out as many servers at once as remain in traffic, or as requested', async () => {
    const { estate, targets } = { ...watched(), targets: back };
    for (const name of bravo) estate.revisions[name] = '20';
    assert.equal((await run('rollback', estate, { targets })).state, 'done');
    assert.deepEqual(batchesOf(estate), [bravo]);
    const told = alone(bravo);
    assert.equal((await run('rollback', told.estate, { targets, batch: '3' })).state, 'done');
    assert.deepEqual(batchesOf(told.estate), [bravo.slice(0, 3), bravo.slice(3)]);
  });

  test('checks every load balancer for how many servers may leave, and changes nothing if none can be spared', async () => {
    const all = () => Object.fromEntries(bravo.map((name) => [name, true]));
    const balancers = {
      'lb1.devco.net': { app: { ...all(), 'dev1.devco.net': true } },
      'lb2.devco.net': { app: all() },
    };
    const { estate, targets } = alone(bravo, { balancers });
    assert.equal((await run('rollback', estate, { targets, min_available: 3 })).state, 'done');
    assert.deepEqual(
      batchesOf(estate),
      bravo.map((name) => [name]),
    );
    const none = alone(bravo);
    const report = await run('rollback', none.estate, { targets, min_available: 4 });
    assert.equal(report.failure?.reasons[0]?.code, 'too-few-servers');
    assert.deepEqual(Object.values(none.servers), [true, true, true, true]);
    assert.doesNotMatch(JSON.stringify(report), /lower|min_available to/);
  });
});

describe('rollback with invalid targets', () => {
  test('refuses if another operator has deployed another release since, and names it', async () => {
    const { estate, servers } = watched({ releases: ['5', '10', '20', '40'] });
    const known = { targets: ['dev2.devco.net=5', 'dev4.devco.net=10'], instead_of: ['20'] };
    await run('app_cluster_upgrade', estate, { revision: '40' });
    const report = await run('rollback', estate, known);
    assert.deepEqual(report.failure?.reasons, [
      {
        node: '',
        code: 'required',
        reason: 'upgraded otherwise since: dev2.devco.net serves 40, dev4.devco.net serves 40',
      },
    ]);
    assert.deepEqual([revisionsOf(estate)[0], outOf(servers)], ['40', []]);
    estate.revisions['dev2.devco.net'] = '20';
    estate.revisions['dev4.devco.net'] = '10';
    assert.equal((await run('rollback', estate, known)).state, 'done');
  });

  test('changes nothing if a node no longer has a release, and names it', async () => {
    const { estate, servers } = watched();
    const report = await run('rollback', estate, { targets: mixed });
    assert.equal(report.failure?.step, 'there');
    assert.match(JSON.stringify(report.failure?.reasons), /dev4\.devco\.net.*revision 5 is no longer there/);
    assert.deepEqual([estate.switches, outOf(servers)], [{}, []]);
  });

  for (const [what, targets, step] of [
    ['a server of another cluster', ['dev1.devco.net=10'], 'known'],
    ['one server twice', ['dev2.devco.net=10', 'dev2.devco.net=20'], 'one_each'],
    ['no server', [], 'one_each'],
  ] as const) {
    test(`refuses ${what}`, async () => {
      const { estate } = watched();
      assert.equal((await run('rollback', estate, { targets })).failure?.step, step);
      assert.deepEqual(estate.switches, {});
    });
  }
});

for (const name of ['app_cluster_upgrade', 'app_rolling_upgrade']) {
  describe(`${name} with on_failure=rollback`, () => {
    const choice = { on_failure: 'rollback' };

    test('rolls back the upgraded servers, and enables all of them', async () => {
      const { estate, servers } = watched();
      // The second batch does not get the new release.
      const report = await run(name, estateFailingOn(estate, 'dev6.devco.net'), { revision: '20', ...choice });
      assert.equal(report.state, 'failed');
      assert.deepEqual(revisionsOf(estate), ['10', '10', '10', '10']);
      assert.deepEqual(outOf(servers), []);
    });

    test('leaves everything as it is when configured to stop, or when it was interrupted', async () => {
      const { estate, servers } = watched();
      await run(name, estateFailingOn(estate, 'dev6.devco.net'), { revision: '20' });
      assert.deepEqual(revisionsOf(estate).slice(0, 2), ['20', '20']);
      assert.ok(outOf(servers).includes('dev6.devco.net'));
      const second = watched();
      const stop = new AbortController();
      const { ports } = second.estate.fabric;
      const playbook = await loadShipped(name);
      const inputs = bindInputs(playbook, { ...upgrade, revision: '20', ...choice });
      const call: typeof ports.call = (asked, ...rest) => {
        if (asked.step.endsWith('update')) stop.abort();
        return ports.call(asked, ...rest);
      };
      const report = await runPlaybook(playbook, inputs, { ...ports, call }, { signal: stop.signal });
      assert.equal(report.state, 'interrupted');
      assert.deepEqual(revisionsOf(second.estate).slice(0, 2), ['20', '20']);
    });

    test('does nothing if nothing was changed', async () => {
      const { estate, servers } = watched();
      const report = await run(name, estate, { revision: '21', ...choice });
      assert.equal(report.failure?.step, 'revision_exists');
      assert.deepEqual([estate.switches, outOf(servers)], [{}, []]);
    });
  });
}

/** The same estate, with one server that takes no other release than it has. */
function estateFailingOn(estate: Estate, node: string): Estate {
  const { ports } = estate.fabric;
  const call: typeof ports.call = async (asked, onOutcome, signal) => {
    if (asked.action !== 'upgrade' || asked.input.revision === '10' || !asked.nodes.includes(node)) {
      return await ports.call(asked, onOutcome, signal);
    }
    const others = await ports.call(
      { ...asked, nodes: asked.nodes.filter((name) => name !== node) },
      onOutcome,
      signal,
    );
    const reply = { node, status: 1, code: 'broken', message: 'it is broken', hint: '', data: {}, elapsed: 1 };
    const outcome = { ...reply, outcome: 'failed' as const };
    onOutcome(outcome);
    return [...others, outcome];
  };
  return { ...estate, fabric: { ...estate.fabric, ports: { ...ports, call } } };
}
