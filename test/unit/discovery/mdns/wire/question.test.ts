import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decode } from 'dns-packet';
import { encodeQuestions, encodeWithNames } from '../../../../../src/discovery/mdns/wire/question.ts';

describe('a question', () => {
  test('requests the service type without a filter', () => {
    const [packet] = encodeQuestions(7, [{ kind: 'all' }]);
    assert.ok(packet);
    const { id, questions } = decode(packet);
    assert.equal(id, 7);
    assert.deepEqual(questions, [{ name: '_mco-deploy._tcp.local', type: 'PTR', class: 'IN' }]);
  });

  test('requests several subtypes in one packet', () => {
    const [packet, ...more] = encodeQuestions(1, [
      { kind: 'subtype', label: 'aa' },
      { kind: 'subtype', label: 'bb' },
    ]);
    assert.ok(packet);
    assert.deepEqual(more, []);
    assert.deepEqual(
      decode(packet).questions?.map(({ name }) => name),
      ['_aa._sub._mco-deploy._tcp.local', '_bb._sub._mco-deploy._tcp.local'],
    );
  });

  test('writes an instance name with dots as one label', () => {
    const [packet] = encodeQuestions(1, [{ kind: 'instance', instance: 'dev1.devco.net' }]);
    assert.ok(packet);
    assert.equal(packet[12], 'dev1.devco.net'.length);
    assert.equal(decode(packet).questions?.[0]?.type, 'ANY');
  });

  test('lists the digests of up to 320 instances in its one packet, and names more', () => {
    const known = Array.from({ length: 321 }, (_, index) => `dev${index}.devco.net`);
    const subtypes = [
      { kind: 'subtype', label: 'aa' },
      { kind: 'subtype', label: 'bb' },
    ] as const;
    const [packet = Buffer.alloc(0), ...more] = encodeQuestions(3, subtypes, known.slice(1));
    assert.deepEqual(more, []);
    assert.ok(packet.length <= 1400);
    const { questions = [], answers, additionals = [], flag_tc: isTruncated } = decode(packet);
    assert.deepEqual([questions.length, answers, isTruncated], [2, [], false]);
    const [record] = additionals;
    assert.ok(record?.type === 'OPT' && additionals.length === 1);
    assert.deepEqual(
      record.options.map((option) => [option.code, option.data?.length]),
      [[65_316, 1280]],
    );
    assert.deepEqual(encodeQuestions(3, subtypes, known), encodeWithNames(3, subtypes, known));
  });

  test('for an instance lists nothing', () => {
    const question = { kind: 'instance', instance: 'dev1.devco.net' } as const;
    assert.deepEqual(encodeQuestions(1, [question], ['dev2.devco.net']), encodeQuestions(1, [question]));
  });

  test('spreads many known answers over packets that fit, and all but the last are marked as incomplete', () => {
    const known = Array.from({ length: 100 }, (_, index) => `dev${index}.devco.net`);
    const packets = encodeWithNames(3, [{ kind: 'all' }], known);
    assert.ok(packets.length > 1);
    const decoded = packets.map((packet) => decode(packet));
    assert.deepEqual(
      decoded.map(({ flag_tc }) => flag_tc),
      packets.map((_, index) => index < packets.length - 1),
    );
    assert.deepEqual(
      decoded.map(({ questions }) => questions?.length),
      packets.map((_, index) => (index === 0 ? 1 : 0)),
    );
    for (const packet of packets) assert.ok(packet.length <= 1400);
    const names = decoded.flatMap(({ answers = [] }) => answers.map((one) => (one.type === 'PTR' ? one.data : '')));
    assert.deepEqual(
      names,
      known.map((name) => `${name}._mco-deploy._tcp.local`),
    );
  });

  test('has at most 60 known answers in a packet, and names what it already has by a pointer', () => {
    const short = Array.from({ length: 61 }, (_, index) => `w${index}`);
    for (const question of [{ kind: 'all' }, { kind: 'subtype', label: 'aa' }] as const) {
      assert.deepEqual(
        [60, 61].map((count) =>
          encodeWithNames(3, [question], short.slice(0, count)).map((one) => decode(one).answers?.length),
        ),
        [[60], [60, 1]],
      );
      const [packet, second] = encodeWithNames(3, [question], short);
      for (const one of [packet, second]) {
        const text = one?.toString('latin1') ?? '';
        assert.equal(text.split('_mco-deploy').length, 2, 'the type of service is written once');
      }
    }
  });
});
