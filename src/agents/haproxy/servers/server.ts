import { numberIn, type Row, textIn } from '../runtime/parse-stats.ts';

/** What HAProxy says of one server of a backend. */
export interface Server {
  readonly name: string;
  /** IP address without port; empty while it is not resolved. */
  readonly ip: string;
  /** As “show stat” has it: address and port. */
  readonly address: string;
  /** The host name it is configured with, where HAProxy resolves it; else empty. */
  readonly fqdn: string;
  /** Status as “show stat” has it: `UP`, `UP 1/2`, `DOWN`, `MAINT`, `no check`, … */
  readonly status: string;
  /** The words of the last check; empty when there is none or one is running. */
  readonly check: string;
  readonly sessions: number;
  readonly weight: number;
  /** The weight that the configuration file gives it. */
  readonly initialWeight: number;
  readonly backup: boolean;
  /** Whether HAProxy checks its health. */
  readonly checked: boolean;
  /** Rises from 0; at `top` it is up and its last check passed. */
  readonly health: number;
  readonly top: number;
  readonly operational: number;
  readonly admin: number;
}

/** Bits of srv_admin_state. 0x04 (in maintenance by the configuration file) is history: it stays after `ready`. */
const forcedMaintenance = 0x01;
const inheritedMaintenance = 0x02;
const forcedDrain = 0x08;
const inheritedDrain = 0x10;
const unresolved = 0x20;
const hostnameChanged = 0x40;
const outOfTraffic =
  forcedMaintenance | inheritedMaintenance | forcedDrain | inheritedDrain | unresolved | hostnameChanged;

/** Values of srv_op_state: 0 stopped, 1 starting (slowstart), 2 running, 3 stopping (takes nothing new). */
const starting = 1;
const running = 2;
/** The bit of srv_check_state that says that checks are on. */
const checkEnabled = 0x04;

/** Joins a server's line of “show stat” with its line of “show servers state”. */
export function toServer(stat: Row, state: Row): Server {
  const fqdn = textIn(state, 'srv_fqdn');
  const ip = textIn(state, 'srv_addr');
  return {
    name: textIn(state, 'srv_name'),
    ip: ip === '-' ? '' : ip,
    address: stat.get('addr') || `${ip}:${textIn(state, 'srv_port')}`,
    fqdn: fqdn === '-' ? '' : fqdn,
    status: textIn(stat, 'status'),
    check: checkWords(stat),
    sessions: numberIn(stat, 'scur'),
    weight: numberIn(state, 'srv_uweight'),
    initialWeight: numberIn(state, 'srv_iweight'),
    backup: numberIn(stat, 'bck') > 0,
    checked: (numberIn(state, 'srv_check_state') & checkEnabled) !== 0,
    health: numberIn(state, 'srv_check_health'),
    top: topOf(stat),
    operational: numberIn(state, 'srv_op_state'),
    admin: numberIn(state, 'srv_admin_state'),
  };
}

/** Not told while checks are paused: then nothing has reached it. */
function topOf(stat: Row): number {
  if (textIn(stat, 'check_rise') === '') return Number.POSITIVE_INFINITY;
  return numberIn(stat, 'check_rise') + numberIn(stat, 'check_fall') - 1;
}

/** `L4CON: Connection refused`, `L7STS 503: Service Unavailable`; a check that is running has no words yet. */
function checkWords(stat: Row): string {
  const status = textIn(stat, 'check_status');
  if (status === '') return textIn(stat, 'status') === 'no check' ? 'no check' : '';
  if (status.startsWith('* ')) return '';
  const code = textIn(stat, 'check_code');
  const said = stat.get('last_chk') || stat.get('check_desc') || '';
  return `${status}${code === '' ? '' : ` ${code}`}${said === '' ? '' : `: ${said}`}`;
}

export function inMaintenance(server: Server): boolean {
  return (server.admin & forcedMaintenance) !== 0;
}

export function isUp(server: Server): boolean {
  return server.operational === running || server.operational === starting;
}

/** Whether an administrator, a tracked server or the resolver keeps it out, whatever its checks say. */
export function isHeldOut(server: Server): boolean {
  return (server.admin & outOfTraffic) !== 0;
}

/** Whether it takes new sessions. */
export function inRotation(server: Server): boolean {
  return isUp(server) && !isHeldOut(server) && server.weight > 0;
}

/** A state that “set server” takes. */
export type AdminState = 'ready' | 'drain' | 'maint';

/** The state that was set by command, to come back to. */
export function adminStateOf(server: Server): AdminState {
  if (inMaintenance(server)) return 'maint';
  return (server.admin & forcedDrain) !== 0 ? 'drain' : 'ready';
}
