/** Dials a daemon at a link-local address while it runs and after its end, in a network namespace that the test made: node link-local.ts INTERFACE */
import { networkInterfaces } from 'node:os';
import { createDial } from '../../../src/transport/dial.ts';
import { makeFleet } from '../fleet/fleet.ts';
import { startTestNode } from './node.ts';

const [name = ''] = process.argv.slice(2);
const local = networkInterfaces()[name]?.find(({ address }) => address.startsWith('fe80'))?.address;
const fleet = await makeFleet();
const node = await startTestNode(fleet, { listen: "listen: { address: '::', port: 0 }" });
const { credentials } = await fleet.operator('rip@devco.net');
const dial = createDial(() => ({ credentials, trust: fleet.trust }), 10_000);
const { signal } = new AbortController();
const addresses = [{ host: `${local}%${name}`, port: node.daemon.port }];
const connection = await dial(node.name, addresses, signal);
const { identity } = await connection.describe({ filter: null, facts: [], full: false, peers: false }, signal);
process.stdout.write(`${identity}\n`);
connection.close();
await node[Symbol.asyncDispose]();
const problem = await dial(node.name, addresses, signal).then(
  () => new Error('it is still reached'),
  (error: Error) => error,
);
process.stdout.write(`${problem.message}\n`);
await fleet.remove();
