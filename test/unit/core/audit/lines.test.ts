import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { headVerifies, signHead } from '../../../../src/core/audit/head.ts';
import {
  type AuditRecord,
  chainStart,
  type EndedRecord,
  formatLine,
  hashLine,
  splitLine,
} from '../../../../src/core/audit/record.ts';
import { formatEntry, joinEntries, outcomeOf } from '../../../../src/core/audit/show.ts';
import { sign, verifies } from '../../../../src/core/credentials/signature.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';
import { intent, outcome } from '../../../support/node/audit-lines.ts';

let fleet: Fleet;
let node: Member;
let rip: Member;
before(async () => {
  fleet = await makeFleet();
  [node, rip] = [await fleet.node('dev2.devco.net'), await fleet.operator('rip@devco.net')];
});
after(() => fleet.remove());

describe('a line of the audit log', () => {
  test('is JSON, whose last key is the signature over all before it', () => {
    const state = { sequence: 4, hash: 'a'.repeat(64) };
    const line = formatLine(outcome(3), state, node.credentials, 5);
    const { signature, ...record } = JSON.parse(line) as Record<string, unknown>;
    const time = '1970-01-01T00:00:00.005Z';
    const { kind, ...fields } = outcome(3);
    const expected = { v: 1, sequence: 5, time, node: 'dev2.devco.net', kind, ...fields, previous: state.hash };
    assert.deepEqual(record, expected);
    assert.equal(line.indexOf('{"v":1,"sequence":5,'), 0);
    const parts = splitLine(line);
    assert.deepEqual(parts, { body: JSON.stringify(record), signature: Buffer.from(String(signature), 'base64') });
    const body = Buffer.from(parts?.body ?? '');
    assert.ok(verifies('audit-record', body, parts?.signature ?? body, node.certificate));
    assert.equal(hashLine(line), createHash('sha256').update(line).digest('hex'));
  });

  test('has its signature in the last of the keys of that name', () => {
    const line = formatLine(outcome(1, { message: ',"signature":"AAAA"}' }), chainStart, node.credentials, 5);
    assert.match(splitLine(line)?.body ?? '', /"previous":"0{64}"\}$/);
  });

  test('has something before its signature, and nothing after it', () => {
    for (const line of ['', '{}', ',"signature":"AAAA"}', '{"a":1,"signature":"AAAA"', '{"a":1,"signature":"AAAA"} ']) {
      assert.equal(splitLine(line), undefined, line);
    }
    assert.equal(splitLine('{,"signature":"AAAA"}')?.body, '{}');
  });
});

describe('the end of a log that a node signs', () => {
  test('holds for that node, that record and that hash alone', async () => {
    const state = { sequence: 7, hash: 'ab'.repeat(32) };
    const head = signHead(state, node.credentials);
    assert.deepEqual([head.sequence, head.hash.toString('hex')], [7, state.hash]);
    const { certificate } = node;
    assert.equal(headVerifies(head, 'dev2.devco.net', certificate), true);
    assert.equal(headVerifies(head, 'dev4.devco.net', certificate), false);
    assert.equal(headVerifies({ ...head, sequence: 8 }, 'dev2.devco.net', certificate), false);
    assert.equal(headVerifies({ ...head, hash: Buffer.alloc(32) }, 'dev2.devco.net', certificate), false);
    assert.equal(headVerifies(head, 'dev2.devco.net', rip.certificate), false);
    const bytes = Buffer.from(`dev2.devco.net\0${7}\0${state.hash}`);
    const other = { ...head, signature: sign('audit-record', bytes, node.key) };
    assert.equal(headVerifies(other, 'dev2.devco.net', certificate), false, 'a signature for something else');
  });
});

describe('the requests of a log', () => {
  const record = (sequence: number, event: object) =>
    ({ v: 1, sequence, time: 't', node: 'dev2', previous: '', ...event }) as AuditRecord;
  const asked = (change: object = {}) =>
    record(2, intent(rip, 'a', { request_id: 'f'.repeat(32), request_time: 1_700_000_000_999, ...change }));
  const only = (...records: AuditRecord[]) => joinEntries(records)[0] ?? assert.fail();
  const line = `reqid=${'f'.repeat(32)}: reqtime=1700000000 caller=cert=rip@devco.net agent=probe action=echo data={"text":"a"}`;

  test('each have the outcome that names them, and how they ended if nobody waited', () => {
    const [other, third] = [record(3, intent(rip, 'b')), record(5, intent(rip, 'c'))];
    const ended = { kind: 'ended', intent: 2, outcome: 'failed', code: 'timeout' };
    const records = [
      record(1, { kind: 'started' }),
      asked(),
      other,
      record(4, outcome(2, { code: 'detached' })),
      third,
      record(6, outcome(3)),
      record(7, ended),
    ];
    const entries = joinEntries(records);
    assert.deepEqual(
      entries.map((entry) => [entry.intent.sequence, entry.outcome?.code]),
      [
        [2, 'timeout'],
        [3, ''],
        [5, undefined],
      ],
    );
    assert.equal('outcome' in (entries[2] ?? {}), false);
    assert.equal(only(asked(), record(3, outcome(2, { recorded: true }))).outcome?.recorded, true);
    const became = outcomeOf(record(7, ended) as AuditRecord & EndedRecord);
    assert.deepEqual(became, { ...record(7, ended), kind: 'outcome', recorded: false });
  });

  test('are shown in the form of the seed, in one line', () => {
    assert.equal(formatEntry(only(asked())), `${line} outcome=unknown`);
    assert.equal(formatEntry(only(asked(), record(3, outcome(2)))), `${line} outcome=ok`);
    const refused = outcome(2, { outcome: 'refused', code: 'policy-denied' });
    const dry = asked({ dry_run: true });
    assert.equal(formatEntry(only(dry, record(3, refused))), `${line} dryrun=true outcome=refused code=policy-denied`);
    const odd = formatEntry(only(asked({ agent: 'a b', arguments: { text: 'x\u001b[2J\ny' } })));
    assert.match(odd, / agent="a b" /);
    assert.doesNotMatch(odd, /[\u0000-\u001f]/);
  });
});
