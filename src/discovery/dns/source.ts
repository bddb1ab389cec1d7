import { Resolver } from 'node:dns/promises';
import { errnoOf, Problem } from '../../core/errors.ts';
import { isNodeName } from '../../core/identity.ts';
import type { Address, Candidate } from '../../core/node.ts';
import type { DiscoverySource } from '../../core/ports.ts';
import type { FilterTerms } from '../../core/wire/messages.ts';
import { serviceType } from '../mdns/service.ts';
import { parseTxt } from '../mdns/wire/txt.ts';
import { identityIn } from './instance.ts';

export interface DnsOptions {
  /** The domain that lists the nodes: `_mco-deploy._tcp.DOMAIN`. */
  readonly domain: string;
  /** `ADDRESS` or `ADDRESS:PORT` of a DNS server; by default the system's own. */
  readonly server?: string;
  /** Where that server is set, for hints (default `discovery.server`). */
  readonly setting?: string;
  /** Milliseconds for one answer. */
  readonly timeout: number;
}

/** Concurrent lookups of nodes, and their total. */
const most = { atOnce: 32, nodes: 20_000 };

/** What c-ares says when the name, or a record of that kind, is missing. */
const absent = new Set(['ENOTFOUND', 'ENODATA']);

/** Asks unicast DNS for the nodes of a domain (RFC 6763, 4 to 6): PTR, then SRV, TXT and addresses of each. */
export function dnsSource({ domain, server, setting = 'discovery.server', timeout }: DnsOptions): DiscoverySource {
  const service = `_${serviceType}._tcp.${domain}`;
  return {
    name: 'dns',
    async *discover(_filter: FilterTerms, signal: AbortSignal): AsyncGenerator<Candidate> {
      signal.throwIfAborted();
      const resolver = openResolver(server, setting, timeout);
      const ask = asker(server);
      const cancel = () => resolver.cancel();
      signal.addEventListener('abort', cancel);
      try {
        const instances = await ask(service, resolver.resolvePtr(service));
        if (instances.length === 0) {
          const hint = 'check the domain and its PTR records of that name';
          throw new Problem('no-such-service', `DNS lists no nodes under ${service}`, hint);
        }
        const rest = [...new Set(instances)].slice(0, most.nodes);
        while (rest.length > 0) {
          const found = await Promise.all(
            rest.splice(0, most.atOnce).map((one) => lookUp(one, service, resolver, ask)),
          );
          yield* found.filter((one) => one !== undefined);
        }
      } finally {
        signal.removeEventListener('abort', cancel);
        cancel();
      }
    },
  };
}

function openResolver(server: string | undefined, setting: string, timeout: number): Resolver {
  const resolver = new Resolver({ timeout: Math.ceil(timeout / 2), tries: 2 });
  try {
    if (server !== undefined) resolver.setServers([server]);
  } catch (cause) {
    const hint = `${setting} must be ADDRESS or ADDRESS:PORT`;
    throw new Problem('usage', `“${server}” is not the address of a DNS server`, hint, { cause });
  }
  return resolver;
}

type Ask = <T>(name: string, answer: Promise<T[]>) => Promise<T[]>;

/** A missing record is an empty answer; a server that does not answer is an error. */
function asker(server: string | undefined): Ask {
  const which = server === undefined ? "the system's DNS server" : `the DNS server ${server}`;
  return async (name, answer) => {
    try {
      return await answer;
    } catch (cause) {
      const code = errnoOf(cause);
      if (absent.has(code)) return [];
      if (code === 'ECANCELLED') throw new Problem('cancelled', `the question for ${name} was given up`);
      const hint = 'check its address, and that it runs';
      throw new Problem('unreachable-dns', `${which} gives no answer for ${name} (${code})`, hint, { cause });
    }
  };
}

/** One node; only its name if it has no SRV record, so that it is named as silent and not skipped. */
async function lookUp(instance: string, service: string, resolver: Resolver, ask: Ask): Promise<Candidate | undefined> {
  const [services, [txt]] = await Promise.all([
    ask(instance, resolver.resolveSrv(instance)),
    ask(instance, resolver.resolveTxt(instance)),
  ]);
  const name = parseTxt((txt ?? []).map((part) => Buffer.from(part))).identity ?? identityIn(instance, service);
  if (name === undefined || !isNodeName(name)) return undefined;
  const inOrder = services.filter(({ port }) => port > 0).sort((a, b) => a.priority - b.priority);
  const addresses = await Promise.all(
    inOrder.slice(0, 4).map(async ({ name: host, port }): Promise<Address[]> => {
      const hosts = await Promise.all([ask(host, resolver.resolve4(host)), ask(host, resolver.resolve6(host))]);
      return hosts.flat().map((address) => ({ host: address, port }));
    }),
  );
  return { name, addresses: addresses.flat().slice(0, 8), source: 'dns' };
}
