import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { explainErrno, Problem } from '../../core/errors.ts';
import type { TlsState } from '../../core/ports.ts';
import { presentedPem } from '../../transport/tls.ts';
import { isLoopback } from './loopback.ts';
import { metricsContentType } from './text.ts';
import { holdsToken } from './token.ts';

export interface MetricsServer {
  readonly stop: () => Promise<void>;
}

export interface MetricsServerOptions {
  /** 0 for any free one. */
  readonly port: number;
  readonly address: string;
  /** The file of the token that a request must have; none is required if omitted. */
  readonly token_file?: string | undefined;
  /** The node's current certificate and key. */
  readonly tls: () => TlsState;
  readonly text: () => string;
}

const limits = { requestTimeout: 5000, headersTimeout: 5000, keepAliveTimeout: 1000, maxHeaderSize: 8192 } as const;

/**
 * Answers `GET /metrics`: on loopback by HTTP, on any other address by TLS with the node's certificate.
 * @throws Problem `cannot-listen`
 */
export async function startMetricsServer(
  options: MetricsServerOptions,
): Promise<MetricsServer & { readonly port: number }> {
  const { port, address: host, tls } = options;
  const handle: RequestListener = (request, response) => void answer(request, response, options);
  const server = isLoopback(host)
    ? createServer(limits, handle)
    : withCurrentContext(createTlsServer({ ...limits, minVersion: 'TLSv1.2', ...contextOf(tls()) }, handle), tls);
  server.maxConnections = 16;
  // It must not keep a daemon alive that fails to start.
  server.unref();
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      const message = `the metrics can't be served on ${host} port ${port}: ${explainErrno(cause)}`;
      reject(new Problem('cannot-listen', message, 'change metrics.address or metrics.port in node.yaml', { cause }));
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

function contextOf({ credentials }: TlsState) {
  return {
    key: credentials.key.export({ type: 'pkcs8', format: 'pem' }),
    cert: presentedPem(credentials),
  };
}

/** Uses the current certificate for each handshake, also with a client that names no server; it is read again when it is renewed. */
function withCurrentContext(server: TlsServer, tls: () => TlsState): TlsServer {
  let used = tls().credentials;
  return server.prependListener('connection', () => {
    const state = tls();
    if (state.credentials === used) return;
    used = state.credentials;
    server.setSecureContext(contextOf(state));
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { address, token_file, text }: MetricsServerOptions,
): Promise<void> {
  // Otherwise a page in a browser on this host could read it through a name that resolves to this address.
  const isForeign =
    isLoopback(address) && !/^(127\.0\.0\.1|\[::1\]|localhost)(:\d+)?$/.test(request.headers.host ?? '');
  const [path] = (request.url ?? '').split('?');
  if (isForeign || path !== '/metrics') {
    response.writeHead(404, { 'content-type': 'text/plain' }).end('metrics are at /metrics\n');
    return;
  }
  if (request.method !== 'GET') {
    response.writeHead(405, { allow: 'GET' }).end();
    return;
  }
  if (token_file !== undefined && !(await holdsToken(request.headers.authorization, token_file))) {
    response.writeHead(401, { 'www-authenticate': 'Bearer', 'content-type': 'text/plain' }).end('a token is needed\n');
    return;
  }
  response.writeHead(200, { 'content-type': metricsContentType }).end(text());
}
