import { statSync } from 'node:fs';
import { connect } from 'node:net';
import { explainErrno, Problem } from '../../../core/errors.ts';
import type { RelayConnection } from '../connection.ts';
import { relayOverSocket } from '../users/over-socket.ts';

const own = { name: 'local', hasRole: true, what: 'the relay of this host', refuse: () => undefined };

/**
 * The host's own daemon, over its unix socket. No handshake: anyone who may open the socket may use it, and the socket must
 * belong to root or to this user, so that nobody else can have put it there.
 * @param timeout milliseconds until the daemon greets
 * @throws Problem `unreachable` when there is none, `bad-permissions`
 */
export async function openLocalRelay(path: string, timeout: number, signal: AbortSignal): Promise<RelayConnection> {
  requireOwnSocket(path);
  return await relayOverSocket(connect(path), own, timeout, signal).catch((cause) => {
    throw new Problem('unreachable', `the daemon of this host does not answer at ${path}`, '', { cause });
  });
}

function requireOwnSocket(path: string): void {
  try {
    const found = statSync(path);
    if (!found.isSocket() || (found.uid !== 0 && found.uid !== process.getuid?.())) {
      throw new Problem('bad-permissions', `${path} is not a socket of root or of this user`);
    }
  } catch (cause) {
    if (cause instanceof Problem) throw cause;
    throw new Problem('unreachable', `${path}: ${explainErrno(cause)}`, '', { cause });
  }
}
