// Runs a daemon on this host, with the agents that its configuration names. Its log goes to standard output, one JSON object a line.
import { agents } from '../../../src/agents/index.ts';
import { startDaemon } from '../../../src/daemon/daemon.ts';
import { options, untilStopped } from './script.ts';

const { configFile } = options as unknown as { configFile: string };
const daemon = await startDaemon({ configFile, agents, version: '0.1.0' });
await untilStopped();
await daemon.stop();
