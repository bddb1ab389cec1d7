import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { agents } from '../../../src/agents/index.ts';
import { makeFleet } from '../../support/fleet/fleet.ts';
import { startDaemonProgram } from '../../support/node/daemon-program.ts';
import { prepareNode } from '../../support/node/node.ts';
import { builtProgram } from '../../support/program/built-program.ts';
import { until } from '../../support/until.ts';

/** Bytes of its own, beside the pages of the program's file: docs/performance.md says how they are measured. */
const most = 22_000_000;

test('an idle daemon has at most 22 MB of private memory once it has released what only its start needed', async () => {
  await using fleet = await makeFleet();
  const { configFile } = await prepareNode(fleet, {
    name: 'web1.devco.net',
    agents: agents.filter(({ ddl }) => ['rpcutil', 'lock', 'audit', 'nrpe'].includes(ddl.name)),
    sections: { nrpe: { config: '/etc/nagios/nrpe.cfg' } },
    log: 'info',
  });
  await using daemon = await startDaemonProgram(configFile, [builtProgram()]);
  // The start alone takes more: so what is awaited happens, and is not there from the beginning.
  assert.ok((await ownMemory(daemon.pid)) > most);
  await until('the daemon has given memory back', async () => (await ownMemory(daemon.pid)) <= most, 500);
});

async function ownMemory(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  const [, kilobytes] = /^Pss_Anon: +(\d+) kB$/m.exec(text) ?? assert.fail('there is no Pss_Anon');
  return Number(kilobytes) * 1024;
}
