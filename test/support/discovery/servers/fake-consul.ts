import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { ServerCertificate } from '../../certificates.ts';

/**
 * A fake of Consul, which Debian does not have: of its documented HTTP API (v1, “Catalog”, “Blocking Queries”, “Authentication”)
 * it has /v1/catalog/service/NAME. As the real one it refuses a wrong token (403), a method other than GET (405) and any other
 * path (404), counts an index that every change raises, and holds a blocking query until the next change or the end of its wait.
 */
export interface FakeConsul extends AsyncDisposable {
  readonly url: string;
  /** Paths with their queries, as asked. */
  readonly asked: string[];
  readonly register: (entry: object) => void;
}

export interface FakeConsulOptions {
  readonly token: string | undefined;
  readonly service?: string;
  readonly certificate?: ServerCertificate;
  /** Called for each blocking query that it holds. */
  readonly onBlocked?: () => void;
}

export async function startFakeConsul(options: FakeConsulOptions): Promise<FakeConsul> {
  const { token, service = 'mco-deploy', certificate, onBlocked } = options;
  const entries: object[] = [];
  const asked: string[] = [];
  const waiting = new Set<() => void>();
  let index = 7;

  const answer = (response: ServerResponse, datacenter: string | null) => {
    const found = datacenter === null || datacenter === 'dc1' ? entries : [];
    response.writeHead(200, { 'content-type': 'application/json', 'x-consul-index': index }).end(JSON.stringify(found));
  };
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '', 'http://consul');
    asked.push(`${url.pathname}${url.search}`);
    if (request.method !== 'GET') return response.writeHead(405).end('method not allowed');
    if (url.pathname !== `/v1/catalog/service/${service}`) return response.writeHead(404).end('Invalid URL path');
    if (token !== undefined && request.headers['x-consul-token'] !== token)
      return response.writeHead(403).end('Permission denied: token with AccessorID lacks permission');
    const [seen, wait] = [url.searchParams.get('index'), url.searchParams.get('wait')];
    if (seen === null || Number(seen) !== index) return answer(response, url.searchParams.get('dc'));
    const milliseconds = Number(/^(\d+)ms$/.exec(wait ?? '')?.[1]);
    if (!(milliseconds > 0)) return response.writeHead(400).end('Invalid wait time');
    const end = () => {
      clearTimeout(timer);
      waiting.delete(end);
      answer(response, url.searchParams.get('dc'));
    };
    const timer = setTimeout(end, milliseconds);
    waiting.add(end);
    onBlocked?.();
  };
  const server = certificate === undefined ? createServer(handle) : createTlsServer(certificate, handle);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `${certificate === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    register(entry) {
      entries.push(entry);
      index++;
      for (const end of [...waiting]) end();
    },
    async [Symbol.asyncDispose]() {
      for (const end of [...waiting]) end();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
