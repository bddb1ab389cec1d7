import { integerIn, type Row, textIn } from '../runtime/parse-stats.ts';
import { adminBits, type ServerState } from './state.ts';

/** HAProxy's data on one `server` line of a backend. */
export interface Server extends ServerState {
  readonly name: string;
  /** IP address without port; empty while it is not resolved, and for a unix socket. */
  readonly ip: string;
  /** 0 if there is none. */
  readonly port: number;
  /** From “show stat”: address and port. */
  readonly address: string;
  /** Its configured host name, if HAProxy resolves it; else empty. */
  readonly fqdn: string;
  /** `BACKEND/SERVER` whose checks it tracks; empty if it tracks none. */
  readonly tracked: string;
  /** The output of the last health check; empty when there is none or one is running. */
  readonly check: string;
  /** Those that wait for a place at the server (`maxconn`) included: it gets them even in maintenance. */
  readonly sessions: number;
  /** Sessions since the process began. */
  readonly total: number;
  /** Seconds since it went up or down, or was taken out or put in; undefined if HAProxy does not report it. */
  readonly changedAgo: number | undefined;
  /** Its configured weight. */
  readonly initialWeight: number;
  readonly backup: boolean;
  /** Whether HAProxy checks its health. */
  readonly checked: boolean;
  /** Whether a health check of it is running at this moment. */
  readonly checking: boolean;
  /** Rises from 0; at `top` it is up and its last check passed. */
  readonly health: number;
  readonly top: number;
  readonly agent: AgentCheck;
}

/** Whether it leads to no host now: its name does not resolve, or it is a free line of a template. */
export function isVacant({ ip, admin }: Pick<Server, 'ip' | 'admin'>): boolean {
  return ip === '' && (admin & adminBits.unresolved) !== 0;
}

/** The server’s agent-check: a program on its host that reports its state, and may change it. */
export interface AgentCheck {
  readonly configured: boolean;
  /** Whether HAProxy asks it now. */
  readonly enabled: boolean;
  /** Whether it is being asked at this moment. */
  readonly asking: boolean;
  /** From “show stat” while it is enabled: `L7OK`, `L7STS`, `CHECKED`, `L4CON`, …; else empty. */
  readonly status: string;
  /** Its own output as far as HAProxy keeps it: `via agent : down`. */
  readonly words: string;
  /** 0 if it reports the server as down. */
  readonly health: number;
}

/** `L7STS` is how HAProxy shows “down”, “stopped” and “fail”. */
export function saysDown({ status }: AgentCheck): boolean {
  return status === 'L7STS';
}

/** Bits of srv_check_state and srv_agent_state, `CHK_ST_*`. */
const checkBits = { inProgress: 0x01, configured: 0x02, enabled: 0x04 } as const;

/** Joins a server's line of “show stat” with its line of “show servers state”. */
export function toServer(stat: Row, state: Row): Server {
  const fqdn = textIn(state, 'srv_fqdn');
  const ip = textIn(state, 'srv_addr');
  const port = integerIn(state, 'srv_port');
  const checkState = integerIn(state, 'srv_check_state');
  return {
    name: textIn(state, 'srv_name'),
    ip: ip === '-' ? '' : ip,
    port,
    address: stat.get('addr') || `${ip}:${port}`,
    fqdn: fqdn === '-' ? '' : fqdn,
    tracked: stat.get('tracked') ?? '',
    status: textIn(stat, 'status'),
    check: checkWords(stat),
    sessions: integerIn(stat, 'scur') + integerIn(stat, 'qcur'),
    total: integerIn(stat, 'stot'),
    changedAgo: stat.get('lastchg') ? integerIn(stat, 'lastchg') : undefined,
    weight: integerIn(state, 'srv_uweight'),
    initialWeight: integerIn(state, 'srv_iweight'),
    backup: integerIn(stat, 'bck') > 0,
    checked: (checkState & checkBits.enabled) !== 0,
    checking: (checkState & checkBits.inProgress) !== 0,
    health: integerIn(state, 'srv_check_health'),
    top: topOf(stat),
    operational: integerIn(state, 'srv_op_state'),
    admin: integerIn(state, 'srv_admin_state'),
    agent: toAgentCheck(stat, state),
  };
}

function toAgentCheck(stat: Row, state: Row): AgentCheck {
  const bits = integerIn(state, 'srv_agent_state');
  const health = stat.get('agent_health') ?? '';
  return {
    configured: (bits & checkBits.configured) !== 0,
    enabled: (bits & checkBits.enabled) !== 0,
    asking: (bits & checkBits.inProgress) !== 0,
    status: (stat.get('agent_status') ?? '').replace(/^\* /, ''),
    words: stat.get('last_agt') ?? '',
    health: health === '' ? 1 : Number(health),
  };
}

/** Not reported while checks are paused: then nothing has reached it. */
function topOf(stat: Row): number {
  if (textIn(stat, 'check_rise') === '') return Number.POSITIVE_INFINITY;
  return integerIn(stat, 'check_rise') + integerIn(stat, 'check_fall') - 1;
}

/** `L4CON: Connection refused`, `L7STS 503: Service Unavailable`; a running check has no output yet. */
function checkWords(stat: Row): string {
  const status = textIn(stat, 'check_status');
  if (status === '') return textIn(stat, 'status') === 'no check' ? 'no check' : '';
  if (status.startsWith('* ')) return '';
  const code = textIn(stat, 'check_code');
  const description = stat.get('last_chk') || stat.get('check_desc') || '';
  return `${status}${code === '' ? '' : ` ${code}`}${description === '' ? '' : `: ${description}`}`;
}
