import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import dnsPacket from 'dns-packet';

/** A DNS server on the loopback that gives every name the same addresses. */
export interface NameServer {
  readonly port: number;
  /** From now on names have these addresses. */
  readonly give: (addresses: readonly string[]) => void;
  readonly stop: () => Promise<void>;
}

export async function startNameServer(addresses: readonly string[]): Promise<NameServer> {
  let given = addresses;
  const socket = createSocket('udp4', (message, { port, address }) => {
    const { id, questions = [] } = dnsPacket.decode(message);
    const answers = questions
      .filter(({ type }) => type === 'A')
      .flatMap(({ name }) => given.map((data) => ({ type: 'A' as const, name, ttl: 1, data })));
    socket.send(dnsPacket.encode({ type: 'response', id, questions, answers }), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    port: socket.address().port,
    give: (next) => {
      given = next;
    },
    stop: async () => {
      socket.close();
    },
  };
}
