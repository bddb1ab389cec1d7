import type { Socket } from 'node:net';
import type { ChannelCredentials } from '@grpc/grpc-js';

/**
 * Keeps the connections of a channel whose handshake is not done: gRPC leaves them open when the channel is closed, until
 * the peer closes them. A peer that accepts connections and stays silent could collect any number of them.
 * @returns closes them
 */
export function keepHandshakes(credentials: ChannelCredentials): () => void {
  const sockets = new Set<Socket>();
  let isClosed = false;
  const create = credentials._createSecureConnector.bind(credentials);
  credentials._createSecureConnector = (...args) => {
    const connector = create(...args);
    const connect = connector.connect.bind(connector);
    connector.connect = async (socket) => {
      if (isClosed) throw new Error('the dial was given up while it connected');
      sockets.add(socket);
      try {
        return await connect(socket);
      } finally {
        sockets.delete(socket);
      }
    };
    return connector;
  };
  return () => {
    isClosed = true;
    for (const socket of sockets) socket.destroy();
  };
}
