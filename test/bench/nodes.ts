// Runs many daemons in this process: the real code, each with a certificate, a port and a directory of its own.
import { agents } from '../../src/agents/index.ts';
import { startDaemon } from '../../src/daemon/daemon.ts';

const rpcutil = agents.filter(({ ddl }) => ddl.name === 'rpcutil');
const ports: number[] = [];
for (const configFile of process.argv.slice(2)) {
  ports.push((await startDaemon({ configFile, agents: rpcutil, version: '0.1.0' })).port);
}
process.send?.(ports);
