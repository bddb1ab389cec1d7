import type { JsonObject } from './json.ts';

/** The address of a node. */
export interface Address {
  /** An IPv4 or IPv6 address, or a host name. */
  readonly host: string;
  readonly port: number;
}

export const defaultPort = 5810;

/** The claims of discovery: nothing of it is proven until the TLS handshake. */
export interface Candidate {
  /** The claimed identity. */
  readonly name: string;
  /** In the order to try; empty when only the name is known. */
  readonly addresses: readonly Address[];
  /** The source that reported it: `mdns`, `file`, … */
  readonly source: string;
  /** The origin of the claim, if the source knows: candidates with one name and different origins are rivals. */
  readonly origin?: string;
  /** The address that the claim came from, if the source knows. */
  readonly from?: string;
}

/** A node whose identity was proven and that described itself. */
export interface NodeFacts {
  readonly name: string;
  readonly agents: readonly string[];
  readonly classes: readonly string[];
  readonly facts: JsonObject;
  /** The agents' descriptions, by name; omitted where nobody asked. */
  readonly versions?: Readonly<Record<string, string>>;
}

/** `host:port`, with brackets around an IPv6 address. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Parses `host`, `host:port`, `[v6]:port` or a bare IPv6 address, each with an optional zone (`fe80::1%eth0`).
 * Undefined for any other text.
 */
export function parseAddress(text: string): Address | undefined {
  const [, bracketed, plain, portText] =
    /^(?:\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|([^\s:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (/^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*(%[\w.-]+)?$/.test(text)) return { host: text, port: defaultPort };
  const host = bracketed ?? plain;
  const port = portText === undefined ? defaultPort : Number(portText);
  return host === undefined || port < 1 || port > 65535 ? undefined : { host, port };
}

/** Who saw a node, for a message. @param by the name of another node, or `cache`: the memory of this client */
export function witness(by: string): string {
  return by === 'cache' ? 'this client' : by;
}
