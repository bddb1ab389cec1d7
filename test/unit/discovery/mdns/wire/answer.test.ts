import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Answer, encode } from 'dns-packet';
import fc from 'fast-check';
import { parseAnswers, parseProbe } from '../../../../../src/discovery/mdns/wire/answer.ts';
import { holds, reached } from '../../../../support/property/property.ts';

const name = 'dev1._mco-deploy._tcp.local';
const records: Answer[] = [
  { type: 'PTR', name: '_mco-deploy._tcp.local', data: name, ttl: 10 },
  { type: 'SRV', name, data: { port: 5810, target: 'mco-1.local' }, ttl: 10 },
  { type: 'TXT', name, data: ['v=1', 'f.cluster=bravo', 'a0=rpcutil', 'c0=base'], ttl: 10 },
  { type: 'A', name: 'mco-1.local', data: '10.0.0.1', ttl: 10 },
  { type: 'AAAA', name: 'mco-1.local', data: 'fe80::1', ttl: 10 },
  { type: 'A', name: 'other.local', data: '10.0.0.99', ttl: 10 },
];
const response = (answers: Answer[], flags = 0x400) => encode({ type: 'response', id: 1, flags, answers });

describe('a reply', () => {
  test('is read from any records that contain it', () => {
    assert.deepEqual(parseAnswers(response(records)), [
      {
        identity: 'dev1',
        instance: 'dev1',
        target: 'mco-1.local',
        port: 5810,
        addresses: ['10.0.0.1', 'fe80::1'],
        claims: { agents: ['rpcutil'], classes: ['base'], facts: { cluster: 'bravo' } },
        leaves: false,
      },
    ]);
  });

  test('announces the end of a node with a lifetime of zero', () => {
    const [answer] = parseAnswers(response(records.map((record) => ({ ...record, ttl: 0 }) as Answer)));
    assert.equal(answer?.leaves, true);
  });

  test('is ignored if it is of another service, without a port, or without a node name', () => {
    const srv = (instance: string, port: number): Answer => ({
      type: 'SRV',
      name: instance,
      data: { port, target: 'h.local' },
    });
    for (const record of [
      srv('dev1._http._tcp.local', 80),
      srv('dev1._mco-deploy._tcp.local', 0),
      srv('../etc._mco-deploy._tcp.local', 5810),
      srv('dev 1._mco-deploy._tcp.local', 5810),
      srv('_mco-deploy._tcp.local', 5810),
    ]) {
      assert.deepEqual(parseAnswers(response([record])), []);
    }
  });

  test('is ignored if it is a question, or carries an error or an operation', () => {
    assert.deepEqual(parseAnswers(encode({ type: 'query', answers: records })), []);
    assert.deepEqual(parseAnswers(response(records, 0x403)), []);
    assert.deepEqual(parseAnswers(response(records, 0x2800)), []);
  });

  test('is ignored if its counts exceed its bytes', () => {
    const packet = response(records);
    packet.writeUInt16BE(60_000, 6);
    assert.deepEqual(parseAnswers(packet), []);
  });

  test('is ignored if a name points at itself', () => {
    const loop = Buffer.concat([
      Buffer.from([0, 1, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0]),
      Buffer.from([0xc0, 12, 0, 12, 0, 1, 0, 0, 0, 1, 0, 14]),
      Buffer.from('\x0b_mco-deploy\xc0\x0c', 'latin1'),
    ]);
    assert.deepEqual(parseAnswers(loop), []);
  });

  test('never throws: random bytes, and good packets cut or changed anywhere', () => {
    const good = response(records);
    holds(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        // Flags of a good answer, and few records: else all of it would be passed over at once.
        const packet = Buffer.concat([good.subarray(0, 7), Buffer.from(bytes)]);
        for (const given of [Buffer.from(bytes), packet]) {
          for (const { identity } of parseAnswers(given)) assert.match(identity, /^[a-z0-9.-]+$/);
          parseProbe(given);
        }
        reached();
      }),
    );
    holds(
      fc.property(fc.nat(good.length), fc.nat(good.length - 1), fc.nat(255), (cut, at, value) => {
        const bent = Buffer.from(good);
        bent[at] = value;
        const answers = [...parseAnswers(bent), ...parseAnswers(bent.subarray(0, cut))];
        if (answers.length > 0) reached();
        for (const { identity, port } of answers) {
          assert.match(identity, /^[a-z0-9.-]+$/);
          assert.ok(port > 0 && port < 65_536);
        }
        bent[2] = 0;
        parseProbe(bent);
      }),
      2000,
    );
  });

  test('shows in a probe who is about to take a name', () => {
    const probe = encode({ type: 'query', questions: [{ type: 'A', name }], authorities: records });
    assert.equal(parseProbe(probe)[0]?.target, 'mco-1.local');
    assert.deepEqual(parseProbe(response(records)), []);
  });
});
