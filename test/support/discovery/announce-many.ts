// Announces several nodes of one host, and says when all are.
import { startAnnouncing } from '../../../src/discovery/mdns/announce.ts';
import { log, options, report, untilStopped } from './script.ts';

const { identities = [] } = options as { identities?: string[] };
const claims = { agents: ['rpcutil'], classes: [], facts: {} };
const setup = { port: 5810, interfaces: [], log, ...claims };
const announcing = await Promise.all(identities.map((identity) => startAnnouncing({ ...setup, identity })));
report({ settled: await Promise.all(announcing.map((one) => one.settled())) });
await untilStopped();
await Promise.all(announcing.map((one) => one.stop()));
