// A host that makes nodes up: it announces so many names, replies to every question with all of them, each in the name of one
// of its addresses in turn, and counts who dials them. What it makes up has no certificate.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Socket as Connection } from 'node:net';
import { createInterface } from 'node:readline';
import { encode, type Packet } from 'dns-packet';
import { options, report, untilStopped } from './script.ts';

const { names, addresses, port } = options as unknown as { names: number; addresses: string[]; port: number };
const type = '_mco-deploy._tcp.local';
const namesEach = 6;
const group = '224.0.0.251';

function packetFrom(address: string, numbers: readonly number[]): Buffer {
  const answers = numbers.flatMap((number): NonNullable<Packet['answers']> => {
    const [instance, target] = [`fake${number}.devco.net.${type}`, `fake${number}.local`];
    return [
      { type: 'PTR', name: type, data: instance, ttl: 120 },
      { type: 'SRV', name: instance, data: { port, target }, ttl: 120 },
      { type: 'TXT', name: instance, data: ['v=1', 'f.cluster=bravo', 'a0=appmgr,rpcutil'], ttl: 120 },
      { type: 'A', name: target, data: address, ttl: 120 },
    ];
  });
  return encode({ type: 'response', flags: 0x400, answers });
}

const all = Array.from({ length: names }, (_, number) => number);
const packets = all
  .filter((number) => number % namesEach === 0)
  .map((first, index) => {
    const from = index % addresses.length;
    return { from, bytes: packetFrom(addresses[from] ?? '', all.slice(first, first + namesEach)) };
  });

async function open(address?: string): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  socket.bind({ port: 5353, ...(address === undefined ? {} : { address }) });
  await once(socket, 'listening');
  return socket;
}

const senders = await Promise.all(addresses.map((address) => open(address)));
const listener = await open();
listener.addMembership(group, addresses[0]);

async function sendAll(toPort: number, to: string, id: number): Promise<void> {
  for (const { from, bytes } of packets) {
    const packet = Buffer.from(bytes);
    packet.writeUInt16BE(id, 0);
    await new Promise((resolve) => senders[from]?.send(packet, toPort, to, resolve));
  }
}

/** Questions of one client that came while its last one is being answered are the same question. */
const answering = new Set<number>();
let answered = 0;
listener.on('message', (bytes, from) => {
  const isQuestion = bytes.length > 12 && (bytes.readUInt16BE(2) & 0x8000) === 0 && bytes.includes('_mco-deploy');
  if (!isQuestion || from.port === 5353 || answering.has(from.port)) return;
  answering.add(from.port);
  answered++;
  void sendAll(from.port, from.address, bytes.readUInt16BE(0));
});

const dials = new Map<string, number>();
const connections = new Set<Connection>();
// Accepts and says nothing: what costs who dials the most.
const server = createServer((connection) => {
  const from = connection.remoteAddress?.replace('::ffff:', '') ?? '';
  dials.set(from, (dials.get(from) ?? 0) + 1);
  connections.add(connection);
  connection.on('error', () => undefined).on('close', () => connections.delete(connection));
});
server.listen(port);
await once(server, 'listening');
await sendAll(5353, group, 0);
report({ announced: names });
createInterface({ input: process.stdin }).on('line', () => report({ answered, dials: Object.fromEntries(dials) }));
await untilStopped();
process.exit();
