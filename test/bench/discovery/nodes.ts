// Runs many daemons in this process: the real code, each with a certificate, a port, an audit log and a directory of its own.
// Replies to `memory` with what the process takes after a collection of garbage (started with --expose-gc).
import { readFile } from 'node:fs/promises';
import { agents } from '../../../src/agents/index.ts';
import { startDaemon } from '../../../src/daemon/daemon.ts';

/** MiB. */
export interface Memory {
  /** JavaScript’s objects. */
  readonly heap: number;
  /** Buffers outside of that heap. */
  readonly external: number;
  /** All of the process’s own pages (Pss_Anon): both of the above, and what OpenSSL and nghttp2 hold. */
  readonly own: number;
}

const rpcutil = agents.filter(({ ddl }) => ddl.name === 'rpcutil');
const ports: number[] = [];
for (const configFile of process.argv.slice(2)) {
  ports.push((await startDaemon({ configFile, agents: rpcutil, version: '0.1.0' })).port);
}
process.send?.(ports);
process.on('message', () => void readMemory().then((memory) => process.send?.(memory)));

async function readMemory(): Promise<Memory> {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  const rollup = await readFile('/proc/self/smaps_rollup', 'utf8');
  const own = Number(/^Pss_Anon:\s+(\d+)/m.exec(rollup)?.[1]) / 1024;
  return { heap: heapUsed / 1048576, external: external / 1048576, own };
}
