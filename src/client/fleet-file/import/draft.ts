import { stringify } from 'yaml';
import type { JsonObject } from '../../../core/json.ts';

/** An imported host. */
export interface DraftHost {
  readonly name: string;
  /** HOST or HOST:PORT of its node. */
  readonly address?: string;
  readonly ssh?: string;
  readonly facts: JsonObject;
  /** The name of its role. */
  readonly role: string;
  /** The content of its role; hosts with the same name and another content get a separate role. */
  readonly content: JsonObject;
  /** In the form of appmgr. */
  readonly applications: Readonly<Record<string, JsonObject>>;
}

/** A fleet.yaml with these hosts. @param operators who may do everything */
export function formatDraft(hosts: readonly DraftHost[], operators: readonly string[]): string {
  const roles = rolesOf(hosts);
  const entries = hosts.map(({ name, address, ssh, facts }): [string, unknown] => {
    const role = roles.names.get(name) ?? '';
    const more = { ...(address && { address }), ...(ssh && { ssh }), ...(Object.keys(facts).length > 0 && { facts }) };
    return [name, Object.keys(more).length === 0 ? role : { role, ...more }];
  });
  const document = {
    operators: Object.fromEntries(operators.map((name) => [name, 'all'])),
    hosts: Object.fromEntries(entries),
    roles: Object.fromEntries(roles.contents),
    ...applicationsOf(hosts, roles.names),
  };
  return `# Imported; check it with “mco-deploy fleet check”, and see what would change with “mco-deploy apply --dry-run”.\n${stringify(document, { lineWidth: 100, collectionStyle: 'any' })}`;
}

function rolesOf(hosts: readonly DraftHost[]) {
  const contents = new Map<string, JsonObject>();
  const appsOf = new Map<string, readonly string[]>();
  const names = new Map<string, string>();
  for (const { name, role, content, applications } of hosts) {
    const key = (one: string) => JSON.stringify([contents.get(one), appsOf.get(one)]);
    const contentKey = JSON.stringify([content, Object.keys(applications).sort()]);
    let chosen = role;
    for (let number = 2; contents.has(chosen) && key(chosen) !== contentKey; number++) chosen = `${role}${number}`;
    contents.set(chosen, content);
    appsOf.set(chosen, Object.keys(applications).sort());
    names.set(name, chosen);
  }
  return { contents, names };
}

function applicationsOf(hosts: readonly DraftHost[], names: ReadonlyMap<string, string>) {
  const applications: Record<string, JsonObject> = {};
  for (const { name, applications: own } of hosts) {
    for (const [application, settings] of Object.entries(own)) {
      applications[application] ??= { role: names.get(name) ?? '', ...settings };
    }
  }
  return Object.keys(applications).length === 0 ? {} : { applications };
}
