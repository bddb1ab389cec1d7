import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A web server on loopback that gives one answer to every question, for answers that no real server would give. */
export interface JsonServer extends AsyncDisposable {
  readonly url: string;
  readonly asked: IncomingMessage[];
  /** What was sent with each question. */
  readonly bodies: string[];
}

/**
 * @param answer sent as JSON; a string is sent as it is
 * @param tls the key and certificate of an HTTPS server, which asks for one of the client
 */
export async function startJsonServer(
  answer: unknown,
  status = 200,
  tls?: { readonly key: Buffer; readonly cert: Buffer },
): Promise<JsonServer> {
  const asked: IncomingMessage[] = [];
  const bodies: string[] = [];
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    asked.push(request);
    bodies.push(await text(request));
    response.writeHead(status).end(typeof answer === 'string' ? answer : JSON.stringify(answer));
  };
  const server =
    tls === undefined
      ? createServer(serve)
      : createTlsServer({ ...tls, requestCert: true, rejectUnauthorized: false }, serve);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    bodies,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
