// Runs daemons on this host, with the agents that their configurations name, and says when all listen and where; then, at each line
// on its standard input, for how many milliseconds they had work so far: also those in which a busy machine let them wait. Their
// logs go to standard output, one JSON object a line.
import { createInterface } from 'node:readline';
import { agents } from '../../../src/agents/index.ts';
import { startDaemon } from '../../../src/daemon/daemon.ts';
import { options, report, untilStopped } from './script.ts';

const { configFiles } = options as unknown as { configFiles: string[] };
const daemons = await Promise.all(
  configFiles.map((configFile) => startDaemon({ configFile, agents, version: '0.1.0' })),
);
report({ ports: daemons.map(({ port }) => port) });
createInterface({ input: process.stdin }).on('line', () => {
  report({ busy: Math.round(performance.eventLoopUtilization().active) });
});
await untilStopped();
await Promise.all(daemons.map((daemon) => daemon.stop()));
