import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Runtime } from '../../../../src/agents/haproxy/runtime/runtime.ts';

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

interface State extends FakeServer {
  readonly backend: string;
  up: boolean;
  health: number;
  agentHealth: number;
  agentStatus: string;
}

/** A HAProxy in memory. */
export interface FakeHaproxy extends Runtime {
  /** Every command that it was given, in order. */
  readonly asked: string[];
  /** The commands that change something. */
  readonly changes: () => string[];
  /** A server, to read it, or to change it as a person would: `app/web1`. */
  readonly server: (name: string) => FakeServer;
  /** Called before each command, and waited for; may change a server, or throw what is to go wrong. */
  onCommand: (command: string) => unknown;
  /** The fields of “show info”. */
  readonly info: { pid: number; started: number; uptime: number };
  readonly remove: (name: string) => void;
  level: string;
  /** Commands that “help” leaves out, and that are refused. */
  lacks: string;
}

const [rise, fall] = [2, 3];
const top = rise + fall - 1;
const recorded = join(import.meta.dirname, '../../../fixtures/haproxy/3.0');
const columnsOf = (name: string, at: number, by: string) =>
  (readFileSync(join(recorded, name), 'utf8').split('\n')[at] ?? '').slice(2).split(by);
const statColumns = columnsOf('show-stat.txt', 0, ',');
const stateColumns = columnsOf('show-servers-state.txt', 1, ' ');
const changing = ['set server', 'shutdown sessions server', 'disable agent', 'enable agent'];

/**
 * A fake of HAProxy for unit tests: it keeps the states of servers as HAProxy does, answers with HAProxy's own columns, refuses
 * what HAProxy refuses, and notes the order of commands. Checks and agent-checks take place after each “show servers state”.
 * The tests of test/process/haproxy do the same with the real program.
 */
export function fakeHaproxy(backends: Readonly<Record<string, readonly FakeServer[]>>, name = '/run/fake.sock') {
  const servers: State[] = Object.entries(backends).flatMap(([backend, some]) =>
    some.map((one) => ({
      ...{ admin: 0, sessions: 0, total: 0, initial: 1, agentEnabled: one.agent !== undefined },
      ...{ weight: one.initial ?? 1, ...one, backend },
      ...{ up: one.passes !== false, health: one.passes === false ? 0 : top, agentHealth: 1, agentStatus: '' },
    })),
  );
  const names = Object.keys(backends);
  const find = (wanted: string) => servers.find((one) => `${one.backend}/${one.name}` === wanted);
  const asked: string[] = [];
  const fake: FakeHaproxy = {
    name,
    asked,
    changes: () => asked.filter((command) => changing.some((one) => command.startsWith(one))),
    server: (wanted) => find(wanted) ?? fail(wanted),
    onCommand: () => {},
    info: { pid: 100, started: 1_700_000_000, uptime: 60 },
    remove: (wanted) => servers.splice(servers.indexOf(find(wanted) ?? fail(wanted)), 1),
    level: 'admin',
    lacks: 'nothing',
    ask: async (command, signal) => {
      // As over a socket: a caller that does not wait for the answer continues before it.
      await setImmediate();
      for (const one of command.split('; ')) {
        asked.push(one);
        await fake.onCommand(one);
      }
      signal.throwIfAborted();
      const [verb = '', noun = ''] = command.split(' ');
      if (command === 'show cli level') return fake.level;
      if (command === 'show info') {
        const { pid, started, uptime } = fake.info;
        return `Name: HAProxy\nVersion: 3.0.11\nPid: ${pid}\nUptime_sec: ${uptime}\nStart_time_sec: ${started}`;
      }
      if (command === 'help') {
        const known = changing.filter((one) => one !== fake.lacks);
        return ['The following commands are valid at this level:', ...known.map((one) => `  ${one} <x> : …`)].join(
          '\n',
        );
      }
      if (verb === 'show' && noun === 'stat') return showStat(command.split(' ')[2] ?? '');
      if (verb === 'show' && noun === 'servers') return showState(command.split(' ')[3]);
      return command.split('; ').map(change).join('');
    },
  };
  const followed = ({ tracked }: State) => (tracked === undefined ? undefined : find(tracked));
  const adminOf = (one: State): number => {
    const from = followed(one);
    const above = from === undefined ? 0 : adminOf(from);
    return (one.admin ?? 0) | ((above & 0x03) !== 0 ? 0x02 : 0) | ((above & 0x18) !== 0 ? 0x10 : 0);
  };
  const isUp = (one: State): boolean => {
    const from = followed(one);
    return from === undefined ? one.up && !(one.agentEnabled && one.agentHealth === 0) : isUp(from);
  };
  const serves = (one: State) => isUp(one) && (adminOf(one) & 0x3b) === 0 && (one.weight ?? 0) > 0;
  const statusOf = (one: State): string => {
    const admin = adminOf(one);
    if ((admin & 0x20) !== 0) return 'MAINT (resolution)';
    if ((admin & 0x01) !== 0) return 'MAINT';
    if ((admin & 0x02) !== 0) return `MAINT (via ${one.tracked})`;
    if ((admin & 0x18) !== 0) return 'DRAIN';
    if (one.agentEnabled && one.agentHealth === 0) return 'DOWN (agent)';
    if (!isUp(one)) return 'DOWN';
    return one.passes === undefined && one.tracked === undefined ? 'no check' : 'UP';
  };
  const row = (columns: readonly string[], fields: Readonly<Record<string, unknown>>, by: string, empty: string) =>
    columns.map((column) => String(fields[column] ?? empty)).join(by);
  const statOf = (one: State) => {
    const checked = one.passes !== undefined && (adminOf(one) & 0x03) === 0;
    const words = one.passes ? { check_status: 'L7OK', check_code: 200 } : { check_status: 'L4CON' };
    const check = checked ? { ...words, last_chk: one.passes ? '' : 'Connection refused' } : {};
    const agent = one.agentEnabled ? { agent_status: one.agentStatus, agent_health: one.agentHealth } : {};
    const own = { pxname: one.backend, svname: one.name, scur: one.sessions, stot: one.total, status: statusOf(one) };
    const rest = { bck: one.backup ? 1 : 0, act: one.backup ? 0 : 1, type: 2, tracked: one.tracked ?? '' };
    const levels = one.passes === undefined ? {} : { check_rise: rise, check_fall: fall };
    return { ...own, ...rest, ...levels, ...check, ...agent, addr: `${one.ip ?? ''}:${one.port ?? 80}` };
  };
  const showStat = (wanted: string) => {
    const shown = names.filter((backend) => wanted === '-1' || backend === wanted);
    if (shown.length === 0) return 'No such proxy.';
    const rows = shown.flatMap((backend) => {
      const own = servers.filter((one) => one.backend === backend);
      const count = (backup: boolean) => own.filter((one) => (one.backup === true) === backup && serves(one)).length;
      const total = { pxname: backend, svname: 'BACKEND', type: 1, status: 'UP', act: count(false), bck: count(true) };
      return [...own.map(statOf), total];
    });
    return [`# ${statColumns.join(',')}`, ...rows.map((one) => row(statColumns, one, ',', ''))].join('\n');
  };
  const showState = (backend: string | undefined) => {
    const shown = servers.filter((one) => backend === undefined || one.backend === backend);
    const rows = shown.map((one) => ({
      ...{ be_name: one.backend, srv_name: one.name, srv_addr: one.ip ?? '-', srv_port: one.port ?? 80 },
      ...{ srv_op_state: isUp(one) ? 2 : 0, srv_admin_state: adminOf(one), srv_uweight: one.weight },
      ...{ srv_iweight: one.initial, srv_check_health: one.health, srv_check_state: one.passes === undefined ? 0 : 6 },
      ...{ srv_agent_state: one.agent === undefined ? 0 : one.agentEnabled ? 6 : 2, srv_fqdn: one.fqdn ?? '-' },
    }));
    const answer = ['1', `# ${stateColumns.join(' ')}`, ...rows.map((one) => row(stateColumns, one, ' ', '0'))].join(
      '\n',
    );
    for (const one of servers) check(one);
    return answer;
  };
  const check = (one: State) => {
    if ((adminOf(one) & 0x03) !== 0) return;
    if (one.passes === true) one.health = one.health + 1 >= rise ? top : one.health + 1;
    if (one.passes === false) one.health = 0;
    if (one.passes !== undefined) one.up = one.health >= rise;
    if (!one.agentEnabled || one.agent === undefined || one.agent === 'nothing') return;
    one.agentHealth = one.agent === 'down' ? 0 : 1;
    one.agentStatus = one.agent === 'down' ? 'L7STS' : 'L7OK';
    if (one.agent === 'drain') one.admin = (one.admin ?? 0) | 0x08;
  };
  const change = (command: string) => {
    if (command.startsWith(fake.lacks)) return 'Unknown command';
    const [, verb = '', wanted = '', what = '', value = ''] =
      /^(set server|shutdown sessions server|enable agent|disable agent) (\S+)(?: (\S+) (\S+))?$/.exec(command) ?? [];
    const one = find(wanted);
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
  };
  return fake;
}

function setState(one: State, state: string): void {
  const was = one.admin ?? 0;
  one.admin = (was & ~0x09) | (state === 'maint' ? 0x01 : state === 'drain' ? 0x08 : 0);
  // A server that leaves maintenance counts as up until a check fails.
  if ((was & 0x01) !== 0 && (one.admin & 0x01) === 0 && one.passes !== undefined) [one.health, one.up] = [rise, true];
}

function weightOf(value: string, initial: number): number {
  const number = Number.parseInt(value, 10);
  return value.endsWith('%') ? Math.min(256, Math.floor((initial * number) / 100)) : number;
}

function fail(name: string): never {
  throw new Error(`the fake HAProxy has no server ${name}`);
}
