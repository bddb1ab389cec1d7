import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import { text } from 'node:stream/consumers';
import { within } from '../../until.ts';

export interface ReceivedPost {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A web server on a free port of the loopback that keeps what is posted; its statuses are given in order, then 200. */
export async function startWebhookServer(
  statuses: (number | undefined)[] = [],
  headers: Record<string, string> = {},
  tls?: ServerOptions,
  body = 'answer\n',
) {
  const received: ReceivedPost[] = [];
  const waiting: (() => void)[] = [];
  const listener: RequestListener = async (request, response) => {
    received.push({ path: request.url ?? '', headers: request.headers, body: await text(request) });
    const status = statuses.length === 0 ? 200 : statuses.shift();
    // Undefined stands for a receiver that takes the message and never answers.
    if (status !== undefined) response.writeHead(status, headers).end(body);
    for (const wake of waiting.splice(0)) wake();
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    port,
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}/hook`,
    received,
    arrived: async (count: number) => {
      while (received.length < count)
        await within(`post ${count} of a webhook`, new Promise<void>((resolve) => waiting.push(resolve)));
    },
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
