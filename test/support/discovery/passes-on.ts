// Passes connections on to a node, and announces that node as if it were here: without any certificate.
import { connect, createServer } from 'node:net';
import { startAnnouncing } from '../../../src/discovery/mdns/announce.ts';
import { log, options, report, untilStopped } from './script.ts';

const { identity, host, port } = options as unknown as { identity: string; host: string; port: number };
let passed = 0;
const server = createServer((near) => {
  const far = connect({ host, port });
  for (const socket of [near, far]) socket.on('error', () => socket.destroy());
  near.pipe(far).pipe(near);
  report({ passed: ++passed });
});
await new Promise<void>((resolve) => server.listen({ host: '::', port }, resolve));
const silent = { ...log, warn: () => undefined, error: () => undefined };
const claims = { agents: [], classes: [], facts: {} };
const announcing = await startAnnouncing({ identity, port, interfaces: [], log: silent, retry: 300, ...claims });
await untilStopped();
await announcing.stop();
server.close();
