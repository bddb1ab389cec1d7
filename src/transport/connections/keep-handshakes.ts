import type { Socket } from 'node:net';
import type { ChannelCredentials } from '@grpc/grpc-js';

/**
 * Keeps the connections of a channel whose handshake is not done: gRPC leaves them open when the channel is closed, until
 * the peer closes them, and connects once more a second after a failure, though the channel is closed. A peer that
 * accepts connections and stays silent could collect any number of them, and a node count a stranger too many.
 * @returns closes them
 */
export function keepHandshakes(credentials: ChannelCredentials): () => void {
  const sockets = new Set<Socket>();
  let isClosed = false;
  const create = credentials._createSecureConnector.bind(credentials);
  const assertOpen = () => {
    if (isClosed) throw new Error('the dial was given up');
  };
  credentials._createSecureConnector = (...args) => {
    const connector = create(...args);
    const waitForReady = connector.waitForReady.bind(connector);
    const connect = connector.connect.bind(connector);
    connector.waitForReady = async () => {
      assertOpen();
      await waitForReady();
    };
    connector.connect = async (socket) => {
      assertOpen();
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
