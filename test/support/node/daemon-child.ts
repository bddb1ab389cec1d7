/** A daemon in its own process, whose memory and pauses can be asked for: node --expose-gc daemon-child.ts node.yaml */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { agents } from '../../../src/agents/index.ts';
import { startDaemon } from '../../../src/daemon/daemon.ts';
import { probeAgent } from '../agents/probe-agent.ts';

const [configFile = ''] = process.argv.slice(2);
const daemon = await startDaemon({ configFile, agents: [...agents, probeAgent], version: '0.1.0' });
const pauses = monitorEventLoopDelay({ resolution: 1 });
pauses.enable();
process.on('message', async (asked) => {
  if (asked === 'pause') {
    process.send?.(pauses.max / 1e6);
    pauses.reset();
    return;
  }
  // Objects that were released in the last turn are found by the next collection only.
  for (let round = 0; round < 3; round++) {
    await new Promise((resolve) => setImmediate(resolve));
    globalThis.gc?.();
  }
  process.send?.(process.memoryUsage());
});
process.send?.(daemon.port);
