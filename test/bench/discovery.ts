// npm run bench:discovery [-- [--rounds N] [--no-multicast] [--relays N] [--overlap] [--only TEXT] NODES…]: how many of the nodes a client finds,
// in what time and with what it takes: heard by mDNS, then pinged (proven over mutual TLS) by mDNS and by list, and called where they
// are known; then the same by way of relays that keep their connections to the nodes open.
//   --no-multicast   the nodes announce nothing: the client and the relays take them from lists (for thousands of nodes)
//   --relays N       so many relays, each with its own part of the nodes, as with one in each segment
//   --overlap        each relay has all of the nodes
//   --only TEXT      only the rows with this text
// Runs in a network namespace of its own (unshare --net), in which one interface carries the multicast.
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { makeFleet } from '../support/fleet/fleet.ts';
import { configureClient, makeNetwork, startNodes, startProcesses } from './discovery/estate.ts';
import { type BenchRelay, memoryPerPeer, socketOf, startRelay } from './discovery/relays.ts';
import { printHead, printRow } from './discovery/report.ts';
import { type Means, type Runner, runRounds } from './discovery/rounds.ts';
import { startCounting } from './discovery/traffic.ts';

/**
 * Until all have probed for their names, announced them and asked for the others, which is not what is measured: all hear
 * each other's every packet, and here share two cores for it.
 */
const mostWarmUps = 600;

const program = 'build/out/mco-deploy';
const call = [program, 'rpc', 'rpcutil', 'ping', '--json'];
const heardByMdns = { name: 'heard by mDNS', argv: ['sh', 'build/node24', 'test/bench/discovery/hear.ts'] };
const byMulticast: readonly Means[] = [
  heardByMdns,
  { name: 'ping by mDNS', argv: [program, 'ping', '--dm', 'mdns', '--json'] },
  { name: 'call by mDNS', argv: [...call, '--dm', 'mdns'] },
];
const byList: readonly Means[] = [
  { name: 'ping by list', argv: [program, 'ping', '--json'] },
  { name: 'call by list', argv: call },
  { name: 'call by list, nodes known', argv: call, known: true },
];
/** @param way how the relays are named; nothing for the host’s own daemon, at its socket */
const overRelays = (way: readonly string[], over: string, extra: number): readonly Means[] => [
  { name: `ping, found by ${over}`, argv: [program, 'ping', '--json', '--dm', 'relay', ...way], extra },
  { name: `call by list over ${over}`, argv: [...call, ...way] },
  { name: `call by list over ${over}, nodes known`, argv: [...call, ...way], known: true },
  { name: `call, found by ${over}`, argv: [...call, '--dm', 'relay', ...way], extra },
];

const { values, positionals } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    relays: { type: 'string', default: '1' },
    overlap: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    'no-multicast': { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const rounds = Number(values.rounds);
const relayCount = Number(values.relays);
const multicast = !values['no-multicast'];
const sizes = positionals.map(Number);
makeNetwork();
const traffic = startCounting();
printHead();
for (const size of sizes.length === 0 ? [12, 100, 500, 1000] : sizes) await measure(size);

async function measure(size: number): Promise<void> {
  await using fleet = await makeFleet();
  using processes = startProcesses();
  const began = performance.now();
  const nodes = await startNodes(fleet, processes, size, multicast);
  process.stderr.write(`${size} nodes started in ${((performance.now() - began) / 1000).toFixed(0)} s\n`);
  const home = await configureClient(fleet, nodes, socketOf(fleet, relayName(1)));
  const runner: Runner = { home, traffic, relays: [] };
  if (multicast) await warmUp(runner, size);
  const measureAll = async (by: Runner, means: readonly Means[]) => {
    for (const one of means.filter(({ name }) => name.includes(values.only)))
      printRow(size, one, await runRounds(by, one, rounds));
  };
  await measureAll(runner, multicast ? [...byMulticast, ...byList] : byList);

  const countFound = async (via: readonly string[]) => {
    const argv = [program, 'ping', '--json', '--dm', 'relay', ...via];
    const [round] = await runRounds(runner, { argv }, 1);
    return round?.found ?? 0;
  };
  const relays: BenchRelay[] = [];
  for (let index = 0; index < relayCount; index++) {
    const part = values.overlap ? nodes : nodes.filter((_, at) => at % relayCount === index);
    relays.push(await startRelay(fleet, processes, relayName(index + 1), part, countFound));
  }
  const byRelays = { ...runner, relays: relays.map(({ child }) => child) };
  const way = relays.flatMap(({ via }) => ['--via', via]);
  await measureAll(
    byRelays,
    overRelays(way, relayCount === 1 ? 'a relay (TLS)' : `${relayCount} relays (TLS)`, relayCount),
  );
  if (relayCount === 1) await measureAll(byRelays, overRelays([], 'a relay (socket)', 1));
  for (const relay of relays) process.stderr.write(`${relay.name}: ${memoryPerPeer(relay)}\n`);
}

function relayName(number: number): string {
  return `relay${number}.devco.net`;
}

/** Until all are heard, five times in a row. */
async function warmUp(runner: Runner, size: number): Promise<void> {
  for (let tries = 0, good = 0; tries < mostWarmUps && good < 5; tries++) {
    const [round] = await runRounds(runner, heardByMdns, 1);
    good = round?.found === size ? good + 1 : 0;
    await delay(500);
  }
}
