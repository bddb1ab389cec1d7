// Remembers peers, and prints them at every line on its standard input.
import { createInterface } from 'node:readline';
import { startListening } from '../../../src/discovery/mdns/listen.ts';
import { log, options, report, untilStopped } from './script.ts';

const setup = { identity: 'listener.devco.net', interfaces: [], ...options } as { identity: string; interfaces: [] };
// Every peer that it hears counts as proven: there are no daemons in these tests.
const listening = await startListening({
  ...setup,
  log,
  id: 'own',
  prove: async () => ({ id: '' }),
  onDuplicate: ({ addresses: [host] }) => report({ rival: host }),
});
report({ ready: true });
createInterface({ input: process.stdin }).on('line', () => {
  report({ heard: listening.heard(), duplicates: listening.duplicates(), memory: process.memoryUsage().rss });
});
await untilStopped();
await listening.stop();
