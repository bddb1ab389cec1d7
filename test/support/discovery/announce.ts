// Announces one node, says how it went, and takes new claims as JSON lines.
import { createInterface } from 'node:readline';
import { type AnnounceSetup, startAnnouncing } from '../../../src/discovery/mdns/announce.ts';
import { log, options, tell, untilStopped } from './script.ts';

const setup = {
  port: 5810,
  interfaces: [],
  agents: ['rpcutil'],
  classes: [],
  facts: {},
  ...options,
} as unknown as AnnounceSetup;
const begun = performance.now();
const announcing = await startAnnouncing({ ...setup, log });
tell({ started: performance.now() - begun });
tell({
  settled: await announcing.settled(),
  conflict: announcing.conflict() ?? null,
  after: performance.now() - begun,
});
createInterface({ input: process.stdin }).on('line', async (line) => {
  await announcing.update(JSON.parse(line));
  tell({ updated: await announcing.settled() });
});
await untilStopped();
await announcing.stop();
