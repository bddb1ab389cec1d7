import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decode, encode, type Packet } from 'dns-packet';
import { isAnswered } from '../../../../../src/discovery/mdns/wire/answered.ts';
import { encodeWithNames, type Question } from '../../../../../src/discovery/mdns/wire/question.ts';

const service = '_mco-deploy._tcp.local';
const subtype = `_aa._sub.${service}`;
const all: Question = { kind: 'all' };
const own = 'web1';

const asks = (name = service, more: object = {}) => ({ name, type: 'PTR', class: 'IN', ...more }) as const;
const pointer = (more: object = {}) =>
  ({ type: 'PTR', class: 'IN', name: service, data: `${own}.${service}`, ttl: 4500, ...more }) as const;

/** As this program writes them, but not by its code. */
function query(questions: readonly object[], answers: readonly object[], more: Partial<Packet> = {}): Buffer {
  return encode({ type: 'query', id: 7, questions, answers, ...more } as Packet);
}

function changed(packet: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(packet);
  change(copy);
  return copy;
}

describe('a query needs no answer of a node', () => {
  test('that it lists as known', () => {
    const label = { kind: 'subtype', label: 'aa' } as const;
    for (const questions of [[all], [label], [label, { kind: 'subtype', label: 'any' } as const], [all, label]]) {
      const [packet = Buffer.alloc(0)] = encodeWithNames(7, questions, ['a.devco.net', 'dev1.devco.net']);
      for (const instance of ['a.devco.net', 'dev1.devco.net', 'DEV1.devco.net'])
        assert.equal(isAnswered(packet, instance), true, instance);
      for (const instance of ['dev2.devco.net', 'dev1', 'devco.net', 'ev1.devco.net', ''])
        assert.equal(isAnswered(packet, instance), false, instance);
    }
  });

  test('in any case of letters, with or without compressed names, and with other known answers around it', () => {
    const other = pointer({ data: `db1.${service}` });
    for (const packet of [
      query([asks()], [pointer()]),
      query([asks('_MCO-Deploy._TCP.local')], [pointer({ data: `WEB1.${service.toUpperCase()}` })]),
      query([asks()], [other, pointer(), other]),
      query([asks()], [{ type: 'TXT', name: `x.${service}`, data: 'x' }, pointer()]),
      query([asks(subtype)], [pointer({ name: subtype })]),
      query([asks(), asks(subtype)], [pointer({ name: subtype }), pointer()]),
    ])
      assert.equal(isAnswered(packet, own), true);
  });

  test('also if its last record is empty', () => {
    const empty = Buffer.of(0, 0, 10, 0, 1, 0, 0, 0, 0, 0, 0);
    const packet = Buffer.concat([query([asks()], [pointer()]), empty]);
    packet.writeUInt16BE(2, 6);
    assert.equal(isAnswered(packet, own), true);
    assert.equal(isAnswered(packet.subarray(0, -1), own), false);
  });

  test('also if it asks for answers by unicast, or says that more known answers follow', () => {
    const packet = query([asks()], [pointer()]);
    const byUnicast = changed(packet, (copy) => copy.writeUInt16BE(0x8001, 12 + service.length + 2 + 2));
    assert.equal(decode(byUnicast).questions?.[0]?.name, service);
    assert.equal(isAnswered(byUnicast, own), true);
    const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = encodeWithNames(
      7,
      [all],
      Array.from({ length: 70 }, (_, index) => `dev${index}.devco.net`),
    );
    assert.equal(decode(first).flag_tc, true);
    assert.equal(isAnswered(first, 'dev3.devco.net'), true);
    assert.equal(isAnswered(first, 'dev69.devco.net'), false);
    assert.equal(isAnswered(second, 'dev69.devco.net'), false, 'a packet without a question answers none');
  });

  test('only while half of the lifetime is left', () => {
    for (const [ttl, expected] of [
      [2249, false],
      [2250, true],
      [4500, true],
      [0, false],
      [0x8000_0000, true],
    ] as const)
      assert.equal(isAnswered(query([asks()], [pointer({ ttl })]), own), expected, `${ttl}`);
  });

  test('only if it asks for nothing else, and has nothing else to say', () => {
    const host = { type: 'A', name: 'mco-1.local', data: '10.0.0.1' } as const;
    const inPointers = query([asks()], [pointer()]);
    const cases: [string, Buffer][] = [
      ['no answer', query([asks()], [])],
      ['no question', query([], [pointer()])],
      ['a response', query([asks()], [pointer()], { type: 'response' })],
      ['a probe', query([asks()], [pointer()], { authorities: [host] })],
      ['an additional record', query([asks()], [pointer()], { additionals: [host] })],
      ['another question', query([asks(), asks('mco-1.local', { type: 'A' })], [pointer()])],
      ['a question for the instance', query([asks(), asks(`${own}.${service}`)], [pointer()])],
      ['the list of services', query([asks('_services._dns-sd._udp.local')], [pointer()])],
      ['both lists', query([asks(), asks('_services._dns-sd._udp.local')], [pointer()])],
      ['a subtype that is not answered', query([asks(), asks(subtype)], [pointer()])],
      ['the service, of which only a subtype is answered', query([asks()], [pointer({ name: subtype })])],
      ['a name below a subtype', query([asks(`x.${subtype}`)], [pointer({ name: `x.${subtype}` })])],
      ['another service', query([asks('_http._tcp.local')], [pointer({ name: '_http._tcp.local' })])],
      ['another domain', query([asks(`${service}.x`)], [pointer({ name: `${service}.x` })])],
      ['all types', query([asks(service, { type: 'ANY' })], [pointer()])],
      ['another type', query([asks(service, { type: 'SRV' })], [pointer()])],
      ['all classes', query([asks(service, { class: 'ANY' })], [pointer()])],
      ['another class', query([asks(service, { class: 'CH' })], [pointer()])],
      ['a known answer of another class', query([asks()], [pointer({ class: 'CH' })])],
      ['a known answer of another type', query([asks()], [pointer({ type: 'CNAME' })])],
      ['another instance', query([asks()], [pointer({ data: `web11.${service}` })])],
      ['its name in another domain', query([asks()], [pointer({ data: `${own}.${service}.x` })])],
      ['its name in parts', query([asks()], [pointer({ data: `a.${own}.${service}` })])],
      ['more bytes than records', Buffer.concat([inPointers, Buffer.of(0)])],
      ['another operation', changed(inPointers, (copy) => copy.writeUInt16BE(0x2800, 2))],
    ];
    for (const [what, packet] of cases) assert.equal(isAnswered(packet, own), false, what);
    assert.equal(isAnswered(inPointers, own), true);
  });

  test('never if its name with dots is written as several labels', () => {
    const packet = query([asks()], [pointer({ data: `dev1.devco.net.${service}` })]);
    assert.equal(isAnswered(packet, 'dev1.devco.net'), false);
  });

  test('never if it is cut off, or has names that lead nowhere', () => {
    const [packet = Buffer.alloc(0)] = encodeWithNames(7, [all], [own]);
    assert.equal(isAnswered(packet, own), true);
    for (let length = 0; length < packet.length; length++)
      assert.equal(isAnswered(packet.subarray(0, length), own), false, `${length} bytes`);
    const owner = 12 + service.length + 2 + 4;
    assert.equal(packet.readUInt16BE(owner), 0xc00c, 'a pointer to the name of the question');
    for (const target of [owner, owner + 2, 0x3fff, 0])
      assert.equal(
        isAnswered(
          changed(packet, (copy) => copy.writeUInt16BE(0xc000 | target, owner)),
          own,
        ),
        false,
        `${target}`,
      );
    for (let at = 0; at < packet.length; at++)
      for (const value of [0, 1, 0x3f, 0x40, 0x80, 0xc0, 0xff])
        assert.doesNotThrow(() =>
          isAnswered(
            changed(packet, (copy) => copy.writeUInt8(value, at)),
            own,
          ),
        );
  });
});
