import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encode, type Packet } from 'dns-packet';
import { isListed } from '../../../../../src/discovery/mdns/wire/known-digests.ts';
import { encodeQuestions, type Question } from '../../../../../src/discovery/mdns/wire/question.ts';

const service = '_mco-deploy._tcp.local';
const own = 'web1.devco.net';
const all: Question = { kind: 'all' };
const subtype: Question = { kind: 'subtype', label: 'aa' };

const listing = (questions: readonly Question[] = [all], known: readonly string[] = ['web0.devco.net', own], id = 7) =>
  encodeQuestions(id, questions, known)[0] ?? assert.fail();

/** The record with the digests, of a packet that begins as the open question does. */
const recordOf = (packet: Buffer) => packet.subarray(listing([all], []).length);

function changed(change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(listing());
  change(copy);
  return copy;
}

describe('a question that lists digests', () => {
  test('needs no answer of the instances that it lists', () => {
    for (const questions of [[all], [subtype], [subtype, { kind: 'subtype', label: 'any' } as const]])
      for (const instance of ['web0.devco.net', own, 'WEB1.devco.net'])
        assert.equal(isListed(listing(questions), instance), true, instance);
  });

  test('needs the answer of any other', () => {
    for (const instance of ['web2.devco.net', 'web1', '']) assert.equal(isListed(listing(), instance), false, instance);
    assert.equal(isListed(listing([all], []), own), false);
  });

  test('has other digests under another number, so that two names do not share one forever', () => {
    assert.notDeepEqual(recordOf(listing()), recordOf(listing([all], ['web0.devco.net', own], 8)));
    assert.equal(
      isListed(
        changed((copy) => copy.writeUInt16BE(8, 0)),
        own,
      ),
      false,
    );
  });

  test('needs an answer if it may ask for more, or has more to say', () => {
    const record = recordOf(listing());
    const query = (packet: object) => {
      const bytes = Buffer.concat([encode({ type: 'query', id: 7, ...packet } as Packet), record]);
      bytes.writeUInt16BE(1, 10);
      return bytes;
    };
    const ask = (name: string, type: 'PTR' | 'A' | 'ANY' = 'PTR') => ({ name, type }) as const;
    const host = { type: 'A', name: 'mco-1.local', data: '10.0.0.1' } as const;
    assert.equal(isListed(query({ questions: [ask(service)] }), own), true);
    for (const packet of [
      query({ questions: [] }),
      query({ questions: [ask('mco-1.local', 'A')] }),
      query({ questions: [ask(service), ask('mco-1.local', 'A')] }),
      query({ questions: [ask(service, 'ANY')] }),
      query({ questions: [ask('_services._dns-sd._udp.local')] }),
      query({ questions: [ask(service)], type: 'response' }),
      query({ questions: [ask(service)], answers: [host] }),
      query({ questions: [ask(service)], authorities: [host] }),
    ])
      assert.equal(isListed(packet, own), false);
  });

  test('counts as any other if its record is damaged, or another one', () => {
    const packet = listing();
    const at = packet.length - recordOf(packet).length;
    for (let length = 0; length < packet.length; length++)
      assert.equal(isListed(packet.subarray(0, length), own), false);
    for (const [what, change] of [
      ['a name', (copy: Buffer) => copy.writeUInt8(1, at)],
      ['another type', (copy: Buffer) => copy.writeUInt16BE(16, at + 1)],
      ['another length of its data', (copy: Buffer) => copy.writeUInt16BE(13, at + 9)],
      ['another option', (copy: Buffer) => copy.writeUInt16BE(65_317, at + 11)],
      ['another length of the option', (copy: Buffer) => copy.writeUInt16BE(9, at + 13)],
      ['an answer', (copy: Buffer) => copy.writeUInt16BE(1, 6) && copy.writeUInt16BE(0, 10)],
    ] as const)
      assert.equal(isListed(changed(change), own), false, what);
    assert.equal(isListed(Buffer.concat([packet, Buffer.alloc(4)]), own), false);
    for (let byte = 0; byte < packet.length; byte++)
      for (const value of [0, 1, 0x3f, 0xc0, 0xff])
        assert.doesNotThrow(() =>
          isListed(
            changed((copy) => copy.writeUInt8(value, byte)),
            own,
          ),
        );
  });
});
