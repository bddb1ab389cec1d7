import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { MessageTypeDefinition, PackageDefinition, ServiceDefinition } from '@grpc/proto-loader';
import { protocol } from '#protocol';
import { build, type BuildOptions } from 'esbuild';
import fc from 'fast-check';
import { writeProtocol } from '../../build/protocol/protocol.ts';
import descriptor from '../../src/core/wire/descriptor.json' with { type: 'json' };
import { holds, reached } from '../support/property/property.ts';

type Codec = MessageTypeDefinition<object, object>;
interface Field {
  readonly type: string;
  readonly keyType?: string;
  readonly rule?: string;
}
interface Entry {
  readonly fields?: Readonly<Record<string, Field>>;
  readonly values?: Readonly<Record<string, number>>;
  readonly nested?: Readonly<Record<string, Entry>>;
}

const top = descriptor.nested.mco.nested.v1.nested as unknown as Readonly<Record<string, Entry>>;
const entries: Readonly<Record<string, Entry>> = Object.assign(
  {},
  top,
  ...Object.values(top).map(({ nested }) => nested),
);
const messages = Object.keys(entries).filter((name) => entries[name]?.fields !== undefined);
let directory: string;
/** The code in the bundle. */
let written: PackageDefinition;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mco-wire-'));
  const [source, bundled] = [join(directory, 'protocol.mjs'), join(directory, 'bundled.cjs')];
  await writeFile(source, writeProtocol());
  // Built as in the program: one file, without the package long.
  const kind = { bundle: true, platform: 'node', format: 'cjs', external: ['long'] } satisfies BuildOptions;
  await build({ entryPoints: [source], outfile: bundled, ...kind });
  ({ protocol: written } = (await import(pathToFileURL(bundled).href)) as { protocol: PackageDefinition });
});
after(() => rm(directory, { recursive: true }));

const codecsOf = (name: string): [Codec, Codec] => [
  protocol[`mco.v1.${name}`] as unknown as Codec,
  written[`mco.v1.${name}`] as unknown as Codec,
];
const scalars: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  string: fc.string({ unit: 'binary', maxLength: 8 }).filter((value) => value.isWellFormed()),
  bytes: fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
  bool: fc.boolean(),
  uint32: fc.nat({ max: 2 ** 32 - 1 }),
  int32: fc.integer(),
  uint64: fc.maxSafeNat(),
  int64: fc.maxSafeInteger(),
};

function valuesOf(type: string, depth: number): fc.Arbitrary<unknown> {
  const { values, fields } = entries[type] ?? {};
  if (values !== undefined) return fc.constantFrom(...Object.keys(values));
  if (fields !== undefined) return depth > 3 ? fc.constant(null) : messageOf(fields, depth + 1);
  const scalar = scalars[type];
  assert.ok(scalar, `the test does not know the type ${type}`);
  return scalar;
}

function messageOf(fields: Readonly<Record<string, Field>>, depth: number): fc.Arbitrary<object> {
  const parts = Object.entries(fields).map(([name, { type, rule, keyType }]) => {
    const one = valuesOf(type, depth);
    const whole = one.filter((value) => value !== null);
    const isLeaf = depth > 3 && entries[type]?.fields !== undefined;
    if (keyType !== undefined) return [name, isLeaf ? fc.constant({}) : fc.dictionary(scalars.string as never, whole)];
    return [name, rule === 'repeated' ? (isLeaf ? fc.constant([]) : fc.array(whole, { maxLength: 3 })) : one];
  });
  return fc.record(Object.fromEntries(parts) as Record<string, fc.Arbitrary<unknown>>, { requiredKeys: [] });
}

/** The result of reading bytes: the message, or that they cannot be read. */
function read(codec: Codec, bytes: Buffer): unknown {
  try {
    return codec.deserialize(bytes);
  } catch {
    return 'cannot be read';
  }
}

describe('the message code that is written at build time', () => {
  for (const name of messages)
    test(`${name} has the bytes and the values that proto-loader produces`, () => {
      const [loaded, built] = codecsOf(name);
      holds(
        fc.property(messageOf(entries[name]?.fields ?? {}, 0), (message) => {
          reached();
          const bytes = loaded.serialize(message);
          assert.deepEqual(built.serialize(message), bytes);
          assert.deepEqual(built.deserialize(bytes), loaded.deserialize(bytes));
        }),
        50,
      );
    });

  for (const name of messages)
    test(`${name} reads broken bytes as proto-loader does, or both refuse them`, () => {
      const [loaded, built] = codecsOf(name);
      const tail = fc.uint8Array({ minLength: 1, maxLength: 6 });
      holds(
        fc.property(messageOf(entries[name]?.fields ?? {}, 0), tail, fc.nat(), (message, more, at) => {
          const bytes = Buffer.concat([loaded.serialize(message), more]);
          bytes[at % bytes.length] = more[0] ?? 0;
          reached();
          assert.deepEqual(read(built, bytes), read(loaded, bytes));
        }),
        50,
      );
    });

  test('refuses an entry of a map that has no value, as proto-loader does', () => {
    // The map of sensitive values, with one entry of three bytes: the key “a”.
    const bytes = Buffer.from([34, 3, 10, 1, 97]);
    for (const codec of codecsOf('SignedRequest')) assert.equal(read(codec, bytes), 'cannot be read');
  });

  test('has the methods of both services, with the paths and streams that gRPC needs', () => {
    for (const name of ['mco.v1.Node', 'mco.v1.Relay', 'grpc.health.v1.Health']) {
      const [loaded, built] = [protocol[name], written[name]] as ServiceDefinition[];
      assert.deepEqual(shapeOf(built), shapeOf(loaded));
    }
  });
});

function shapeOf(service: ServiceDefinition | undefined): unknown[] {
  assert.ok(service);
  return Object.entries(service).map(([name, { path, originalName, requestStream, responseStream }]) => ({
    ...{ name, path, originalName, requestStream, responseStream },
  }));
}
