import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { temporaryDirectory } from '../agent-setup.ts';
import type { FakeHaproxy } from './fake-haproxy.ts';

/** Has a fake HAProxy answer on a real socket, which does not keep the test running. @returns the path of the socket */
export async function listenAs(fake: FakeHaproxy): Promise<string> {
  const path = join(temporaryDirectory(), 'admin.sock');
  const server = createServer((socket) => {
    socket.on('data', (command) => {
      void fake
        .ask(command.toString().trim(), new AbortController().signal)
        .then((answer) => socket.end(answer === '' ? '\n' : `${answer}\n\n`));
    });
  });
  await once(server.listen(path), 'listening');
  server.unref();
  return path;
}
