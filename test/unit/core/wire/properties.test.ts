import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import fc from 'fast-check';
import { protocol } from '#protocol';
import { sealRequest, openRequest, proveCaller } from '../../../../src/core/request/request.ts';
import { Problem } from '../../../../src/core/errors.ts';
import { interpretSchema } from '../../../../src/core/ddl/interpret/schema.ts';
import { parseJsonObject } from '../../../../src/core/json.ts';
import { parseOutsideDdl } from '../../../../src/core/ddl/outside-ddl.ts';
import { digestRequest, okReply, openReply, sealReply } from '../../../../src/core/request/reply.ts';
import { replyCodec, requestCodec } from '../../../../src/core/wire/codec.ts';
import type { Request, SignedReply, SignedRequest } from '../../../../src/core/wire/messages.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';
import { orderFor } from '../../../support/node/node.ts';
import { probeAgent } from '../../../support/agents/probe-agent.ts';
import { holds, mutated, reached } from '../../../support/property/property.ts';

let fleet: Fleet;
let rip: Member;
let node: Member;
let signed: SignedRequest;
let reply: SignedReply;

before(async () => {
  fleet = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
  node = await fleet.node('dev2.devco.net');
  signed = sealRequest(
    orderFor('dev2.devco.net', { input: { text: 'hello', secret: 'x' }, sensitive: ['secret'], runId: 'a'.repeat(32) }),
    rip.credentials,
    Date.now(),
  );
  const envelope = {
    requestId: 'a'.repeat(32),
    try: 1,
    requestDigest: digestRequest(signed.request),
    startedAt: 1,
    finishedAt: 2,
  };
  reply = sealReply(
    okReply({ text: 'hello' }),
    { ...envelope, recorded: false, auditHead: null, headCheck: 'UNCHECKED' },
    node.credentials,
  );
});
after(() => fleet.remove());

/** The result, or undefined if it was correctly refused. */
function attempt<T>(open: () => T, ...codes: string[]): T | undefined {
  try {
    return open();
  } catch (error) {
    assert.ok(error instanceof Problem && (codes.length === 0 || codes.includes(error.code)), String(error));
    return undefined;
  }
}

const anyBytes = fc.uint8Array({ maxLength: 400, size: 'max' }).map((bytes) => Buffer.from(bytes));
const text = fc.string({ unit: 'binary', maxLength: 40 }).filter((value) => value.isWellFormed());
const bytes = fc.uint8Array({ maxLength: 64 }).map((value) => Buffer.from(value));
const number = fc.maxSafeNat();
const terms = {
  facts: fc.array(text),
  classes: fc.array(text),
  agents: fc.array(text),
  identities: fc.array(text),
  with: fc.array(text),
};
const anyRequest: fc.Arbitrary<Request> = fc.record(
  {
    protocol: fc.nat({ max: 2 ** 31 - 1 }),
    requestId: text,
    try: fc.nat({ max: 2 ** 31 - 1 }),
    nonce: bytes,
    target: text,
    caller: text,
    runId: text,
    step: text,
    lease: text,
    fence: number,
    agent: text,
    action: text,
    arguments: bytes,
    issuedAt: number,
    timeToLive: fc.nat({ max: 2 ** 31 - 1 }),
    deadline: number,
    dryRun: fc.boolean(),
    filter: fc.option(fc.record({ ...terms, select: text }, { noNullPrototype: true })),
    knownSequence: number,
    knownHash: bytes,
    detach: fc.boolean(),
  },
  { noNullPrototype: true },
);

/** The signed request with other values in some of its fields: it is whole, and not what was signed. */
function otherRequest(): fc.Arbitrary<Buffer> {
  const { requestId, protocol: version } = requestCodec.decode(signed.request);
  const fields = fc.record(
    {
      requestId: fc.constantFrom(requestId, 'b'.repeat(32)),
      try: fc.integer({ min: 1, max: 9 }),
      nonce: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((value) => Buffer.from(value)),
      target: text,
      caller: fc.constantFrom('mco://devco.net/operator/rip@devco.net', 'mco://devco.net/operator/eve@devco.net'),
      runId: text,
      step: text,
      lease: text,
      fence: number,
      agent: text,
      action: text,
      arguments: fc
        .dictionary(fc.constantFrom('text', 'secret'), text)
        .map((value) => Buffer.from(JSON.stringify(value))),
      issuedAt: number,
      timeToLive: fc.nat({ max: 2 ** 31 - 1 }),
      deadline: number,
      dryRun: fc.boolean(),
      filter: fc.option(fc.record({ ...terms, select: text }, { noNullPrototype: true })),
      knownSequence: number,
      knownHash: bytes,
      detach: fc.boolean(),
    },
    { noNullPrototype: true, requiredKeys: [] },
  );
  return fields.map((changes) =>
    requestCodec.encode({ ...requestCodec.decode(signed.request), protocol: version, ...changes }),
  );
}

/** Fields of a message, each as its tag says (protobuf encoding): of any number and kind. */
const wellFormed = fc
  .array(
    fc.tuple(
      fc.integer({ min: 1, max: 15 }),
      fc.oneof(
        fc.nat(127).map((value) => ({ kind: 0, body: Buffer.of(value) })),
        fc.uint8Array({ maxLength: 30 }).map((value) => ({ kind: 2, body: Buffer.of(value.length, ...value) })),
        fc
          .constantFrom('', 'a', 'facts')
          .map((value) => ({ kind: 2, body: Buffer.from([value.length, ...Buffer.from(value)]) })),
      ),
    ),
    { maxLength: 5 },
  )
  .map((fields) => Buffer.concat(fields.flatMap(([field, { kind, body }]) => [Buffer.of((field << 3) | kind), body])));

describe('the wire, for any bytes', () => {
  test('a request is decoded or refused, and a decoded one proves nobody', () => {
    holds(
      fc.property(fc.oneof(anyBytes, mutated(signed.request), otherRequest(), otherRequest()), (request) => {
        const opened = attempt(
          () => openRequest({ ...signed, request }),
          'malformed-message',
          'malformed-json',
          'other-protocol',
        );
        if (opened === undefined || request.equals(signed.request)) return;
        reached();
        assert.throws(() => proveCaller(opened, fleet.trust, Date.now()), { code: 'bad-signature' });
      }),
      2000,
    );
  });

  test('a changed signature or chain proves nobody, unless it is the same key and the same signature', () => {
    const changed = fc.record({
      signature: mutated(signed.signature),
      leaf: fc.oneof(anyBytes, mutated(rip.certificate.raw)),
    });
    const opened = openRequest(signed);
    holds(
      fc.property(changed, fc.constantFrom('signature', 'leaf'), ({ signature, leaf }, which) => {
        if (which === 'leaf' ? !leaf.equals(rip.certificate.raw) : !signature.equals(signed.signature)) reached();
        const meddled = which === 'leaf' ? { ...signed, chain: [leaf] } : { ...signed, signature };
        const proven = attempt(
          () => proveCaller({ ...opened, signed: meddled }, fleet.trust, Date.now()),
          'bad-signature',
          'bad-certificate',
          'foreign-certificate',
        );
        if (proven !== undefined) assert.equal(proven.identity.name, 'rip@devco.net');
        if (which === 'signature' && !signature.equals(signed.signature)) assert.equal(proven, undefined);
      }),
      1000,
    );
  });

  test('a reply is opened or refused, and only as the node signed it', () => {
    holds(
      fc.property(fc.oneof(anyBytes, mutated(reply.reply)), (changed) => {
        const opened = attempt(
          () => openReply({ ...reply, reply: changed }, signed.request, 'dev2.devco.net', fleet.trust, Date.now()),
          'bad-reply',
        );
        if (!changed.equals(reply.reply)) {
          reached();
          assert.equal(opened, undefined);
        }
        attempt(() => replyCodec.decode(changed), 'malformed-message');
      }),
      1000,
    );
  });

  test('a request survives encoding and decoding, with any content of its fields', () => {
    holds(
      fc.property(anyRequest, (request) => {
        reached();
        assert.deepEqual(requestCodec.decode(requestCodec.encode(request)), request);
      }),
      500,
    );
  });

  const methods = Object.values(protocol['mco.v1.Node'] as unknown as ServiceDefinition) as MethodDefinition<
    object,
    object
  >[];
  for (const { path, requestDeserialize, responseDeserialize } of methods) {
    test(`the messages of ${path} are decoded or refused`, () => {
      holds(
        fc.property(fc.oneof(anyBytes, wellFormed, wellFormed), (random) => {
          let decoded = false;
          for (const decode of [requestDeserialize, responseDeserialize])
            try {
              assert.equal(typeof decode(random), 'object');
              decoded = true;
            } catch (error) {
              // Nothing is awaited or reserved for a length beyond the bytes.
              assert.ok(error instanceof Error && !(error instanceof assert.AssertionError), String(error));
            }
          if (decoded) reached();
        }),
        500,
      );
    });
  }
});

describe('JSON, for any bytes', () => {
  const nasty = fc.oneof(
    fc.json({ maxDepth: 6 }),
    fc.constantFrom(
      '{"__proto__":1}',
      '{"a":{"constructor":1}}',
      '{"a":9007199254740993}',
      `${'['.repeat(1e5)}`,
      '{"a":1e999}',
      '\ufeff{}',
    ),
    fc.string({ unit: 'binary' }),
  );

  const anyObject = fc
    .dictionary(
      fc.oneof({ weight: 9, arbitrary: fc.string() }, { weight: 1, arbitrary: fc.constantFrom('text', '__proto__') }),
      fc.oneof(fc.string(), fc.nat(), fc.boolean(), fc.array(fc.string()), fc.dictionary(fc.string(), fc.nat())),
    )
    .map((value) => Buffer.from(JSON.stringify(value)));

  test('arguments are an object of limited depth without access to a prototype, or refused', () => {
    holds(
      fc.property(
        fc.oneof(
          nasty.map((value) => Buffer.from(value)),
          anyBytes,
          anyObject,
          anyObject,
        ),
        (random) => {
          const value = attempt(() => parseJsonObject(random, 'it'), 'malformed-json');
          if (value === undefined) return;
          reached();
          assert.doesNotMatch(JSON.stringify(value), /"(__proto__|constructor|prototype)":/);
          assert.equal(({} as Record<string, unknown>).a, undefined);
        },
      ),
      2000,
    );
  });
});

describe('schemas and DDLs, for any content', () => {
  const schema = fc.letrec<{ any: object }>((tie) => ({
    any: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom<object>(
        { type: 'string', pattern: '^a*$' },
        { type: 'integer', minimum: 0 },
        { enum: ['a', 1, null] },
        { type: 'odd' },
        { $ref: '#' },
        {},
      ),
      fc.record(
        { type: fc.constant('array'), items: tie('any'), maxItems: fc.oneof(fc.nat(), fc.string()) },
        { requiredKeys: ['type'] },
      ),
      fc.record(
        {
          type: fc.constant('object'),
          properties: fc.dictionary(fc.string(), tie('any')),
          required: fc.array(fc.string()),
          additionalProperties: fc.boolean(),
        },
        { requiredKeys: [] },
      ),
      fc.dictionary(
        fc.constantFrom('type', 'pattern', 'anyOf', 'not', 'default', 'const', 'format', 'propertyNames'),
        fc.anything(),
      ),
    ),
  })).any;

  const goodSchema = fc.record(
    {
      type: fc.constant('object'),
      additionalProperties: fc.boolean(),
      properties: fc.dictionary(
        fc.constantFrom('a', 'b', 'c'),
        fc.constantFrom<object>(
          { type: 'string', maxLength: 9 },
          { type: 'integer', minimum: 0 },
          { type: 'array', items: { type: 'string' } },
        ),
      ),
    },
    { noNullPrototype: true },
  );

  test('a schema from outside is interpreted or refused, and an interpreted one accepts or refuses any value', () => {
    holds(
      fc.property(fc.oneof(schema, goodSchema), fc.jsonValue(), (wanted, value) => {
        const validate = attempt(() => interpretSchema(wanted), 'bad-schema', 'bad-pattern');
        if (validate === undefined) return;
        reached();
        assert.equal(typeof validate(value), 'boolean');
      }),
      1000,
    );
  });

  test('a DDL from outside is accepted or refused', () => {
    const ddl = Buffer.from(JSON.stringify(probeAgent.ddl));
    const spoilt = fc
      .tuple(
        fc.constantFrom(...Object.keys(probeAgent.ddl.actions)),
        fc.constantFrom('input', 'output', 'kind', 'timeout'),
        fc.oneof(schema, fc.jsonValue()),
      )
      .map(([action, key, value]) => {
        const actions = probeAgent.ddl.actions as Record<string, object>;
        return Buffer.from(
          JSON.stringify({
            ...probeAgent.ddl,
            actions: { ...actions, [action]: { ...actions[action], [key]: value } },
          }),
        );
      });
    const other = fc
      .record({
        description: fc.string({ minLength: 1, maxLength: 100, unit: 'grapheme-ascii' }),
        timeout: fc.integer({ min: 1, max: 100 }),
        kind: fc.constantFrom('read', 'change'),
        output: fc.constantFrom({ type: 'object', additionalProperties: false, properties: {} }, { type: 'object' }),
      })
      .map((changes) => {
        const { echo } = probeAgent.ddl.actions;
        return Buffer.from(JSON.stringify({ ...probeAgent.ddl, actions: { echo: { ...echo, ...changes } } }));
      });
    holds(
      fc.property(fc.oneof(mutated(ddl), spoilt, other, other), (random) => {
        const taken = attempt(() => parseOutsideDdl(random, 'dev2'), 'bad-ddl', 'malformed-json');
        if (taken === undefined) return;
        reached();
        assert.equal(taken.origin, 'outside');
      }),
      500,
    );
  });
});
