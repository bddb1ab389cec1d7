import { createServer, type Server, type Socket } from 'node:net';
import { explainErrno, Problem } from '../core/errors.ts';

/** A TCP port that this process holds exclusively. Early connections wait. */
export interface BoundPort {
  readonly port: number;
  /** Passes every connection, waiting ones first, to a function; from then on the caller closes the server. */
  readonly serve: (onConnection: (socket: Socket) => void) => Server;
  /** Releases the port, and ends waiting connections. */
  readonly close: () => void;
}

/** Connections that may wait until they are served; further ones are closed. */
const mostWaiting = 64;

/**
 * Binds a port before anything else is done: of two daemons with one configuration the second ends here, and has
 * written nothing.
 * @param port 0 for any free one
 * @throws Problem `cannot-listen`
 */
export async function bindPort({ host, port }: { readonly host: string; readonly port: number }): Promise<BoundPort> {
  const waiting = new Set<Socket>();
  const server = createServer({ noDelay: true, keepAlive: true });
  const wait = (socket: Socket) => {
    if (waiting.size >= mostWaiting) return void socket.destroy();
    waiting.add(socket);
    socket.once('close', () => waiting.delete(socket));
    socket.on('error', () => socket.destroy());
  };
  server.on('connection', wait);
  const taken = await listen(server, host, port);
  return {
    port: taken,
    serve: (onConnection) => {
      server.off('connection', wait);
      server.on('connection', onConnection);
      const early = [...waiting].filter((socket) => !socket.destroyed);
      waiting.clear();
      for (const socket of early) onConnection(socket);
      return server;
    },
    close: () => {
      for (const socket of waiting) socket.destroy();
      server.close();
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const message = `cannot listen on ${host} port ${port}: ${explainErrno(cause)}`;
      const hint = 'change “listen” in the configuration, or stop the program that uses it';
      reject(new Problem('cannot-listen', message, hint, { cause }));
    });
    server.listen({ host, port }, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}
