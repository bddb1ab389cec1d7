// Announces one node, says how it went, and takes new claims as JSON lines.
import { createInterface } from 'node:readline';
import { type AnnounceSetup, startAnnouncing } from '../../../src/discovery/mdns/announce.ts';
import { log, options, report, untilStopped } from './script.ts';

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
report({ started: performance.now() - begun });
report({
  settled: await announcing.settled(),
  conflict: announcing.conflict() ?? null,
  after: performance.now() - begun,
});
createInterface({ input: process.stdin }).on('line', async (line) => {
  await announcing.update(JSON.parse(line));
  report({ updated: await announcing.settled() });
});
await untilStopped();
await announcing.stop();
