import assert from 'node:assert/strict';
import type { Socket } from 'node:dgram';
import type { NetworkInterfaceInfo } from 'node:os';
import { test } from 'node:test';
import { hostInterfaces } from '../../../../src/core/host/host-interfaces.ts';
import type { Log } from '../../../../src/core/ports.ts';
import { openResponder } from '../../../../src/discovery/mdns/responder.ts';

interface Inside {
  readonly server: {
    bindSocket: (socket: Socket) => Promise<void>;
    handleMessage: (name: string, packet: Buffer, from: object, family: string) => void;
  };
}

test('the responder does not read a packet that belongs to another interface', async () => {
  const log = { warn: assert.fail } as unknown as Log;
  const { responder, ready } = openResponder([{ name: 'lo', mac: '', container: false }], 'dev1.devco.net', log);
  const { server } = responder as unknown as Inside;
  server.bindSocket = async (socket) => void socket.close();
  await ready;
  let reads = 0;
  const packet = Object.assign(Buffer.alloc(12), { readUInt16BE: () => ++reads });
  const from = (address: string) => server.handleMessage('lo', packet, { address, port: 5353 }, 'IPv4');
  const network = (cidr: string) => [{ cidr } as NetworkInterfaceInfo];
  hostInterfaces(() => ({ lo: network('127.0.0.1/8'), eth0: network('10.1.0.1/16') }));
  from('10.1.0.9');
  assert.equal(reads, 0);
  from('127.0.0.1');
  assert.notEqual(reads, 0);
  await responder.shutdown();
});
