import type { ActionContext } from '../../../core/agent.ts';
import { readInfos } from '../runtime/process.ts';
import { readViews } from '../servers/backend.ts';
import { parseNames } from '../servers/host.ts';
import { adminBits, adminStateOf } from '../servers/state.ts';
import { enable, type EnableInput } from './enable.ts';
import { type ChangeReport, namesOf } from './report.ts';
import type { LoadBalancer } from '../load-balancer.ts';
import { prepareScope, readNarrowing } from './change-request.ts';

/** Puts hosts in; for a short time afterwards, also those that a reload takes out by restoring older states. */
export async function enableOverReloads(
  balancer: LoadBalancer,
  input: EnableInput,
  context: ActionContext,
): Promise<ChangeReport> {
  if (context.dryRun) return enable(balancer, input, context, {});
  // Bad names are refused before any socket is used.
  parseNames(input.server);
  readNarrowing(balancer.config, input);
  const before = await readInfos(balancer.runtimes, context.signal);
  const report = await enable(balancer, input, context, before);
  // Those of others stay out: they were out before.
  const isMeant = (name: string) => input.own !== true || report.changed.includes(name);
  const present = report.hosts.filter(({ name, lines }) => lines.length > 0 && isMeant(name));
  if (present.length > 0)
    balancer.enableWatch.watch(before, (signal) => enableAgain(balancer, input, present, { ...context, signal }));
  return report;
}

async function enableAgain(
  balancer: LoadBalancer,
  input: EnableInput,
  hosts: ChangeReport['hosts'],
  context: ActionContext,
): Promise<readonly string[]> {
  const known = await readInfos(balancer.runtimes, context.signal);
  const resolve = await prepareScope(balancer, { ...input, server: namesOf(hosts).join(',') });
  const request = resolve(await readViews(balancer.runtimes, context.signal));
  const held = new Set(balancer.watch.hosts().map(({ host }) => host));
  const out = request.hosts.filter(
    ({ name, chosen }) =>
      !held.has(name) &&
      // A host that the configuration file takes out is out on purpose.
      chosen.some(
        ({ server }) => adminStateOf(server) !== 'ready' && (server.admin & adminBits.configuredMaintenance) === 0,
      ),
  );
  if (out.length === 0) return [];
  const server = namesOf(out).join(',');
  const { changed } = await enable(
    balancer,
    { ...input, server, own: false },
    { ...context, progress: () => {} },
    known,
  );
  return changed;
}
