import { once } from 'node:events';
import { connect } from 'node:tls';
import fc from 'fast-check';
import { type Attack, patience, tlsOf } from './target.ts';

export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** One frame (RFC 9113, 4.1); its length field may differ from the bytes that follow. */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array,
  length = payload.length,
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** The headers of a good call, as HPACK literals (RFC 7541, 6.2.2) without an index. */
export function headersFor(path: string): Buffer {
  const fields = {
    ':method': 'POST',
    ':scheme': 'http',
    ':path': path,
    ':authority': 'x',
    'content-type': 'application/grpc',
    te: 'trailers',
  };
  return Buffer.concat(
    Object.entries(fields).flatMap(([name, value]) => [
      Buffer.from([0, name.length]),
      Buffer.from(name),
      Buffer.from([value.length]),
      Buffer.from(value),
    ]),
  );
}

const headers = headersFor('/mco.v1.Node/Call');
const streams = fc.oneof(fc.constantFrom(0, 1, 3, 5, 7, 2, 0x7fffffff), fc.nat({ max: 0x7fffffff }));
const flags = fc.oneof(fc.constantFrom(0, 1, 4, 5), fc.nat({ max: 255 }));
const payload = fc.oneof(
  fc.constant<Uint8Array>(headers),
  fc.uint8Array({ maxLength: 64 }),
  fc.constantFrom<Uint8Array>(
    Buffer.from([0, 0, 0, 8]),
    Buffer.from([0x7f, 255, 255, 255]),
    Buffer.from([0, 4, 127, 255, 255, 255]),
    Buffer.alloc(8),
  ),
);
const anyFrame = fc
  .tuple(
    fc.oneof(fc.nat({ max: 9 }), fc.nat({ max: 255 })),
    flags,
    streams,
    payload,
    fc.option(fc.nat({ max: 0xffffff }), { freq: 8, nil: undefined }),
  )
  .map(([type, flag, stream, bytes, length]) => frame(type, flag, stream, bytes, length ?? bytes.length));
/** A stream that is begun and at once taken back, many times over. */
const rapidReset = fc
  .nat({ max: 100 })
  .map((many) =>
    Buffer.concat(
      Array.from({ length: many }, (_, index) => [
        frame(1, 4, 2 * index + 1, headers),
        frame(3, 0, 2 * index + 1, Buffer.from([0, 0, 0, 8])),
      ]).flat(),
    ),
  );
const anyTalk = fc.oneof(
  { weight: 6, arbitrary: fc.array(anyFrame, { minLength: 1, maxLength: 30 }).map((frames) => Buffer.concat(frames)) },
  rapidReset,
);

/** HTTP/2 as nobody should speak it, after a good handshake. */
export const attackByFrames: Attack = async (target, seed) => {
  const batch = fc.sample(anyTalk, { seed, numRuns: 4 });
  await Promise.all(
    batch.map(async (talk) => {
      const socket = connect(tlsOf(target)).on('error', () => {});
      socket.resume();
      socket.write(Buffer.concat([preface, frame(4, 0, 0, Buffer.alloc(0)), talk]));
      await Promise.race([once(socket, 'close'), new Promise((resolve) => setTimeout(resolve, patience * 2))]);
      socket.destroy();
    }),
  );
};
