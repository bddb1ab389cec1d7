import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decode, encode, type Packet } from 'dns-packet';
import { dropOthersAnswers } from '../../../../../src/discovery/mdns/wire/known-answers.ts';
import { encodeWithNames, type Question } from '../../../../../src/discovery/mdns/wire/question.ts';

const service = '_mco-deploy._tcp.local';
const all: Question = { kind: 'all' };
const names = (count: number) => Array.from({ length: count }, (_, index) => `dev${index}.devco.net`);

const pointsTo = (packet: Buffer) =>
  (decode(packet).answers ?? []).map((one) => (one.type === 'PTR' ? one.data : assert.fail(one.type)));

function query(answers: Packet['answers'], more: Partial<Packet> = {}): Buffer {
  return encode({ type: 'query', id: 7, questions: [{ name: service, type: 'PTR' }], answers, ...more });
}

/** The second question's answer is, as a whole, a pointer to the first one's. */
function packetWithPointer(): Buffer {
  const [packet = Buffer.alloc(0)] = encodeWithNames(7, [all, { kind: 'subtype', label: 'aa' }], ['a', 'b']);
  return packet;
}

const pointer = (data: string, ttl = 4500) => ({ type: 'PTR', name: service, data, ttl }) as const;

describe('a query with known answers', () => {
  test('keeps its question, and only the answer about the own instance', () => {
    for (const question of [all, { kind: 'subtype', label: 'aa' } as const]) {
      const [packet = Buffer.alloc(0), ...more] = encodeWithNames(7, [question], names(20));
      assert.deepEqual(more, []);
      const { answers, ...rest } = decode(packet);
      for (const [own, expected] of [
        ['dev3.devco.net', [`dev3.devco.net.${service}`]],
        ['DEV3.devco.net', [`dev3.devco.net.${service}`]],
        ['dev0.devco.net', [`dev0.devco.net.${service}`]],
        ['dev.devco.net', []],
        ['dev33.devco.net', []],
      ] as const) {
        const kept = dropOthersAnswers(packet, own);
        const { answers: left, ...others } = decode(kept);
        assert.deepEqual(others, rest);
        assert.deepEqual(pointsTo(kept), expected, own);
        assert.deepEqual(
          left,
          answers?.filter((one) => one.type === 'PTR' && expected.includes(one.data as never)),
          own,
        );
      }
    }
  });

  test('has none left where it had one, of another instance, and stays as it is where that is the own', () => {
    const packet = query([pointer(`a.${service}`)]);
    assert.deepEqual(dropOthersAnswers(packet, 'b'), query([]));
    assert.equal(dropOthersAnswers(packet, 'a'), packet);
  });

  test('of several packets, each keeps that more follow', () => {
    const packets = encodeWithNames(7, [all], names(150));
    assert.ok(packets.length > 2);
    const kept = packets.map((packet) => dropOthersAnswers(packet, 'dev70.devco.net'));
    assert.deepEqual(
      kept.map((packet) => decode(packet).flag_tc),
      packets.map((_, index) => index < packets.length - 1),
    );
    const about = kept.flatMap(pointsTo).filter((name) => name === `dev70.devco.net.${service}`);
    assert.equal(about.length, 1);
    const none = packets.map((packet) => dropOthersAnswers(packet, 'web1.devco.net'));
    assert.deepEqual(none.flatMap(pointsTo), []);
  });

  test('has the own answer whole, where its names pointed to the answer of another', () => {
    const [, last = Buffer.alloc(0), ...more] = encodeWithNames(7, [all], names(70));
    assert.deepEqual(more, []);
    const own = `dev69.devco.net.${service}`;
    assert.ok(last.indexOf('dev69.devco.net') > 0 && last.indexOf('_mco-deploy') < last.indexOf('dev69.devco.net'));
    assert.deepEqual(decode(dropOthersAnswers(last, 'dev69.devco.net')), {
      ...decode(last),
      answers: decode(last).answers?.filter((one) => one.type === 'PTR' && one.data === own),
    });
  });

  test('stays as it is where the own answer is damaged, or not shorter without those of others', () => {
    const [, last = Buffer.alloc(0)] = encodeWithNames(7, [all], names(70));
    const damaged = Buffer.from(last);
    const label = damaged.indexOf('dev69.devco.net');
    damaged.writeUInt16BE(0xffff, label + 'dev69.devco.net'.length);
    assert.equal(dropOthersAnswers(damaged, 'dev69.devco.net'), damaged);
    const itself = Buffer.from(last);
    itself.writeUInt16BE(0xc000 | (label - 13), label - 13);
    assert.notDeepEqual(itself, last);
    assert.equal(dropOthersAnswers(itself, 'dev69.devco.net'), itself);
    const [packet = Buffer.alloc(0)] = encodeWithNames(7, [all], ['own', 'OWN', 'oWn', 'b']);
    assert.equal(dropOthersAnswers(packet, 'own'), packet);
    assert.notEqual(dropOthersAnswers(packet, 'b'), packet);
  });

  test('is shorter, or stays as it is: also where it would be as long', () => {
    const sizes = Array.from({ length: 63 }, (_, index) => {
      const [packet = Buffer.alloc(0)] = encodeWithNames(7, [all], ['own', 'b'.repeat(index + 1)]);
      const kept = dropOthersAnswers(packet, 'own');
      assert.ok(kept === packet || kept.length < packet.length, `${index + 1}`);
      return packet.length - kept.length;
    });
    assert.deepEqual([sizes[0], sizes.indexOf(1) > 0], [0, true]);
  });

  test('may have labels of 63 bytes, and stays as it is where one is longer', () => {
    for (const size of [62, 63, 64, 65, 0xbf]) {
      const packet = query([pointer(`${'x'.repeat(size)}.${service}`)]);
      assert.ok(packet.includes(Buffer.from([size, 0x78])));
      assert.equal(dropOthersAnswers(packet, 'web1') === packet, size > 63, `${size}`);
    }
  });

  test('stays as it is when it has anything but pointers to instances', () => {
    const others = [pointer(`a.${service}`), pointer(`b.${service}`)];
    const cases: [string, Buffer][] = [
      ['no answer', query([])],
      ['a response', encode({ type: 'response', answers: others })],
      ['a type of service', query([...others, { ...pointer(service), name: '_services._dns-sd._udp.local' }])],
      ['another record', query([...others, { type: 'TXT', name: `a.${service}`, data: 'x' }])],
      ['another record with a name', query([...others, { type: 'CNAME', name: service, data: `c.${service}` }])],
      ['a pointer in place of a name', packetWithPointer()],
      ['a probe', query(others, { authorities: [{ type: 'A', name: 'host.local', data: '10.0.0.1' }] })],
      ['an additional record', query(others, { additionals: [{ type: 'A', name: 'host.local', data: '10.0.0.1' }] })],
      ['a pointer to an instance as an authority', query(others, { authorities: [pointer(`c.${service}`)] })],
      ['a pointer to an instance beside the answers', query(others, { additionals: [pointer(`c.${service}`)] })],
      ['more bytes than records', Buffer.concat([query(others), Buffer.of(0)])],
      ['fewer bytes than a header', query(others).subarray(0, 11)],
    ];
    for (const [what, packet] of cases) assert.equal(dropOthersAnswers(packet, 'web1'), packet, what);
    assert.notEqual(dropOthersAnswers(query(others), 'web1').length, query(others).length);
  });

  test('that is cut off or damaged anywhere is handed on, and never throws', () => {
    const [packet = Buffer.alloc(0)] = encodeWithNames(7, [all], names(5));
    let changed = 0;
    for (let length = 0; length < packet.length; length++) {
      const cut = packet.subarray(0, length);
      assert.equal(dropOthersAnswers(cut, 'web1'), cut, `${length} bytes`);
    }
    for (let at = 0; at < packet.length; at++)
      for (const value of [0, 1, 0x3f, 0x40, 0x80, 0xc0, 0xff]) {
        const damaged = Buffer.from(packet);
        damaged[at] = value;
        const kept = dropOthersAnswers(damaged, 'web1');
        assert.ok(kept.length <= damaged.length);
        if (kept !== damaged) changed++;
      }
    assert.ok(changed > packet.length, 'damage within names and lifetimes does not stop it');
  });
});
