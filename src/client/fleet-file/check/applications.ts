import { isObject } from '../../../core/json.ts';
import { suggest } from '../../../core/text.ts';
import { checkSection } from './roles.ts';
import type { Faults } from './faults.ts';
import type { Application, Fleet, Host, NodeParts } from '../model.ts';
import { applicationSettings } from '../node-settings.ts';
import { parseShare } from '../../../playbook/call/batches.ts';
import { parseDuration } from '../../../playbook/expressions/duration.ts';

/** The values of the fact by which `upgrade` finds servers; a host without it has the name of its role. */
export function clustersOf(hosts: readonly Host[]): string[] {
  return [...new Set(hosts.map(({ facts, role }) => String(facts.cluster ?? role.name)))].sort();
}

export function checkApplications(fleet: Fleet, parts: NodeParts, faults: Faults): void {
  for (const application of fleet.applications) {
    const path = ['applications', application.name];
    const { role } = application;
    if (
      faults.requireKnown(
        [...path, 'role'],
        'role',
        role,
        fleet.roles.map(({ name }) => name),
      )
    ) {
      if (!fleet.hosts.some((host) => host.role.name === role)) {
        faults.add([...path, 'role'], `no host has the role “${role}”, so ${application.name} would run nowhere`);
      }
    }
    checkBalancers(application, fleet, path, faults);
    checkKeys(application, parts, path, faults);
    checkUpgrade(application, fleet, path, faults);
  }
  checkNotify(fleet, faults);
}

function hostsWith({ hosts }: Fleet, agent: string): Host[] {
  return hosts.filter(({ role }) => Object.hasOwn(role.agents, agent));
}

function checkBalancers({ name }: Application, fleet: Fleet, path: readonly string[], faults: Faults): void {
  if (hostsWith(fleet, 'haproxy').length > 0) return;
  const role = fleet.roles.find(({ agents }) => Object.hasOwn(agents, 'haproxy'));
  const what = role === undefined ? 'no role has the agent haproxy' : `no host has the role “${role.name}”`;
  faults.add(path, `no balancer serves ${name}: ${what}, so it could not be taken out of traffic`, true);
}

/** By appmgr's schema of an application; fleet.yaml’s own keys are suggested, too. */
function checkKeys({ name, settings }: Application, parts: NodeParts, path: readonly string[], faults: Faults): void {
  const appmgr = parts.agents.find((agent) => agent.name === 'appmgr');
  if (appmgr === undefined) return;
  const known = ['role', 'upgrade', ...knownKeys(appmgr.config)];
  const unknown = Object.keys(settings).filter((key) => !known.includes(key));
  for (const key of unknown) faults.add([...path, key], `unknown key “${key}”: ${suggest(key, known)}`, true);
  if (unknown.length > 0) return;
  const section = { applications: { [name]: applicationSettings(name, settings) } };
  checkSection('agent/appmgr/config', appmgr.config, section, path, faults, ['applications', name]);
}

/** The keys of one application in the schema of appmgr's section. */
function knownKeys(schema: object): string[] {
  const inside = (value: unknown, key: string) => (isObject(value) ? value[key] : undefined);
  const application = inside(inside(inside(schema, 'properties'), 'applications'), 'additionalProperties');
  return Object.keys((inside(application, 'properties') as object | undefined) ?? {});
}

/** Of batches: a number, a percentage, or a ramp of these, as the playbooks of upgrades take it. */
const sizes = /^\d{1,5}%?(,\d{1,5}%?){0,15}$/;

function areSizes(batch: string): boolean {
  return sizes.test(batch) && batch.split(',').every((one) => parseShare(one) !== undefined);
}

function checkUpgrade(application: Application, fleet: Fleet, path: readonly string[], faults: Faults): void {
  const { upgrade, role: name } = application;
  const role = fleet.roles.find((one) => one.name === name);
  if (role === undefined) return;
  // Checks in a file of the host itself are only known there.
  if (!Object.hasOwn(role.agents, 'nrpe') || Object.keys(role.checks).length > 0) {
    for (const [index, check] of (upgrade.checks ?? []).entries()) {
      faults.requireKnown([...path, 'upgrade', 'checks', String(index)], 'check', check, Object.keys(role.checks));
    }
  }
  const { batch, soak } = upgrade;
  if (batch !== undefined && !areSizes(String(batch)))
    faults.add([...path, 'upgrade', 'batch'], `“${batch}” is not a number of servers: write 2, 25%, or 1,2,50%`);
  if (soak !== undefined && parseDuration(soak) === undefined)
    faults.add([...path, 'upgrade', 'soak'], `“${soak}” is not a time: write 30s or 5m`);
  if (upgrade.strategy === 'parallel') {
    for (const key of ['batch', 'soak'] as const) {
      if (upgrade[key] === undefined) continue;
      faults.add([...path, 'upgrade', key], `${key} is for the strategies rolling and canary, not for parallel`, true);
    }
  }
}

function checkNotify(fleet: Fleet, faults: Faults): void {
  if (hostsWith(fleet, 'angelia').length > 0) return;
  const what = 'no host has the agent angelia, so nobody could be notified';
  if (fleet.notify !== undefined) faults.add(['notify'], what);
  for (const { name, upgrade } of fleet.applications) {
    if (typeof upgrade.notify === 'string') faults.add(['applications', name, 'upgrade', 'notify'], what);
  }
}
