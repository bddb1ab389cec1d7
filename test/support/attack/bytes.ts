import { once } from 'node:events';
import { connect } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import fc from 'fast-check';
import { mutated } from '../property/property.ts';
import { type Attack, patience, type Target, tlsOf } from './target.ts';

let hello: Buffer | undefined;

/** The first bytes of a good handshake. */
async function clientHello(target: Target): Promise<Buffer> {
  const { host: _host, port: _port, ...options } = tlsOf(target);
  return await new Promise((resolve) => {
    const socket = new Duplex({
      read: () => {},
      write: (bytes: Buffer, _encoding, done) => {
        resolve(bytes);
        done();
      },
    });
    connectTls({ ...options, socket }).on('error', () => {});
  });
}

/** Bytes that are not a handshake, or nearly one, before anybody has proven anything. */
export const attackByBytes: Attack = async (target, seed) => {
  hello ??= await clientHello(target);
  const anything = fc.uint8Array({ minLength: 1, maxLength: 2000, size: 'max' }).map((bytes) => Buffer.from(bytes));
  const batch = fc.sample(fc.oneof(mutated(hello), anything), { seed, numRuns: 8 });
  await Promise.all(
    batch.map(async (bytes) => {
      const socket = connect({ host: '127.0.0.1', port: target.port }).on('error', () => {});
      socket.resume().write(bytes);
      await Promise.race([once(socket, 'close'), new Promise((resolve) => setTimeout(resolve, patience))]);
      socket.destroy();
    }),
  );
};
