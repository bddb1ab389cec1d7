/** The servers of a HAProxy in memory: their states as HAProxy keeps them, and the commands that change them. */

/** A `server` line of the fake, with what it says and does; all else is as HAProxy begins with it. */
export interface FakeServer {
  readonly name: string;
  readonly ip?: string;
  readonly port?: number;
  readonly fqdn?: string;
  /** `BACKEND/SERVER`. */
  readonly tracked?: string;
  readonly backup?: boolean;
  /** Its bits of srv_admin_state, set by commands or the configuration file. */
  admin?: number;
  weight?: number;
  /** The weight of the configuration file. */
  readonly initial?: number;
  sessions?: number;
  /** Whether its sessions outlive the command that ends them, until a test says otherwise. */
  stubborn?: boolean;
  total?: number;
  /** Whether its health checks pass; left out: it has none. */
  passes?: boolean;
  /** The answer of its agent-check; omitted: it has none. */
  agent?: 'up' | 'down' | 'drain' | 'nothing';
  agentEnabled?: boolean;
}

export interface ServerState extends FakeServer {
  readonly backend: string;
  up: boolean;
  health: number;
  agentHealth: number;
  agentStatus: string;
}

export interface FakeServers {
  readonly backends: readonly string[];
  readonly all: ServerState[];
  /** @param name `BACKEND/SERVER` */
  readonly find: (name: string) => ServerState | undefined;
  /** With what it takes over from the server that it follows. */
  readonly adminOf: (one: ServerState) => number;
  readonly isUp: (one: ServerState) => boolean;
}

export const [rise, fall] = [2, 3];
const top = rise + fall - 1;

export function makeServers(backends: Readonly<Record<string, readonly FakeServer[]>>): FakeServers {
  const all: ServerState[] = Object.entries(backends).flatMap(([backend, some]) =>
    some.map((one) => ({
      ...{ admin: 0, sessions: 0, total: 0, initial: 1, agentEnabled: one.agent !== undefined },
      ...{ weight: one.initial ?? 1, ...one, backend },
      ...{ up: one.passes !== false, health: one.passes === false ? 0 : top, agentHealth: 1, agentStatus: '' },
    })),
  );
  const find = (name: string) => all.find((one) => `${one.backend}/${one.name}` === name);
  const followed = ({ tracked }: ServerState) => (tracked === undefined ? undefined : find(tracked));
  const adminOf = (one: ServerState): number => {
    const from = followed(one);
    const above = from === undefined ? 0 : adminOf(from);
    return (one.admin ?? 0) | ((above & 0x03) !== 0 ? 0x02 : 0) | ((above & 0x18) !== 0 ? 0x10 : 0);
  };
  const isUp = (one: ServerState): boolean => {
    const from = followed(one);
    return from === undefined ? one.up && !(one.agentEnabled && one.agentHealth === 0) : isUp(from);
  };
  return { backends: Object.keys(backends), all, find, adminOf, isUp };
}

/** Its checks take place once. */
export function checkServer(one: ServerState, { adminOf }: FakeServers): void {
  if ((adminOf(one) & 0x03) !== 0) return;
  if (one.passes === true) one.health = one.health + 1 >= rise ? top : one.health + 1;
  if (one.passes === false) one.health = 0;
  if (one.passes !== undefined) one.up = one.health >= rise;
  if (!one.agentEnabled || one.agent === undefined || one.agent === 'nothing') return;
  one.agentHealth = one.agent === 'down' ? 0 : 1;
  one.agentStatus = one.agent === 'down' ? 'L7STS' : 'L7OK';
  if (one.agent === 'drain') one.admin = (one.admin ?? 0) | 0x08;
}

/** The commands that change something. */
export const changing = ['set server', 'shutdown sessions server', 'disable agent', 'enable agent'];

/** @returns HAProxy's answer to a command that changes something */
export function changeServer(command: string, { find }: FakeServers): string {
  const [, verb = '', name = '', what = '', value = ''] =
    /^(set server|shutdown sessions server|enable agent|disable agent) (\S+)(?: (\S+) (\S+))?$/.exec(command) ?? [];
  const one = find(name);
  if (one === undefined) return 'No such server.';
  if (verb === 'shutdown sessions server') one.sessions = one.stubborn === true ? (one.sessions ?? 0) : 0;
  else if (verb === 'enable agent' && one.agent === undefined) return 'Agent was not configured on this server.';
  else if (verb === 'enable agent' || verb === 'disable agent') one.agentEnabled = verb === 'enable agent';
  else if (what === 'state') setState(one, value);
  else if (what === 'weight') one.weight = weightOf(value, one.initial ?? 1);
  else if (what === 'health' && value === 'down') [one.health, one.up] = [0, false];
  else if (what === 'health' && value === 'up') [one.health, one.up] = [top, true];
  else if (what === 'agent') one.agentHealth = value === 'down' ? 0 : 1;
  else return 'Unknown command';
  return '';
}

function setState(one: ServerState, state: string): void {
  const was = one.admin ?? 0;
  one.admin = (was & ~0x09) | (state === 'maint' ? 0x01 : state === 'drain' ? 0x08 : 0);
  // A server that leaves maintenance counts as up until a check fails.
  if ((was & 0x01) !== 0 && (one.admin & 0x01) === 0 && one.passes !== undefined) [one.health, one.up] = [rise, true];
}

function weightOf(value: string, initial: number): number {
  const number = Number.parseInt(value, 10);
  return value.endsWith('%') ? Math.min(256, Math.floor((initial * number) / 100)) : number;
}
