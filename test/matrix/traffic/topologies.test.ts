import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Lab, startLab } from '../../support/lab/lab.ts';
import { startLoad } from '../../support/lab/traffic/load.ts';
import { balancersOf, setStage, visitsOf, windowOf } from './stage.ts';
import { type Topology, topologies } from './topologies.ts';

const bravo = ['dev2.devco.net', 'dev4.devco.net'];
const upgrade = ['upgrade', '--cluster', 'bravo', '--rev', '20'];

/** Constant load through every backend of every load balancer. */
async function loadAll(lab: Lab, { paths, oneRequestEach = false }: Topology) {
  const targets = balancersOf(lab).flatMap((name) => paths.map((path) => ({ name, path })));
  const loads = await Promise.all(
    targets.map(({ name, path }) => {
      const address = lab.hosts.find((host) => host.name === name)?.address;
      return startLoad(lab.state, `http://${address}${path}`, 60, !oneRequestEach);
    }),
  );
  return {
    stop: async () => {
      const reports = await Promise.all(loads.map((load) => load.stop()));
      return {
        requests: reports.reduce((sum, { requests }) => sum + requests, 0),
        failures: reports.flatMap(({ failures }) => failures),
      };
    },
  };
}

/** The host's own log is the witness. */
async function assertUntouched(lab: Lab, host: string): Promise<void> {
  const { from, to } = await windowOf(lab, host);
  assert.ok(from < to, `${host} was out from ${from} to ${to}`);
  const visits = await visitsOf(lab, host);
  assert.ok(visits.some(({ at }) => at < from) && visits.some(({ at }) => at > to), `${host} served before and after`);
  assert.deepEqual(
    visits.filter(({ at }) => at > from && at < to),
    [],
    `${host} got requests while it was out`,
  );
}

for (const topology of topologies) {
  describe(topology.name, () => {
    for (const lbs of [1, 2]) {
      for (const strategy of ['parallel', 'rolling'] as const) {
        test(`${strategy}, ${lbs} load balancers: no request reaches a host that is being upgraded, and none fails`, async () => {
          await using lab = await startLab({ hosts: 4, lbs });
          await setStage(lab, topology);
          const load = await loadAll(lab, topology);
          const batch = strategy === 'rolling' ? ['--strategy', 'rolling', '--batch', '1'] : [];
          const { code, stdout, stderr } = await lab.client([...upgrade, '--no-notify', ...batch]);
          // Long enough for those that are back to be seen to serve.
          await new Promise((resolve) => setTimeout(resolve, 500));
          const { requests, failures } = await load.stop();
          assert.equal(code, 0, stdout + stderr);
          assert.deepEqual(failures, [], `of ${requests} requests`);
          for (const host of bravo) {
            assert.equal(await lab.revision(host), '20', host);
            await assertUntouched(lab, host);
          }
        });
      }
    }
  });
}
