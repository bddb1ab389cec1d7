import { once } from 'node:events';
import { connect } from 'node:http2';
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import fc from 'fast-check';
import { protocol } from '#protocol';
import { sealRequest } from '../../../src/core/request/request.ts';
import { sign } from '../../../src/core/credentials/signature.ts';
import { requestCodec } from '../../../src/core/wire/codec.ts';
import { orderFor } from '../node/node.ts';
import { mutated } from '../property/property.ts';
import { type Attack, patience, type Target, tlsOf } from './target.ts';

const methods = protocol['mco.v1.Node'] as unknown as ServiceDefinition;

function serialized(method: string, message: object): Buffer {
  return (methods[method] as MethodDefinition<object, object>).requestSerialize(message);
}

/** Messages that are nearly good: some spoilt as a whole, some rightly signed around a request that is spoilt. */
function spoiltMessages({ name, attacker }: Target): fc.Arbitrary<Buffer> {
  const signed = sealRequest(orderFor(name), attacker.credentials, Date.now());
  const resigned = fc.oneof(mutated(signed.request), anyFields(signed.request)).map((request) => {
    return serialized('Call', { ...signed, request, signature: sign('request', request, attacker.key) });
  });
  const describe = {
    filter: { facts: ['a=b'], classes: [], agents: [], identities: [], with: [], select: '' },
    facts: [],
    full: true,
    peers: true,
  };
  return fc.oneof(mutated(serialized('Call', signed)), resigned, mutated(serialized('Describe', describe)));
}

function anyFields(request: Buffer): fc.Arbitrary<Buffer> {
  const text = fc.oneof(
    fc.constantFrom('', '../x', 'a\nb', '__proto__'),
    fc.string({ unit: 'binary' }).filter((value) => value.isWellFormed()),
  );
  const fields = fc.record(
    {
      agent: text,
      action: text,
      step: text,
      lease: text,
      runId: text,
      target: text,
      fence: fc.maxSafeNat(),
      try: fc.nat(),
      deadline: fc.maxSafeNat(),
      timeToLive: fc.nat({ max: 2 ** 31 - 1 }),
      arguments: fc.json().map((json) => Buffer.from(json)),
    },
    { requiredKeys: [] },
  );
  const good = requestCodec.decode(request);
  return fc.tuple(fields, fc.uint8Array({ minLength: 16, maxLength: 16 })).map(([changed, nonce]) => {
    return requestCodec.encode({ ...good, ...changed, nonce: Buffer.from(nonce) });
  });
}

const paths = fc.oneof(
  fc.constantFrom(
    '/mco.v1.Node/Call',
    '/mco.v1.Node/Result',
    '/mco.v1.Node/Describe',
    '/grpc.health.v1.Health/Check',
    '/grpc.health.v1.Health/Watch',
  ),
  fc.constantFrom('/', '/mco.v1.Node/', '/mco.v1.Node/__proto__', '/../x', '/mco.v1.Node/Call/'),
);
const types = fc.oneof(
  { weight: 9, arbitrary: fc.constant('application/grpc') },
  fc.constantFrom('text/html', 'application/grpc-web', 'application/grpc+json'),
);

/** gRPC messages that are nearly good, over a good connection. */
export const attackByMessages: Attack = async (target, seed) => {
  const { host, port, ...options } = tlsOf(target);
  const call = fc.record({
    path: paths,
    type: types,
    message: spoiltMessages(target),
    compressed: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.nat({ max: 255 })),
    length: fc.option(fc.nat({ max: 2 ** 32 - 1 }), { freq: 8, nil: undefined }),
    encoding: fc.constantFrom('identity', 'identity', 'identity', 'gzip', 'deflate', 'x'),
    end: fc.boolean(),
  });
  const session = connect(`https://${host}:${port}`, options).on('error', () => {});
  await Promise.race([once(session, 'connect'), once(session, 'close')]);
  if (session.destroyed) return;
  await Promise.all(
    fc.sample(call, { seed, numRuns: 20 }).map(async ({ path, type, message, compressed, length, encoding, end }) => {
      if (session.destroyed) return;
      const stream = session.request({
        ':method': 'POST',
        ':path': path,
        'content-type': type,
        te: 'trailers',
        'grpc-encoding': encoding,
      });
      stream.on('error', () => {}).resume();
      const head = Buffer.alloc(5);
      head.writeUInt8(compressed, 0);
      head.writeUInt32BE(length ?? message.length, 1);
      const bytes = Buffer.concat([head, message]);
      if (end) stream.end(bytes);
      else stream.write(bytes);
      await Promise.race([
        once(stream, 'close').catch(() => {}),
        new Promise((resolve) => setTimeout(resolve, patience * 2)),
      ]);
    }),
  );
  session.destroy();
};
