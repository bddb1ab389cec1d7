// The cost of one call for a node and its caller, over one warm connection: CPU by the scheduler's count, and time.
//   npm run bench:calls [-- CALLS [PROGRAM…]]     800 calls to the built program
import { join } from 'node:path';
import { agents } from '../../src/agents/index.ts';
import { openReply } from '../../src/core/request/reply.ts';
import { sealRequest } from '../../src/core/request/request.ts';
import { createDial } from '../../src/transport/dial.ts';
import { makeFleet } from '../support/fleet/fleet.ts';
import { startDaemonProgram } from '../support/node/daemon-program.ts';
import { orderFor, prepareNode } from '../support/node/node.ts';
import { bareNode } from './bare-node.ts';
import { processorTime } from './processor-time.ts';

const [calls = '800', ...program] = process.argv.slice(2);
const built = [join(import.meta.dirname, '../../build/out/mco-deploy')];
const name = 'web1.devco.net';

await using fleet = await makeFleet();
const rip = await fleet.operator('rip@devco.net');
const { configFile } = await prepareNode(fleet, {
  name,
  agents: agents.filter(({ ddl }) => ddl.name === 'rpcutil'),
  log: 'info',
});
await using daemon = await startDaemonProgram(configFile, program.length > 0 ? program : built);
const { signal } = new AbortController();
const tls = () => ({ credentials: rip.credentials, trust: fleet.trust });
const connection = await createDial(tls, 20_000)(name, [{ host: '127.0.0.1', port: daemon.port }], signal);

async function callOnce(): Promise<void> {
  const order = orderFor(name, { agent: 'rpcutil', action: 'ping', input: {} });
  const signed = sealRequest(order, rip.credentials, Date.now());
  const reply = await connection.call(signed, () => {}, signal);
  const { outcome, message } = openReply(reply, signed.request, name, fleet.trust, Date.now());
  if (outcome !== 'ok') throw new Error(`the call ended as ${outcome}: ${message}`);
}

print(`bare Node: ${bareNode().toFixed(1)} ms`);
for (let call = 0; call < 200; call++) await callOnce();
const nodeBefore = await processorTime(daemon.pid);
const ownBefore = process.cpuUsage();
const began = performance.now();
for (let call = 0; call < Number(calls); call++) await callOnce();
const elapsed = performance.now() - began;
const { user, system } = process.cpuUsage(ownBefore);
const each = (milliseconds: number) => `${(milliseconds / Number(calls)).toFixed(2)} ms`;
print(`${calls} calls: ${each(elapsed)} of time each`);
print(`CPU each: node ${each((await processorTime(daemon.pid)) - nodeBefore)}, caller ${each((user + system) / 1000)}`);
connection.close();

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
