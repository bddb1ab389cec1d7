// Throws packets at port 5353 that no honest host would send, by multicast, then prints how many. With a rival's name:
// answers that contradict the node of that name.
import { createHash } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { encode } from 'dns-packet';
import { options, report } from './script.ts';

const { packets, port, rival } = options as unknown as { packets: number; port: number; rival?: string };
const type = '_mco-deploy._tcp.local';

/** Bytes that look random and are the same at every run. */
function noise(seed: number, length: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, index) =>
    createHash('sha256').update(`${seed}/${index}`).digest(),
  );
  return Buffer.concat(blocks).subarray(0, length);
}

function answerOf(name: string): Buffer {
  return encode({
    type: 'response',
    flags: 0x400,
    answers: [
      { type: 'PTR', name: type, data: `${name}.${type}`, ttl: 120 },
      { type: 'SRV', name: `${name}.${type}`, data: { port: 5810, target: `${name}.local` }, ttl: 120 },
      {
        type: 'TXT',
        name: `${name}.${type}`,
        data: ['v=1', 'f.__proto__=x', `f.cluster=${'x'.repeat(200)}`],
        ttl: 120,
      },
      { type: 'A', name: `${name}.local`, data: '10.77.0.66', ttl: 120 },
    ],
  });
}

/** A packet whose one record's name points to itself, with our marker in it. */
function loop(): Buffer {
  return Buffer.concat([
    Buffer.from([0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0]),
    Buffer.from([0xc0, 12, 0, 12, 0, 1, 0, 0, 0, 1, 0, 14]),
    Buffer.from('\x0b_mco-deploy\xc0\x0c', 'latin1'),
  ]);
}

/** Many records, each name a pointer to the end of one long chain of pointers: as costly to decode as can be, and valid. */
function chain(length: number, records: number): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeUInt16BE(0x8400, 2);
  bytes.writeUInt16BE(records + 1, 6);
  const tail = length - records * 12;
  bytes.writeUInt16BE(99, 13);
  bytes.writeUInt16BE(1, 15);
  bytes.writeUInt16BE(tail - 23, 21);
  let last = 12;
  for (let at = 23; at + 2 <= tail - 13; at += 2) {
    bytes.writeUInt16BE(0xc000 | last, at);
    last = at;
  }
  bytes.write('\x0b_mco-deploy', tail - 13, 'latin1');
  for (let at = tail; at < length; at += 12) {
    bytes.writeUInt16BE(0xc000 | last, at);
    bytes.writeUInt16BE(16, at + 2);
    bytes.writeUInt16BE(1, at + 4);
  }
  return bytes;
}

function packetAt(index: number): Buffer {
  const good = answerOf(`ghost${index}.devco.net`);
  switch (index % 8) {
    case 0:
      return noise(index, 1 + (index % 1400));
    case 1:
      return good.subarray(0, index % good.length);
    case 2:
      return loop();
    case 3: {
      const bent = Buffer.from(good);
      noise(index, 8).copy(bent, index % (bent.length - 8));
      return bent;
    }
    case 4: {
      // Counts that promise 65,535 records.
      const counts = Buffer.from(good);
      counts.fill(0xff, 4, 12);
      return counts;
    }
    case 5:
      return index % 16 < 8 ? chain(1472, 60) : chain(8900, 350);
    case 6: {
      // A question, with rubbish in its place of known answers.
      const question = Buffer.from(good);
      question.writeUInt16BE(index % 2 === 0 ? 0x0200 : 0, 2);
      return question;
    }
    default:
      return good;
  }
}

async function openSocket(): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  socket.bind(port);
  await once(socket, 'listening');
  socket.setMulticastTTL(255);
  return socket;
}

const socket = await openSocket();
for (let index = 0; index < packets; index++) {
  const packet = rival === undefined ? packetAt(index) : answerOf(rival);
  await new Promise((resolve) => socket.send(packet, 5353, '224.0.0.251', resolve));
}
socket.close();
report({ sent: packets });
