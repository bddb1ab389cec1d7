import { Problem } from '../../core/errors.ts';
import { suggest } from '../../core/text.ts';
import type { Application, Fleet } from './model.ts';

/** An application of the fleet. @throws Problem `usage` with the nearest known name */
export function requireApplication(fleet: Fleet, name: string): Application {
  const found = fleet.applications.find((one) => one.name === name);
  if (found !== undefined) return found;
  const names = fleet.applications.map((one) => one.name);
  throw new Problem('usage', `${fleet.file} has no application “${name.slice(0, 80)}”`, suggest(name, names));
}

/** The cluster of an application. @throws Problem `usage` if it runs in several and none was named */
export function clusterOf({ name, clusters }: Application, requested: string | undefined): string {
  const [only] = clusters;
  if (requested !== undefined) {
    if (clusters.includes(requested)) return requested;
    throw new Problem(
      'usage',
      `${name} does not run in cluster “${requested.slice(0, 80)}”`,
      suggest(requested, clusters),
    );
  }
  if (only !== undefined && clusters.length === 1) return only;
  throw new Problem('usage', `${name} runs in the clusters ${clusters.join(' and ')}`, `name one: --cluster ${only}`);
}

/**
 * The NRPE checks that servers must pass: the named ones, else all of the role; undefined if only the host knows them.
 */
export function checksOf({ role: name, upgrade }: Application, fleet: Fleet): readonly string[] | undefined {
  if (upgrade.checks !== undefined) return upgrade.checks;
  const role = fleet.roles.find((one) => one.name === name);
  const declared = Object.keys(role?.checks ?? {});
  if (declared.length > 0 || role === undefined) return declared;
  return Object.hasOwn(role.agents, 'nrpe') ? undefined : [];
}

/** The recipient of an upgrade's notifications; false for nobody. */
export function recipientOf({ upgrade }: Application, { notify }: Fleet): string | false {
  if (typeof upgrade.notify === 'string') return upgrade.notify;
  return upgrade.notify === false ? false : (notify ?? false);
}

/** Whether several applications run on its hosts, so that calls must name it. */
export function isAmbiguous({ role }: Application, { applications }: Fleet): boolean {
  return applications.filter((one) => one.role === role).length > 1;
}
