import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { explainErrno, Problem } from '../../core/errors.ts';
import { metricsContentType } from './text.ts';

const host = '127.0.0.1';

export interface MetricsServer {
  readonly stop: () => Promise<void>;
}

/**
 * Answers `GET /metrics` on loopback alone.
 * @param port 0 for any free one
 * @throws Problem `cannot-listen`
 */
export async function startMetricsServer(
  port: number,
  text: () => string,
): Promise<MetricsServer & { readonly port: number }> {
  const limits = { requestTimeout: 5000, headersTimeout: 5000, keepAliveTimeout: 1000, maxHeaderSize: 8192 };
  const server = createServer(limits, (request, response) => answer(request, response, text));
  server.maxConnections = 16;
  // A daemon that cannot start otherwise must not be kept from ending by this.
  server.unref();
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      const message = `cannot serve metrics on ${host} port ${port}: ${explainErrno(cause)}`;
      reject(new Problem('cannot-listen', message, 'give metrics.port another number', { cause }));
    });
    server.listen({ host, port }, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(request: IncomingMessage, response: ServerResponse, text: () => string): void {
  // A page in a browser on this host could otherwise read it by a name of its own that leads here.
  const isLocal = /^(127\.0\.0\.1|localhost)(:\d+)?$/.test(request.headers.host ?? '');
  const [path] = (request.url ?? '').split('?');
  if (!isLocal || path !== '/metrics') {
    response.writeHead(404, { 'content-type': 'text/plain' }).end('metrics are at /metrics\n');
    return;
  }
  if (request.method !== 'GET') {
    response.writeHead(405, { allow: 'GET' }).end();
    return;
  }
  response.writeHead(200, { 'content-type': metricsContentType }).end(text());
}
