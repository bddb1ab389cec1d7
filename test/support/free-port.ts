import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the range that the kernel assigns by itself (Linux: 32768 and up): nobody gets it by chance meanwhile. */
const range = { from: 12_000, to: 32_000 };

/** A port of loopback that was free a moment ago, for both TCP and UDP, for programs that need a port number. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(range.from, range.to);
    if ((await isFreeTcp(port)) && (await isFreeUdp(port))) return port;
  }
}

async function isFreeTcp(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

async function isFreeUdp(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  try {
    await once(socket.bind(port, '127.0.0.1'), 'listening');
    return true;
  } catch {
    return false;
  } finally {
    socket.close();
  }
}
