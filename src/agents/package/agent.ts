import { type ActionContext, type Agent, type AgentSetup, defineHandlers } from '../../core/agent.ts';
import { defineMutex } from '../../core/waiting/concurrency.ts';
import { Problem } from '../../core/errors.ts';
import { isAllowed, requireAllowed } from './allowed.ts';
import type { PackageConfig } from './config.ts';
import { packageDdl } from './ddl.ts';
import { openManager } from './manager.ts';
import type { PackageChange, PackageManager, PackageRequest } from './package-manager.ts';

/** Installs and updates packages on the list of node.yaml; it never removes one. */
export async function startPackage({ config, run }: AgentSetup<PackageConfig>): Promise<Agent> {
  const manager = await openManager(config, run);
  // One at a time: a package manager holds a lock, and a plan is valid until the next change.
  const inTurn = defineMutex();
  const allowedUpdates = async (security: boolean, signal: AbortSignal) =>
    (await manager.updates(security, signal)).filter((update) => isAllowed(update.package, config.packages));
  const change = (requested: readonly PackageRequest[], refresh: boolean, context: ActionContext) =>
    inTurn(() => changePackages(manager, requested, refresh, context));
  const handlers = defineHandlers(packageDdl, {
    async status({ package: name }, { signal }) {
      requireAllowed(name, config.packages);
      return { package: name, ...(await manager.status(name, signal)) };
    },
    updates: async ({ security }, { signal }) => ({ packages: await allowedUpdates(security, signal) }),
    async install({ package: name, version, refresh }, context) {
      requireAllowed(name, config.packages);
      return change([{ name, version }], refresh, context);
    },
    async update({ package: name, version, security, refresh }, context) {
      if (name === undefined) {
        if (version !== undefined)
          throw new Problem('invalid-input', 'a version needs a package', 'give package=NAME too');
        return inTurn(() => updateAll(manager, allowedUpdates, security, refresh, context));
      }
      requireAllowed(name, config.packages);
      const { installed } = await manager.status(name, context.signal);
      if (installed === '')
        throw new Problem('not-installed', `${name} is not installed`, `call package.install for it`);
      return change([{ name, version }], refresh, context);
    },
  });
  return { handlers };
}

async function updateAll(
  manager: PackageManager,
  allowedUpdates: (security: boolean, signal: AbortSignal) => Promise<readonly PackageChange[]>,
  security: boolean,
  refresh: boolean,
  context: ActionContext,
) {
  if (refresh && !context.dryRun) await manager.refresh(context.signal);
  const updates = await allowedUpdates(security, context.signal);
  const requested = updates.map(({ package: name, to }) => ({ name, version: to }));
  return changePackages(manager, requested, false, context);
}

async function changePackages(
  manager: PackageManager,
  requested: readonly PackageRequest[],
  refresh: boolean,
  { dryRun, signal, progress }: ActionContext,
) {
  if (refresh && !dryRun) await manager.refresh(signal);
  const packages = requested.length === 0 ? [] : [...(await manager.plan(requested, signal))];
  // As planned, and not what a newer list may offer.
  const pinned = requested.map(({ name, version }) => ({ name, version: version ?? targetOf(name, packages) }));
  if (packages.length > 0 && !dryRun) await manager.install(pinned, signal, progress);
  return { changed: packages.length > 0, packages, reboot_required: await manager.rebootRequired(signal) };
}

function targetOf(name: string, packages: readonly PackageChange[]): string | undefined {
  return packages.find((one) => one.package === name)?.to;
}
