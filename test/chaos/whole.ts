import { setTimeout as delay } from 'node:timers/promises';
import type { Lab } from '../support/lab/lab.ts';
import { balancers, called } from './hosts.ts';
import { daemonsOf, processesOf } from './processes.ts';
import type { Struck } from './strike.ts';

/**
 * Puts every fault right, the daemons last: they may need what another fault took.
 * @returns what cannot be put right, and the daemons that ended by themselves
 */
export async function healAll(lab: Lab, struck: readonly Struck[]): Promise<string[]> {
  const [daemons, others] = [true, false].map((is) => struck.filter(({ fault }) => (fault.part === 'daemon') === is));
  const broken = [...(await heal(others)), ...(await heal(daemons))];
  const killed = struck.filter(({ fault }) => fault.kind === 'daemon killed').map(({ fault }) => fault.host);
  const running = daemonsOf(await processesOf(lab));
  const ended = await Promise.all(
    called.map(async (host) => {
      if (running.has(host)) return [];
      const end = (await lab.daemon(host).log()).slice(-3).map((line) => JSON.stringify(line));
      await lab.daemon(host).start();
      return killed.includes(host) ? [] : [`the daemon of ${host} ended by itself: ${end.join(' ')}`];
    }),
  );
  return [...broken, ...ended.flat()];
}

async function heal(struck: readonly Struck[] = []): Promise<string[]> {
  const healed = await Promise.allSettled(struck.map(({ heal }) => heal()));
  return healed.flatMap((one) => (one.status === 'rejected' ? [`not put right: ${one.reason}`] : []));
}

/** Until every node answers and no server is down for want of checks. @returns what is not so after some tries */
export async function untilWhole(lab: Lab): Promise<string[]> {
  let last = '';
  for (let tries = 0; tries < 30; tries++) {
    const { code, stdout, stderr } = await lab.client(['ping']);
    const servers = (await Promise.all(balancers.map((balancer) => lab.servers(balancer)))).flat();
    const down = servers.filter(({ status }) => status !== 'UP' && status !== 'MAINT').map(({ name }) => name);
    if (code === 0 && down.length === 0) return [];
    last = `ping: exit code ${code}: ${stdout}${stderr}; down: ${down.join(', ')}`;
    await delay(1000);
  }
  return [`not whole once the faults were gone: ${last}`];
}
