import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decode, encode } from 'dns-packet';
import { chooseNeeded } from '../../../../src/discovery/mdns/needed-packets.ts';
import { encodeQuestions, encodeWithNames, type Question } from '../../../../src/discovery/mdns/wire/question.ts';

const service = '_mco-deploy._tcp.local';
const all: Question = { kind: 'all' };
const names = (count: number) => Array.from({ length: count }, (_, index) => `dev${index}.devco.net`);

/** A choice under a clock that stands still. */
function choice(instance: string) {
  const clock = { now: 1000 };
  return { clock, needed: chooseNeeded(instance, () => clock.now) };
}

const packetsOf = (count: number): [Buffer, Buffer] => {
  const [first, last, ...more] = encodeWithNames(7, [all], names(count));
  assert.ok(first !== undefined && last !== undefined && more.length === 0);
  return [first, last];
};

describe('the responder of a node', () => {
  test('reads a question, without the known answers of others', () => {
    const { needed } = choice('web1.devco.net');
    const [open = Buffer.alloc(0)] = encodeQuestions(7, [all]);
    assert.equal(needed(open), open);
    const [listing = Buffer.alloc(0)] = encodeWithNames(7, [all], names(20));
    assert.deepEqual(needed(listing), open);
  });

  test('reads no question that lists its digest', () => {
    const [packet = Buffer.alloc(0)] = encodeQuestions(7, [all], names(20));
    assert.equal(choice('dev3.devco.net').needed(packet), undefined);
    assert.equal(choice('web1.devco.net').needed(packet), packet);
  });

  test('reads no question that lists the node as known, and none of the packets that belong to it', () => {
    const { needed } = choice('dev3.devco.net');
    for (const packet of packetsOf(70)) assert.equal(needed(packet), undefined);
  });

  test('reads the rest of a truncated question, and that only while ciao waits for it', () => {
    const { clock, needed } = choice('dev69.devco.net');
    const [first, last] = packetsOf(70);
    assert.equal(needed(last), undefined);
    assert.equal(decode(needed(first) ?? assert.fail()).flag_tc, true);
    clock.now += 499;
    const [pointer, ...others] = decode(needed(last) ?? assert.fail()).answers ?? [];
    assert.deepEqual(others, []);
    assert.equal(pointer?.type === 'PTR' && pointer.data, `dev69.devco.net.${service}`);
    clock.now += 1;
    assert.equal(needed(last), undefined);
  });

  test('reads responses and probes as they are, also without a question', () => {
    const { needed } = choice('web1.devco.net');
    const record = {
      type: 'SRV',
      name: `web1.devco.net.${service}`,
      data: { port: 1, target: 'mco-1.local' },
    } as const;
    const name = `web1.devco.net.${service}`;
    for (const packet of [
      encode({ type: 'response', answers: [record] }),
      encode({ type: 'query', questions: [{ name, type: 'SRV' }], authorities: [record] }),
      encode({ type: 'query', authorities: [record] }),
    ])
      assert.equal(needed(packet), packet);
  });

  test('reads nothing about other services, and no packet that promises more than it holds', () => {
    const { needed } = choice('web1.devco.net');
    const about = (name: string) => encode({ type: 'query', questions: [{ name, type: 'PTR' }] });
    assert.equal(needed(about('_http._tcp.local')), undefined);
    for (const name of ['_services._dns-sd._udp.local', 'MCO-0123456789abcdef.local'])
      assert.equal(needed(about(name))?.length, about(name).length);
    const promising = about(service);
    promising.writeUInt16BE(64, 6);
    assert.equal(needed(promising), undefined);
  });
});
