import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { adminSocket, backend } from '../files/balancer.ts';
import { hostOf } from '../find.ts';
import { type LabState, rootOf } from '../state.ts';
import { until } from '../../until.ts';

/** A server of the backend, from `show stat` (HAProxy management guide, 9.1). */
export interface ServerState {
  readonly name: string;
  /** UP, UP 2/3, MAINT, DOWN, DRAIN, … */
  readonly status: string;
  /** The last check's result: L7OK, L7STS, L4CON, … */
  readonly check: string;
}

/** Whether HAProxy sends it requests: “UP 2/3” is up, too, after one check that a busy machine answered late. */
export const isUp = ({ status }: ServerState): boolean => /^UP( \d+\/\d+)?$/.test(status);

/** One command to a load balancer's runtime API, asked from outside the lab: its socket is a file. */
export async function askHaproxy(lab: LabState, balancer: string, command: string): Promise<string> {
  const socket = connect(join(rootOf(lab, hostOf(lab, balancer).name), adminSocket));
  socket.end(`${command}\n`);
  return text(socket);
}

export async function readServers(lab: LabState, balancer: string): Promise<ServerState[]> {
  const [header = '', ...rows] = (await askHaproxy(lab, balancer, 'show stat')).replace(/^# /, '').split('\n');
  const columns = header.split(',');
  const cell = (row: readonly string[], column: string) => row[columns.indexOf(column)] ?? '';
  return rows
    .map((row) => row.split(','))
    .filter((row) => cell(row, 'pxname') === backend && !['FRONTEND', 'BACKEND'].includes(cell(row, 'svname')))
    .map((row) => ({ name: cell(row, 'svname'), status: cell(row, 'status'), check: cell(row, 'check_status') }));
}

/** Ends when every server has passed a check: before its first one HAProxy takes a server for up. */
export async function waitForServers(lab: LabState, balancer: string): Promise<void> {
  const good = ({ status, check }: ServerState) => status === 'UP' && check === 'L7OK';
  // HAProxy does not announce when a check ends: it has to be asked.
  await until('all servers are good', async () => (await readServers(lab, balancer)).every(good), 20);
}
