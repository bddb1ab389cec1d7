import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A web server on loopback that gives one answer to every question, for answers that no real server would give. */
export interface JsonServer extends AsyncDisposable {
  readonly url: string;
  readonly asked: IncomingMessage[];
}

/** @param answer sent as JSON; a string is sent as it is */
export async function startJsonServer(answer: unknown, status = 200): Promise<JsonServer> {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    asked.push(request);
    request.resume();
    response.writeHead(status).end(typeof answer === 'string' ? answer : JSON.stringify(answer));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
