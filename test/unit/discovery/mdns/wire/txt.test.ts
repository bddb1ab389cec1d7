import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { anyNodeSubtype, subtypeLabel } from '../../../../../src/discovery/mdns/wire/subtype.ts';
import { parseTxt, subtypesOf, txtEntries } from '../../../../../src/discovery/mdns/wire/txt.ts';

const claims = { agents: ['rpcutil', 'haproxy'], classes: ['base', 'lb'], facts: { cluster: 'bravo' } };

function read(entries: Record<string, string>) {
  return parseTxt(Object.entries(entries).map(([key, value]) => Buffer.from(`${key}=${value}`)));
}

describe('a TXT record', () => {
  test('transports facts, agents and classes unchanged', () => {
    assert.deepEqual(read(txtEntries('dev1.devco.net', claims)), claims);
  });

  test('spreads a long list over several strings, none over 255 bytes', () => {
    const agents = Array.from({ length: 30 }, (_, index) => `agent-${index}`);
    const entries = txtEntries('dev1', { ...claims, agents });
    assert.deepEqual(read(entries).agents, agents);
    assert.ok(Object.keys(entries).includes('a1'));
    for (const [key, value] of Object.entries(entries)) assert.ok(key.length + 1 + Buffer.byteLength(value) <= 255);
  });

  test('omits what does not fit: a fact whole, agents and classes together', () => {
    const agents = Array.from({ length: 200 }, (_, index) => `agent-${index}`);
    const entries = txtEntries('dev1', { agents, classes: ['base'], facts: { cluster: 'x'.repeat(300), a: '1' } });
    assert.deepEqual(read(entries), { agents: [], classes: [], facts: { a: '1' } });
  });

  test('never takes more than its share of a packet', () => {
    const facts = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`fact${index}`, 'v'.repeat(50)]));
    const size = Object.entries(txtEntries('dev1', { ...claims, facts })).reduce(
      (sum, [key, value]) => sum + key.length + value.length + 2,
      0,
    );
    assert.ok(size <= 450, String(size));
  });

  test('names an identity that its instance cannot hold', () => {
    const identity = `${'a'.repeat(60)}.${'b'.repeat(60)}.net`;
    assert.equal(read(txtEntries(identity, claims)).identity, identity);
  });

  test('cannot touch a prototype, nor grow without limit', () => {
    const hostile = parseTxt([
      Buffer.from('f.__proto__=x'),
      Buffer.from('f.constructor=y'),
      Buffer.from('no value'),
      Buffer.from([0xff, 0xfe]),
      ...Array.from({ length: 1000 }, (_, index) => Buffer.from(`f.k${index}=v`)),
    ]);
    assert.equal(({} as Record<string, unknown>).x, undefined);
    assert.equal(Object.getPrototypeOf(hostile.facts), Object.prototype);
    assert.ok(Object.keys(hostile.facts).length <= 64);
  });
});

describe('the subtypes of a node', () => {
  test('are one for each fact, agent and class', () => {
    const labels = subtypesOf(claims);
    assert.equal(labels.length, 5);
    assert.ok(labels.includes(subtypeLabel({ kind: 'fact', key: 'cluster', value: 'BRAVO' })));
    assert.ok(labels.includes(subtypeLabel({ kind: 'class', key: '', value: 'lb' })));
    assert.ok(!labels.includes(anyNodeSubtype));
  });

  test('report that they are incomplete', () => {
    const classes = Array.from({ length: 40 }, (_, index) => `class${index}`);
    const labels = subtypesOf({ ...claims, classes });
    assert.ok(labels.includes(anyNodeSubtype));
    assert.ok(labels.length <= 12);
  });

  test('report that a fact that clients filter by is not published', () => {
    assert.ok(subtypesOf({ ...claims, facts: {} }).includes(anyNodeSubtype));
  });
});
