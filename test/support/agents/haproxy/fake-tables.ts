/** The answers of a HAProxy in memory to “show stat” and “show servers state”, with HAProxy's own columns. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FakeServers, fall, rise, type ServerState } from './fake-servers.ts';

const recorded = join(import.meta.dirname, '../../../fixtures/haproxy/3.0');
const columnsOf = (name: string, at: number, by: string) =>
  (readFileSync(join(recorded, name), 'utf8').split('\n')[at] ?? '').slice(2).split(by);
const statColumns = columnsOf('show-stat.txt', 0, ',');
const stateColumns = columnsOf('show-servers-state.txt', 1, ' ');

type Fields = Readonly<Record<string, unknown>>;

function row(columns: readonly string[], fields: Fields, by: string, empty: string): string {
  return columns.map((column) => String(fields[column] ?? empty)).join(by);
}

/** @param backend a name, or `-1` for all */
export function showStat(servers: FakeServers, backend: string): string {
  const shown = servers.backends.filter((name) => backend === '-1' || name === backend);
  if (shown.length === 0) return 'No such proxy.';
  const serves = (one: ServerState) =>
    servers.isUp(one) && (servers.adminOf(one) & 0x3b) === 0 && (one.weight ?? 0) > 0;
  const rows = shown.flatMap((name) => {
    const own = servers.all.filter((one) => one.backend === name);
    const count = (backup: boolean) => own.filter((one) => (one.backup === true) === backup && serves(one)).length;
    const total = { pxname: name, svname: 'BACKEND', type: 1, status: 'UP', act: count(false), bck: count(true) };
    return [...own.map((one) => statOf(one, servers)), total];
  });
  return [`# ${statColumns.join(',')}`, ...rows.map((one) => row(statColumns, one, ',', ''))].join('\n');
}

function statOf(one: ServerState, servers: FakeServers): Fields {
  const checked = one.passes !== undefined && (servers.adminOf(one) & 0x03) === 0;
  const words = one.passes ? { check_status: 'L7OK', check_code: 200 } : { check_status: 'L4CON' };
  const check = checked ? { ...words, last_chk: one.passes ? '' : 'Connection refused' } : {};
  const agent = one.agentEnabled ? { agent_status: one.agentStatus, agent_health: one.agentHealth } : {};
  const status = statusOf(one, servers);
  const own = { pxname: one.backend, svname: one.name, scur: one.sessions, stot: one.total, status };
  const rest = { bck: one.backup ? 1 : 0, act: one.backup ? 0 : 1, type: 2, tracked: one.tracked ?? '' };
  const levels = one.passes === undefined ? {} : { check_rise: rise, check_fall: fall };
  return { ...own, ...rest, ...levels, ...check, ...agent, addr: `${one.ip ?? ''}:${one.port ?? 80}` };
}

function statusOf(one: ServerState, { adminOf, isUp }: FakeServers): string {
  const admin = adminOf(one);
  if ((admin & 0x20) !== 0) return 'MAINT (resolution)';
  if ((admin & 0x01) !== 0) return 'MAINT';
  if ((admin & 0x02) !== 0) return `MAINT (via ${one.tracked})`;
  if ((admin & 0x18) !== 0) return 'DRAIN';
  if (one.agentEnabled && one.agentHealth === 0) return 'DOWN (agent)';
  if (!isUp(one)) return 'DOWN';
  return one.passes === undefined && one.tracked === undefined ? 'no check' : 'UP';
}

/** @param backend undefined for all */
export function showState({ all, adminOf, isUp }: FakeServers, backend: string | undefined): string {
  const shown = all.filter((one) => backend === undefined || one.backend === backend);
  const rows = shown.map((one) => ({
    ...{ be_name: one.backend, srv_name: one.name, srv_addr: one.ip ?? '-', srv_port: one.port ?? 80 },
    ...{ srv_op_state: isUp(one) ? 2 : 0, srv_admin_state: adminOf(one), srv_uweight: one.weight },
    ...{ srv_iweight: one.initial, srv_check_health: one.health, srv_check_state: one.passes === undefined ? 0 : 6 },
    ...{ srv_agent_state: one.agent === undefined ? 0 : one.agentEnabled ? 6 : 2, srv_fqdn: one.fqdn ?? '-' },
  }));
  return ['1', `# ${stateColumns.join(' ')}`, ...rows.map((one) => row(stateColumns, one, ' ', '0'))].join('\n');
}
