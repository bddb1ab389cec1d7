import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

/** The program on a host that HAProxy asks how it is (`agent-check`). */
export interface AgentCheckServer {
  readonly port: number;
  /** Its answer from now on; undefined: it accepts the connection and sends nothing. */
  readonly says: (answer: string | undefined) => void;
  /** Resolves once it has answered so many more times. */
  readonly asked: (times: number) => Promise<void>;
  /** Refuses connections from now on. */
  readonly stop: () => Promise<void>;
}

export async function startAgentCheck(first: string): Promise<AgentCheckServer> {
  let answer: string | undefined = first;
  const open = new Set<Socket>();
  const server: Server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => open.delete(socket));
    if (answer !== undefined) socket.end(`${answer}\n`);
    server.emit('asked');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    says: (next) => {
      answer = next;
    },
    asked: async (times) => {
      for (let left = times; left > 0; left--) await once(server, 'asked');
    },
    stop: async () => {
      if (!server.listening) return;
      server.close();
      for (const socket of open) socket.destroy();
      await once(server, 'close');
    },
  };
}
