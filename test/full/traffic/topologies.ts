import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../../support/eventually.ts';
import { type Lab, startLab } from '../../support/lab/lab.ts';
import { balancersOf, setStage } from '../../support/lab/topologies/stage.ts';
import { type Topology, topologies } from '../../support/lab/topologies/topologies.ts';
import { assertUntouched, visitsOf, windowOf } from '../../support/lab/topologies/witness.ts';
import { startLoad } from '../../support/lab/traffic/load.ts';

const bravo = ['dev2.devco.net', 'dev4.devco.net'];
const rolling = ['--strategy', 'rolling', '--batch', '1'];

/** Upgrades in every topology: all servers of the cluster at once, then one by one. */
export function showTopologies(lbs: 1 | 2): void {
  describe(`with ${lbs} load balancer${lbs === 1 ? '' : 's'}, no request reaches a host that is being upgraded, and none fails`, () => {
    let lab: Lab;
    before(async () => {
      lab = await startLab({ hosts: 4, lbs });
    });
    after(() => lab.stop());
    for (const topology of topologies) {
      test(topology.name, async () => {
        await setStage(lab, topology);
        await upgrade(lab, topology, []);
        await upgrade(lab, topology, rolling);
      });
    }
  });
}

/** Upgrades to the other revision, under load. */
async function upgrade(lab: Lab, topology: Topology, strategy: readonly string[]): Promise<void> {
  const revision = (await lab.revision('dev2')) === '20' ? '10' : '20';
  const since = Date.now();
  const load = await loadAll(lab, topology);
  const argv = ['upgrade', '--cluster', 'bravo', '--rev', revision, '--no-notify', ...strategy];
  const { code, stdout, stderr } = await lab.client(argv);
  assert.equal(code, 0, stdout + stderr);
  for (const host of bravo) await assertServes(lab, topology, host, since);
  const { requests, failures } = await load.stop();
  assert.deepEqual(failures, [], `of ${requests} requests`);
  for (const host of bravo) {
    assert.equal(await lab.revision(host), revision, host);
    await assertUntouched(lab, host, since);
  }
}

/** Before it was taken out, and again since it was put in: the load was one that could have reached it. */
async function assertServes(lab: Lab, { idle = [] }: Topology, host: string, since: number): Promise<void> {
  if (idle.includes(host)) return;
  const { from, to } = await windowOf(lab, host, since);
  await eventually(async () => {
    const visits = await visitsOf(lab, host);
    assert.ok(visits.some(({ at }) => at > since && at < from) && visits.some(({ at }) => at > to), host);
  });
}

/** Constant load through every backend of every load balancer. */
function loadAll(lab: Lab, { paths, oneRequestEach = false }: Topology) {
  const addresses = lab.hosts.filter(({ name }) => balancersOf(lab).includes(name)).map(({ address }) => address);
  const urls = addresses.flatMap((address) => paths.map((path) => `http://${address}${path}`));
  return startLoad(lab.state, urls.join(','), 60 * urls.length, !oneRequestEach);
}
