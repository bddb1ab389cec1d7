import { validatorOf } from '#validators';
import { faultsOf, formatPath } from '../../../core/ddl/schema.ts';
import { Problem } from '../../../core/errors.ts';
import { isOperatorName } from '../../../core/identity.ts';
import { suggest } from '../../../core/text.ts';
import type { Faults } from './faults.ts';
import type { NodeParts } from '../model.ts';
import { parseRules } from './rules.ts';
import type { FleetDocument } from '../schema.ts';

type RoleDocument = FleetDocument['roles'][string];

export function checkRoles({ roles }: FleetDocument, parts: NodeParts, faults: Faults): void {
  for (const [name, role] of Object.entries(roles)) {
    const path = ['roles', name];
    checkAgents(role, path, parts, faults);
    checkSettings(role, path, parts, faults);
    checkPolicies(role, path, parts, faults);
  }
}

function checkAgents(
  { agents, checks }: RoleDocument,
  path: readonly string[],
  parts: NodeParts,
  faults: Faults,
): void {
  for (const [agent, section] of Object.entries(agents)) {
    const keyPath = [...path, 'agents', agent];
    const known = parts.agents.find(({ name }) => name === agent);
    if (known === undefined) {
      faults.add(
        keyPath,
        `there is no agent “${agent}”: ${suggest(
          agent,
          parts.agents.map(({ name }) => name),
        )}`,
        true,
      );
      continue;
    }
    checkSection(`agent/${agent}/config`, known.config, section, keyPath, faults);
    if (agent === 'nrpe' && Object.keys(checks).length > 0 && Object.hasOwn(section as object, 'config')) {
      faults.add([...keyPath, 'config'], 'the role has “checks”, which make their own file: leave one of the two out');
    }
    if (agent === 'appmgr') {
      faults.add(keyPath, 'put applications under “applications”, with the role that they run on', true);
    }
  }
}

/** Without its agents, which are beside the settings. */
function checkSettings({ settings }: RoleDocument, path: readonly string[], parts: NodeParts, faults: Faults): void {
  const keyPath = [...path, 'settings'];
  if (Object.hasOwn(settings as object, 'agents')) {
    faults.add([...keyPath, 'agents'], 'put agents beside “settings”, not in it', true);
    return;
  }
  checkSection('config/node', parts.settings, settings, keyPath, faults);
}

/** By the schema of a part, which is in fleet.yaml at `place`. */
export function checkSection(
  id: string,
  schema: object,
  section: unknown,
  keyPath: readonly string[],
  faults: Faults,
  inside: readonly string[] = [],
): void {
  const validate = validatorOf(id, schema);
  // A copy: the node fills in defaults.
  if (validate(structuredClone(section))) return;
  for (const fault of faultsOf(validate)) {
    const path = [...keyPath, ...fault.path.slice(inside.length)];
    faults.add(path, fault.atKey ? fault.message : `${formatPath(path)}: ${fault.message}`, fault.atKey);
  }
}

function checkPolicies(role: RoleDocument, path: readonly string[], parts: NodeParts, faults: Faults): void {
  const { policies, groups } = role;
  for (const [group, members] of Object.entries(groups)) {
    for (const [index, member] of members.entries()) {
      if (isOperatorName(member)) continue;
      faults.add(
        [...path, 'groups', group, String(index)],
        `“${member.slice(0, 80)}” is not a valid name of an operator`,
      );
    }
  }
  const names = parts.agents.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
  const known = new Map(Object.entries(groups).map(([name, members]) => [name, members.map((one) => `cert=${one}`)]));
  for (const [agent, written] of Object.entries(policies)) {
    const keyPath = [...path, 'policies', agent];
    if (agent !== 'default') faults.requireKnown(keyPath, 'agent', agent, names);
    const rules = typeof written === 'string' ? [written] : written;
    for (const [index, rule] of rules.entries()) {
      try {
        parseRules(rule, agent, known);
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        const at = typeof written === 'string' ? keyPath : [...keyPath, String(index)];
        const [, line = '1', what = error.message] = /^[^:]*:(\d+): (.*)$/s.exec(error.message) ?? [];
        const where = typeof written === 'string' ? `line ${line} of the policy: ` : '';
        faults.add(at, `${where}${what}${error.hint === '' ? '' : `: ${error.hint}`}`);
      }
    }
  }
}
