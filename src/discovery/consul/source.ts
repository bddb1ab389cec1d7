import { explainErrno, Problem } from '../../core/errors.ts';
import { readInput } from '../../core/files/read-input.ts';
import type { Candidate } from '../../core/node.ts';
import type { DiscoverySource } from '../../core/ports.ts';
import type { FilterTerms } from '../../core/wire/messages.ts';
import { candidatesOf } from '../claims.ts';
import { fetchJson } from '../http.ts';
import { inClientYaml, type SettingsPlace } from '../sections/place.ts';
import { parseCatalog } from './catalog.ts';
import type { ConsulSourceConfig } from './config.ts';

/** Milliseconds beyond the wait of a blocking query in which Consul must answer: it adds up to a sixteenth of the wait. */
const grace = 2000;

/**
 * Nodes from Consul's catalogue (Consul HTTP API, “List Nodes for Service”: /v1/catalog/service/NAME). An empty
 * catalogue is watched by a blocking query until the first node is registered or the time for discovery is over.
 * @param timeout milliseconds for the first answer
 */
export function consulSource(config: ConsulSourceConfig, timeout: number, place = inClientYaml): DiscoverySource {
  return {
    name: 'consul',
    async *discover(filter: FilterTerms, signal: AbortSignal): AsyncGenerator<Candidate> {
      const headers = await tokenHeader(config.token_file, place);
      const ask = (watched?: { index: string; wait: number }) =>
        fetchJson(
          {
            what: 'consul',
            place,
            url: catalogUrl(config, watched),
            tls: config,
            headers,
            timeout: (watched?.wait ?? timeout) + grace,
          },
          signal,
        );
      let answer = await ask();
      const index = String(answer.headers['x-consul-index'] ?? '');
      if (isEmpty(answer.value) && /^[1-9]\d*$/.test(index)) answer = await ask({ index, wait: timeout });
      const from = `the catalogue of ${new URL(config.url).origin}, service ${config.service},`;
      yield* candidatesOf(parseCatalog(answer.value, config.domain, from), 'consul', from, filter, place);
    },
  };
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function catalogUrl(
  { url, service, datacenter, tag }: ConsulSourceConfig,
  watched: { index: string; wait: number } | undefined,
): URL {
  const address = new URL(`v1/catalog/service/${encodeURIComponent(service)}`, url.endsWith('/') ? url : `${url}/`);
  if (datacenter !== undefined) address.searchParams.set('dc', datacenter);
  if (tag !== undefined) address.searchParams.set('tag', tag);
  if (watched !== undefined) {
    address.searchParams.set('index', watched.index);
    address.searchParams.set('wait', `${Math.ceil(watched.wait)}ms`);
  }
  return address;
}

async function tokenHeader(file: string | undefined, place: SettingsPlace): Promise<Record<string, string>> {
  if (file === undefined) return {};
  try {
    return { 'X-Consul-Token': String(await readInput(file)).trim() };
  } catch (cause) {
    const message = `Consul's token can't be read from ${file}: ${explainErrno(cause)}`;
    throw new Problem('unreadable-file', message, `it is ${place('consul.token_file')}`, { cause });
  }
}
