import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readRollbackOptions } from '../../../../src/client/commands/rollback/declared.ts';
import { readStatusOptions } from '../../../../src/client/commands/status/declared.ts';
import { readUpgradeOptions, type TypedUpgradeOptions } from '../../../../src/client/commands/upgrade/declared.ts';
import { nodeParts } from '../../../../src/command-line.ts';
import { parseNodesText } from '../../../../src/discovery/file/text.ts';
import { fleetOf, shopFleet } from '../../../support/program/fleet-file.ts';

// The values of commander for options that were not typed: --no-notify has a default, --check has none.
const typed = { notify: true } as TypedUpgradeOptions;

async function optionsOf(text: string, words: string[], more: Partial<TypedUpgradeOptions> = {}) {
  const { file } = await fleetOf(text);
  const [application, revision] = words;
  const options = await readUpgradeOptions({ application, revision }, { ...typed, fleet: file, ...more }, nodeParts);
  return { file, options };
}

test('status without an application finds the nodes of the file that --fleet names', async () => {
  const { file } = await fleetOf(shopFleet);
  assert.deepEqual(await readStatusOptions(undefined, { fleet: file }, nodeParts), { fleet: file, nodes: file });
  assert.deepEqual(await readStatusOptions(undefined, {}, nodeParts), {});
});

describe('upgrade APPLICATION REVISION', () => {
  test('takes everything from fleet.yaml', async () => {
    const { file, options } = await optionsOf(shopFleet, ['shop', '20']);
    assert.deepEqual(options, {
      notify: true,
      check: ['check_load'],
      fleet: file,
      nodes: file,
      strategy: 'rolling',
      onFailure: 'stop',
      batch: '1',
      cluster: 'web',
      rev: '20',
      recipient: 'mailto:ops@devco.net',
    });
  });

  test('does not look for nodes in fleet.yaml if a host has no address there, or another source is typed', async () => {
    const nodesOf = async (text: string, more: object = {}) =>
      ((await optionsOf(text, ['shop', '20'], more)).options as { nodes?: string }).nodes;
    assert.equal(await nodesOf(shopFleet.replace(', address: 10.0.0.12', '')), undefined);
    assert.equal(await nodesOf(shopFleet, { nodes: 'mine.yaml' }), 'mine.yaml');
    assert.equal(await nodesOf(shopFleet, { do: ['domain=devco.net'] }), undefined);
  });

  test('names the application with --publish, even if a host has no other', async () => {
    const { options } = await optionsOf(shopFleet, ['shop', '20'], { publish: 'dist.tar.gz' });
    assert.deepEqual([options.application, options.publish], ['shop', 'dist.tar.gz']);
  });

  test('prefers typed options', async () => {
    const more = {
      strategy: 'canary',
      batch: '50%',
      check: false,
      recipient: 'mailto:me@devco.net',
      dm: 'mdns',
    } as const;
    const { options } = await optionsOf(shopFleet, ['shop', '20'], more);
    assert.deepEqual(
      [options.strategy, options.batch, options.check, options.recipient, (options as { nodes?: string }).nodes],
      ['canary', '50%', false, 'mailto:me@devco.net', undefined],
    );
    const silent = await optionsOf(shopFleet, ['shop', '20'], { notify: false });
    assert.equal(silent.options.notify, false);
  });

  test('needs no option for a fleet that notifies nobody', async () => {
    const { options } = await optionsOf(shopFleet.replace(/notify:.*\n/, ''), ['shop', '20']);
    assert.equal(options.notify, false);
    for (const [declared, recipient] of [
      ['notify: false', undefined],
      ['notify: "mailto:shop@devco.net"', 'mailto:shop@devco.net'],
    ] as const) {
      const text = shopFleet.replace('upgrade: { strategy: rolling,', `upgrade: { ${declared}, strategy: rolling,`);
      const own = await optionsOf(text, ['shop', '20']);
      assert.deepEqual([own.options.notify, own.options.recipient], [recipient !== undefined, recipient], declared);
    }
  });

  test('names the application if its hosts run several', async () => {
    const text = shopFleet.replace('applications:\n', 'applications:\n  api: { role: web, reload: [/bin/true] }\n');
    assert.equal((await optionsOf(text, ['shop', '20'])).options.application, 'shop');
  });

  test('requires the cluster if it runs in several', async () => {
    const text = shopFleet.replace('facts: { rack: b }', 'facts: { cluster: bravo }');
    await assert.rejects(optionsOf(text, ['shop', '20']), {
      code: 'usage',
      message: 'shop runs in the clusters bravo and web',
      hint: 'name one: --cluster bravo',
    });
    assert.equal((await optionsOf(text, ['shop', '20'], { cluster: 'web' })).options.cluster, 'web');
  });

  test('shows the nearest application, and which argument is missing', async () => {
    await assert.rejects(optionsOf(shopFleet, ['shap', '20']), { code: 'usage', hint: 'did you mean “shop”?' });
    await assert.rejects(optionsOf(shopFleet, ['shop']), { message: 'upgrade needs a revision' });
    await assert.rejects(optionsOf(shopFleet, []), { message: 'upgrade needs an application or a cluster' });
    await assert.rejects(optionsOf(shopFleet, ['shop', '20'], { rev: '21' }), /two revisions are given, 20 and 21/);
    const missing = { ...typed, fleet: '/nowhere/fleet.yaml' };
    await assert.rejects(readUpgradeOptions({ application: 'shop', revision: '20' }, missing, nodeParts), {
      code: 'not-configured',
      message: 'there is no /nowhere/fleet.yaml',
      hint: 'check the path',
    });
  });

  test('shows the command for a cluster if there is no fleet.yaml', async (t) => {
    t.mock.method(process, 'cwd', () => '/nowhere');
    const place = 'change to its directory, or give its path: --fleet FILE; for a cluster without it: ';
    await assert.rejects(readUpgradeOptions({ application: 'bravo', revision: '20' }, typed, nodeParts), {
      code: 'not-configured',
      hint: `${place}mco-deploy upgrade --cluster bravo --rev 20`,
    });
    await assert.rejects(readRollbackOptions('bravo', typed, nodeParts), {
      code: 'not-configured',
      hint: `${place}mco-deploy rollback --cluster bravo`,
    });
  });

  test('needs no fleet.yaml with --cluster and --rev', async () => {
    const given = { ...typed, cluster: 'bravo', rev: '20' };
    const options = await readUpgradeOptions({ application: undefined, revision: undefined }, given, nodeParts);
    assert.deepEqual(options, { ...given, strategy: 'auto', onFailure: 'stop' });
  });
});

test('works like rollback and status, which take the cluster of an application from fleet.yaml', async () => {
  const { file } = await fleetOf(shopFleet);
  const back = await readRollbackOptions('shop', { notify: true, fleet: file }, nodeParts);
  assert.deepEqual(
    { cluster: back.cluster, recipient: back.recipient },
    { cluster: 'web', recipient: 'mailto:ops@devco.net' },
  );
  await assert.rejects(readRollbackOptions(undefined, { notify: true }, nodeParts), { code: 'usage' });
  const status = await readStatusOptions('shop', { fleet: file, wf: ['rack=b'] }, nodeParts);
  assert.deepEqual(status.wf, ['rack=b', 'cluster=~/^(web)$/']);
  assert.equal((status as { nodes?: string }).nodes, file);
});

describe('rollback APPLICATION', () => {
  const backOf = async (text: string, more: object = {}) => {
    const { file } = await fleetOf(text);
    return await readRollbackOptions('shop', { notify: true, fleet: file, ...more }, nodeParts);
  };
  const withUpgrade = (upgrade: string) => shopFleet.replace(/upgrade: \{.*\}/, `upgrade: ${upgrade}`);

  test('takes batch and checks from fleet.yaml, unless they are typed', async () => {
    const { batch, check } = await backOf(shopFleet);
    assert.deepEqual([batch, check], ['1', ['check_load']]);
    const typedBack = await backOf(shopFleet, { batch: '50%', check: false });
    assert.deepEqual([typedBack.batch, typedBack.check], ['50%', false]);
  });

  for (const [upgrade, expected] of [
    ['{}', undefined],
    ['{ strategy: auto }', undefined],
    ['{ soak: 1m }', undefined],
    ['{ strategy: parallel }', '100%'],
    ['{ strategy: rolling }', '2'],
    ['{ strategy: rolling, batch: 3 }', '3'],
    ['{ strategy: canary }', '1,25%,50%'],
  ] as const) {
    test(`takes out ${expected ?? 'as many as can be spared'} at a time with upgrade: ${upgrade}`, async () => {
      assert.equal((await backOf(withUpgrade(upgrade))).batch, expected);
    });
  }

  test('names the application if its hosts run several', async () => {
    const text = shopFleet.replace('applications:\n', 'applications:\n  api: { role: web, reload: [/bin/true] }\n');
    assert.equal((await backOf(text)).application, 'shop');
    assert.equal((await backOf(shopFleet)).application, undefined);
  });
});

test('uses fleet.yaml as a list of nodes', () => {
  const nodes = parseNodesText(shopFleet, 'fleet.yaml', 'file');
  assert.deepEqual(
    nodes.map(({ name, addresses }) => [name, ...addresses.map(({ host, port }) => `${host}:${port}`)]),
    [
      ['lb1.devco.net', '10.0.0.1:5810'],
      ['web1.devco.net', '10.0.0.11:5810'],
      ['web2.devco.net', '10.0.0.12:5810'],
      ['web3.devco.net', '10.0.0.13:5811'],
    ],
  );
});
