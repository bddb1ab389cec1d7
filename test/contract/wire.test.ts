import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { describeProto, descriptorFile } from '../../build/protocol/generate-descriptor.ts';
import { requestCodec } from '../../src/core/wire/codec.ts';

test('the built-in descriptor is the one of the proto', () => {
  const built = JSON.parse(readFileSync(descriptorFile, 'utf8')) as unknown;
  assert.deepEqual(built, JSON.parse(describeProto()), 'run: sh build/node24 build/protocol/generate-descriptor.ts');
});

test('the messages in memory have exactly the fields of the proto', () => {
  const types = readFileSync(join(import.meta.dirname, '../../src/core/wire/messages.ts'), 'utf8');
  const described = JSON.parse(describeProto()) as Descriptor;
  const messages = described.nested.mco.nested.v1.nested;
  const renamed: Record<string, string> = { Filter: 'FilterTerms' };
  let compared = 0;
  for (const [name, { fields }] of Object.entries(messages)) {
    if (fields === undefined) continue;
    const body = new RegExp(`interface ${renamed[name] ?? name} \\{([^}]*)\\}`).exec(types)?.[1] ?? '';
    const declared = [...body.matchAll(/^ {2}(\w+)\??:/gm)].map(([, field]) => field);
    assert.deepEqual(declared.toSorted(), Object.keys(fields).toSorted(), name);
    compared++;
  }
  assert.ok(compared > 20, String(compared));
});

interface Descriptor {
  nested: { mco: { nested: { v1: { nested: Record<string, { fields?: Record<string, unknown> }> } } } };
}

test('a request survives encoding and decoding', () => {
  const request = {
    protocol: 1,
    requestId: 'f'.repeat(32),
    try: 2,
    nonce: Buffer.alloc(16, 1),
    target: 'dev2.devco.net',
    caller: 'mco://devco.net/operator/rip@devco.net',
    runId: 'r',
    step: 's',
    lease: 'app/bravo',
    fence: Number.MAX_SAFE_INTEGER,
    agent: 'appmgr',
    action: 'upgrade',
    arguments: Buffer.from('{"revision":"1.10"}'),
    issuedAt: 1_795_000_000_000,
    timeToLive: 60_000,
    deadline: 1_795_000_060_000,
    dryRun: true,
    filter: { facts: ['cluster=bravo'], classes: [], agents: [], identities: [], with: [], select: '' },
    knownSequence: 4711,
    knownHash: Buffer.alloc(32, 7),
    detach: true,
  };
  assert.deepEqual(requestCodec.decode(requestCodec.encode(request)), request);
});
