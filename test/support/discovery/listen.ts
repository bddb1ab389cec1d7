// Remembers peers, and tells whom at every line on its standard input.
import { createInterface } from 'node:readline';
import { startListening } from '../../../src/discovery/mdns/listen.ts';
import { log, options, tell, untilStopped } from './script.ts';

const setup = { identity: 'listener.devco.net', interfaces: [], ...options } as { identity: string; interfaces: [] };
const listening = await startListening({ ...setup, log });
tell({ ready: true });
createInterface({ input: process.stdin }).on('line', () => {
  tell({ heard: listening.heard(), rival: listening.rival() ?? null, memory: process.memoryUsage().rss });
});
await untilStopped();
await listening.stop();
