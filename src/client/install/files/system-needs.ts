import { isObject, type JsonObject } from '../../../core/json.ts';

/** What a daemon needs from the system. */
export interface SystemNeeds {
  /** Directories that it writes: created if they are missing. */
  readonly directories: readonly string[];
  /** Sockets of other programs that it connects to. */
  readonly sockets: readonly string[];
  /** Its requests to systemd: verbs, by unit. */
  readonly units: Readonly<Record<string, readonly string[]>>;
}

/** The needs of the agents' sections of a node.yaml: directories to write, sockets to use, units to reload. */
export function systemNeeds(agents: Readonly<Record<string, unknown>>): SystemNeeds {
  const applications = valuesOf(inside(agents.appmgr, 'applications'));
  const directories = applications.flatMap(({ root, artifacts }) => [root, artifacts]).filter(isDirectory);
  const sockets = Object.hasOwn(agents, 'haproxy')
    ? listOf(inside(agents.haproxy, 'sockets') ?? ['/run/haproxy/admin.sock']).filter((one) => one.startsWith('/'))
    : [];
  const units: Record<string, string[]> = {};
  for (const [unit, verb] of [...applications.flatMap(unitCalls), ...serviceUnits(agents.service)]) {
    units[unit] = [...new Set([...(units[unit] ?? []), verb])].sort();
  }
  return { directories: [...new Set(directories)], sockets, units };
}

function inside(value: unknown, key: string): unknown {
  return isObject(value) ? value[key] : undefined;
}

function valuesOf(value: unknown): JsonObject[] {
  return isObject(value) ? (Object.values(value).filter(isObject) as JsonObject[]) : [];
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

function isDirectory(value: unknown): value is string {
  return typeof value === 'string' && /^(\/[A-Za-z0-9_.@+-]+)+$/.test(value) && !value.includes('/..');
}

const verbs = ['reload', 'restart', 'reload-or-restart', 'start', 'stop'];

/** Units that an application reloads or restarts, each with the verb. */
function unitCalls(application: JsonObject): [string, string][] {
  const { reload, restart, service } = application;
  const commands = [reload, restart].map(listOf).filter(([program]) => /(^|\/)systemctl$/.test(program ?? ''));
  const called = commands.flatMap(([, ...words]) => {
    const [verb = '', ...units] = words.filter((word) => !word.startsWith('-'));
    return verbs.includes(verb) ? units.map((unit): [string, string] => [unitName(unit), verb]) : [];
  });
  const unit = inside(service, 'unit');
  if (typeof unit !== 'string') return called;
  const action = inside(service, 'action');
  // appmgr restarts if it activates a release by a restart.
  return [...called, [unitName(unit), typeof action === 'string' ? action : 'reload'], [unitName(unit), 'restart']];
}

/**
 * The units of the agent “service”, each with the verbs that callers may use; enabling is not a verb of manage-units.
 */
function serviceUnits(section: unknown): [string, string][] {
  const units = inside(section, 'units');
  if (!isObject(units)) return [];
  return Object.entries(units).flatMap(([unit, may]) => {
    return listOf(may)
      .filter((verb) => verbs.includes(verb))
      .map((verb): [string, string] => [unit, verb]);
  });
}

/** systemctl(1) treats a name without a type as a service. */
function unitName(name: string): string {
  return name.includes('.') ? name : `${name}.service`;
}
