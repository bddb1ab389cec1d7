/** The hosts of a lab, their kinds and addresses. */

export type HostKind = 'web' | 'balancer' | 'notifier' | 'control' | 'mail';

export interface Host {
  /** The full name, which is the identity of the node on it. */
  readonly name: string;
  readonly kind: HostKind;
  readonly address: string;
  /** The fact of that name: alfa for odd web hosts, bravo for even ones; empty for other kinds. */
  readonly cluster: string;
  /** Whether the node stores journals of runs. */
  readonly journal?: boolean;
  /** Whether it takes published artifacts. */
  readonly publishes?: boolean;
  /** Whether tests may step its clock and fill its file systems, which are small. */
  readonly breakable?: boolean;
}

export interface EstateSize {
  /** Web hosts. */
  readonly hosts: number;
  /** Load balancers. */
  readonly lbs: number;
  /** Adds journals on the nodes, and a second control host from which another operator can take runs over. */
  readonly relief?: boolean;
  /** Whether web hosts take published artifacts, in place of those of a shared directory. */
  readonly publishes?: boolean;
  /** Whether tests may step each host's clock and fill its file systems, which are small. */
  readonly breakable?: boolean;
}

export const domain = 'devco.net';
export const prefixLength = 16;
const mostWebHosts = 1000;
const mostBalancers = 50;

export const mailHost: Host = { name: `mail.${domain}`, kind: 'mail', address: '10.5.0.3', cluster: '' };
export const controlHost: Host = { name: `control.${domain}`, kind: 'control', address: '10.5.0.2', cluster: '' };

/** The host of the second operator. */
export const reliefHost: Host = { name: `relief.${domain}`, kind: 'control', address: '10.5.0.4', cluster: '' };

/** Every host of an estate: those that run a daemon, then the two that stand around them. */
export function planEstate({ hosts, lbs, relief = false, publishes = false, breakable = false }: EstateSize): Host[] {
  requireCount('hosts', hosts, mostWebHosts);
  requireCount('lbs', lbs, mostBalancers);
  const web = range(hosts).map((number): Host => {
    const cluster = number % 2 === 1 ? 'alfa' : 'bravo';
    return { name: `dev${number}.${domain}`, kind: 'web', address: webAddress(number), cluster, publishes };
  });
  const balancers = range(lbs).map((number): Host => {
    return { name: `lb${number}.${domain}`, kind: 'balancer', address: `10.5.0.${100 + number}`, cluster: '' };
  });
  const notifiers = range(2).map((number): Host => {
    return { name: `notify${number}.${domain}`, kind: 'notifier', address: `10.5.0.${10 + number}`, cluster: '' };
  });
  const nodes = [...web, ...balancers, ...notifiers];
  if (breakable) return [...nodes, mailHost, controlHost].map((host) => ({ ...host, breakable }));
  if (!relief) return [...nodes, mailHost, controlHost];
  return [...nodes.map((node) => ({ ...node, journal: true })), mailHost, controlHost, reliefHost];
}

/** Whether a daemon runs on it. */
export function isNode({ kind }: Host): boolean {
  return kind === 'web' || kind === 'balancer' || kind === 'notifier';
}

function webAddress(number: number): string {
  return `10.5.${1 + Math.floor(number / 250)}.${1 + (number % 250)}`;
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

function requireCount(what: string, count: number, most: number): void {
  if (Number.isInteger(count) && count >= 1 && count <= most) return;
  throw new Error(`${what} must be a whole number from 1 to ${most}, not ${count}`);
}
