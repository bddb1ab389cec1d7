import { explain, Problem } from '../../core/errors.ts';
import type { RelayConnection } from '../../transport/relay/connection.ts';

/** A relay for a whole command: connected when it is first needed, and again after it was lost. */
export interface RelayLink {
  readonly name: string;
  /** @throws Problem `unreachable`, or why its handshake was refused */
  readonly open: () => Promise<RelayConnection>;
  /** False between the loss of its connection and the next success. */
  readonly isOpen: () => boolean;
  readonly close: () => void;
}

export function startRelayLink(name: string, dial: () => Promise<RelayConnection>): RelayLink {
  let opening: Promise<RelayConnection> | undefined;
  let opened: RelayConnection | undefined;
  let closed = false;
  const connect = async () => {
    try {
      const connection = await dial();
      if (closed) {
        connection.close();
        throw new Problem('cancelled', `the relay ${name} is not used any more`);
      }
      opened = connection;
      void connection.whenLost().then(() => {
        if (opened !== connection) return;
        opened = undefined;
        opening = undefined;
        connection.close();
      });
      return connection;
    } catch (error) {
      opening = undefined;
      throw error instanceof Problem ? error : new Problem('unreachable', `the relay ${name}: ${explain(error)}`);
    }
  };
  return {
    name,
    open: () => {
      opening ??= connect();
      return opening;
    },
    isOpen: () => opened !== undefined,
    close: () => {
      closed = true;
      opened?.close();
    },
  };
}
