import type { DeclaredAgent, Fleet, Host, NodeParts, Rights } from './model.ts';
import { agentSections } from './node-settings.ts';
import { ruleLine } from './check/rules.ts';

/** A file of the directory of policies. */
export interface PolicyFile {
  readonly name: string;
  readonly content: string;
}

const first = '# Written by mco-deploy apply, from fleet.yaml.\n';

/** The policies of a host: one for each of its agents, one for all others, and the groups. */
export function policyFiles(host: Host, fleet: Fleet, { agents }: NodeParts, directory: string): PolicyFile[] {
  const { policies, groups } = host.role;
  const enabled = Object.keys(agentSections(host, fleet, directory));
  const names = [...new Set([...enabled, ...Object.keys(policies), 'default'])].sort();
  const files = names.map((name) => {
    const agent = agents.find((one) => one.name === name || one.aliases?.includes(name) === true);
    return { name: `${name}.policy`, content: policyText(policies[name] ?? [], host, fleet, agent) };
  });
  const lines = Object.entries(groups).map(
    ([name, members]) => `${name} ${members.map((one) => `cert=${one}`).join(' ')}`,
  );
  return lines.length === 0 ? files : [...files, { name: 'groups', content: `${first}${lines.join('\n')}\n` }];
}

function policyText(
  written: string | readonly string[],
  host: Host,
  fleet: Fleet,
  agent: DeclaredAgent | undefined,
): string {
  if (typeof written === 'string') return written.endsWith('\n') ? written : `${written}\n`;
  const own = written.map(ruleLine);
  const byDefault = own.some((line) => line.startsWith('policy')) ? [] : ['policy default deny'];
  const rules = [...fleet.operators].flatMap(([name, rights]) => {
    const actions = actionsFor(rights, host, fleet, agent);
    return actions === '' ? [] : [`allow\tcert=${name}\t${actions}\t*\t*`];
  });
  return `${first}${[...byDefault, ...own, ...rules].join('\n')}\n`;
}

/** The actions of an agent that an operator may call on this host, in the form of a policy; empty for none. */
function actionsFor(rights: Rights, host: Host, fleet: Fleet, agent: DeclaredAgent | undefined): string {
  if (rights.all) return '*';
  if (agent === undefined) return '';
  const allowed = Object.entries(agent.actions).filter(
    ([action, { kind }]) => mayRead(agent, action, kind) || mayChange(rights, agent, action, host, fleet),
  );
  return allowed.map(([action]) => action).join(' ');
}

/** The files of a configuration may contain secrets. */
function mayRead({ name }: DeclaredAgent, action: string, kind: 'read' | 'change'): boolean {
  return kind === 'read' && !(name === 'config' && action !== 'status');
}

/** The calls of `publish`, `upgrade` and `rollback`. */
const deployActions: Readonly<Record<string, readonly string[]>> = {
  appmgr: ['upgrade', 'restart', 'fetch', 'rollback'],
  haproxy: ['disable', 'enable', 'weight'],
  publish: ['prepare', 'fetch', 'prune'],
  lock: ['take', 'renew', 'release'],
  angelia: ['sendmsg'],
};

function mayChange(
  { deploy, apply }: Extract<Rights, { all: false }>,
  { name }: DeclaredAgent,
  action: string,
  host: Host,
  { applications }: Fleet,
): boolean {
  if (name === 'config') return apply.length > 0;
  if (deployActions[name]?.includes(action) !== true || deploy.length === 0) return false;
  if (name !== 'appmgr' && name !== 'publish') return true;
  const mine = applications.filter(({ role }) => role === host.role.name);
  return mine.some((application) => deploy.includes(application.name));
}
