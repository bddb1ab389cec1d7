import { rmSync } from 'node:fs';
import { chmod, lstat, mkdtemp, rename, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { errnoOf, explain, Problem } from '../../../core/errors.ts';
import { makeDirectories } from '../../../core/files/durable.ts';
import { ifThere } from '../../../core/files/if-there.ts';
import type { Log, RelayService } from '../../../core/ports.ts';
import { mostUnread, startCrowd } from '../service/unread.ts';
import { mostBytes, mostDiscoveries, serveUser, type UserLimits } from '../users/serve.ts';

export interface LocalLimits extends UserLimits {
  /** Concurrent connections, of all users of this host. */
  readonly connections: number;
}

export const localLimits: LocalLimits = {
  connections: 256,
  message: mostBytes,
  unread: mostUnread,
  discoveries: mostDiscoveries,
  stall: 30_000,
  // Ten minutes.
  quiet: 20,
};

/** Bytes of the path of a unix socket (unix(7)), without the NUL at its end. */
const longest = 107;
/** Bytes that the path of a new socket has behind that of its directory, until it is private. */
const draftLength = '/.XXXXXX/s'.length;

/**
 * Serves a relay over a unix socket: anyone who may open the socket may use the relay (mode 0660, so its owner and its
 * group).
 * @returns a function that ends it
 * @throws Problem `cannot-listen`: another daemon serves there, or it cannot be created
 */
export async function listenLocally(
  socket: string,
  relay: RelayService,
  log: Log,
  limits = localLimits,
): Promise<() => void> {
  const open = new Set<Socket>();
  const crowd = startCrowd();
  const server = createServer((connection) => {
    open.add(connection);
    connection.once('close', () => open.delete(connection));
    serveUser(connection, { relay, user: () => 'local', log }, { crowd, ...limits }, (doing) =>
      log.warn({}, `a client of the relay’s socket ${doing}: connection closed`),
    );
  });
  server.maxConnections = limits.connections;
  let isThere = false;
  const stop = () => {
    server.close();
    for (const connection of open) connection.destroy();
    if (isThere) rmSync(socket, { force: true });
  };
  try {
    requireShort(socket);
    await makeDirectories(dirname(socket), 0o755, { sync: false });
    await removeLeftOver(socket);
    await listenPrivately(server, socket);
    isThere = true;
  } catch (cause) {
    stop();
    const message = `the relay cannot listen at ${socket}: ${explain(cause)}`;
    throw new Problem('cannot-listen', message, 'change “relay.socket” in node.yaml', { cause });
  }
  server.on('error', (error) => log.warn({ reason: explain(error) }, 'the relay’s socket has a fault'));
  return stop;
}

/** The system's own message names a path that nobody wrote. */
function requireShort(socket: string): void {
  if (Buffer.byteLength(socket) > longest) throw new Error(`the path of a socket has at most ${longest} bytes`);
  // The system takes a path without a NUL at its end, too.
  const most = longest + 1 - draftLength;
  if (Buffer.byteLength(dirname(socket)) > most)
    throw new Error(`the path of a socket’s directory has at most ${most} bytes`);
}

/** The socket gets its mode in a directory of its own: until then it has that of the umask, and others could connect. */
async function listenPrivately(server: Server, socket: string): Promise<void> {
  const directory = await mkdtemp(`${dirname(socket)}/.`);
  try {
    const draft = join(directory, 's');
    await listen(server, draft);
    await chmod(draft, 0o660);
    await rename(draft, socket);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function listen(server: Server, socket: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(socket, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Removes the socket of a killed daemon, and nothing else. */
async function removeLeftOver(path: string): Promise<void> {
  const found = await ifThere(lstat(path));
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error('there is something that is not a socket');
  if (await answers(path)) throw new Error('another daemon serves there');
  await rm(path, { force: true });
}

/** @throws the error of the operating system if that is unknown, as without permission to connect */
function answers(socket: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const connection = connect(socket);
    connection.once('connect', () => {
      connection.destroy();
      resolve(true);
    });
    connection.once('error', (error) => {
      if (['ECONNREFUSED', 'ENOENT'].includes(errnoOf(error))) resolve(false);
      else reject(error);
    });
  });
}
