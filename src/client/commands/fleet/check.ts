import { Problem } from '../../../core/errors.ts';
import { count, printable } from '../../../core/text.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';
import { findFleetFile, typedFleetFile } from '../../fleet-file/find.ts';
import { lockOut } from '../../fleet-file/lock-out.ts';
import type { Fleet, LoadNodeParts, NodeParts } from '../../fleet-file/model.ts';
import { configFiles } from '../../fleet-file/desired.ts';
import { readFleet } from '../../fleet-file/read.ts';
import { operatorName } from '../../fleet-file/operator-name.ts';

interface CheckOptions {
  readonly fleet?: string;
  readonly config?: string;
  readonly json?: boolean;
}

/**
 * Checks everything that can be checked here. @returns 0, or 64 if `apply` would refuse @throws Problem
 * `bad-configuration`
 */
export async function checkFleetFile(
  typed: string | undefined,
  options: CheckOptions,
  load: LoadNodeParts,
  context: CliContext,
): Promise<number> {
  const file = findFleetFile(typedFleetFile(typed, options.fleet));
  const parts = await load();
  const fleet = await readFleet(file, parts);
  // As a daemon reads them: this finds faults that no schema knows.
  for (const host of fleet.hosts) configFiles(host, fleet, parts, '/etc/mco-deploy');
  const operator = await operatorName(options.config, context);
  const lockOuts = operator === undefined ? [] : lockOutsOf(operator, fleet, parts);
  const warnings = warningsOf(fleet);
  if (options.json === true) context.out(JSON.stringify(summaryOf(fleet, warnings, lockOuts), null, 2));
  else print(fleet, warnings, context);
  const [first] = lockOuts;
  if (first === undefined) return exitCode.ok;
  throw new Problem('locks-out', `${operator} could not change ${first.host} again: ${first.why}`);
}

function lockOutsOf(operator: string, fleet: Fleet, parts: NodeParts) {
  return fleet.hosts.flatMap((host) => {
    const why = lockOut(operator, host, fleet, parts);
    return why === undefined ? [] : [{ host: host.name, why }];
  });
}

function warningsOf({ roles, hosts, operators, locate }: Fleet): string[] {
  const idle = roles.filter(({ name }) => !hosts.some(({ role }) => role.name === name));
  const mayApply = [...operators.values()].some((rights) => rights.all || rights.apply.length > 0);
  return [
    ...idle.map(({ name }) => `${locate(['roles', name], true)}: no host has the role “${name}”`),
    ...(mayApply ? [] : [`${locate(['operators'], true)}: nobody may apply this file over the fabric, only over ssh`]),
  ];
}

function print(
  { file, hosts, roles, applications, operators }: Fleet,
  warnings: readonly string[],
  context: CliContext,
) {
  const parts = [
    count(hosts.length, 'host'),
    count(roles.length, 'role'),
    count(applications.length, 'application'),
    count(operators.size, 'operator'),
  ];
  context.out(`${file}: ${parts.join(', ')}`);
  for (const warning of warnings) context.err(printable(`warning: ${warning}`));
}

function summaryOf(fleet: Fleet, warnings: readonly string[], lockOuts: readonly object[]) {
  return {
    file: fleet.file,
    hosts: fleet.hosts.map(({ name, role }) => ({ host: name, role: role.name })),
    applications: fleet.applications.map(({ name, role, clusters }) => ({ application: name, role, clusters })),
    operators: [...fleet.operators.keys()],
    warnings,
    locks_out: lockOuts,
  };
}
