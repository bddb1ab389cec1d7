import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type AuditEvent, type ChainState, chainStart, formatLine } from '../../../../src/core/audit/record.ts';
import { startAuditWalk, verifyAudit } from '../../../../src/core/audit/verify.ts';
import { type Credentials, sign } from '../../../../src/core/credentials/signature.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';
import { certificateOf, intent, outcome, rotated, started, writeLog } from '../../../support/node/audit-lines.ts';

let fleet: Fleet;
let node: Member;
let rip: Member;
let lines: string[];
before(async () => {
  fleet = await makeFleet();
  [node, rip] = [await fleet.node('dev2.devco.net'), await fleet.operator('rip@devco.net')];
  lines = write(started(node), intent(rip, 'a'), outcome(2), intent(rip, 'b'), outcome(4));
});
after(() => fleet.remove());

const write = (...events: AuditEvent[]) => writeLog(events, node.credentials);
const text = (some: readonly string[]) => some.map((line) => `${line}\n`).join('');
const verify = (some: readonly string[], from = chainStart) => verifyAudit(text(some), fleet.trust, from);
/** Code, line and words of what is wrong with a log. */
const wrong = (some: readonly string[], from?: ChainState) => {
  const { fault } = verify(some, from);
  return fault === undefined ? undefined : [fault.code, fault.line, fault.message];
};
const sole = (event: AuditEvent) => [formatLine(event, chainStart, node.credentials, Date.now())];

/** The faults of a log of this node without earlier records. */
const faultOf = (from: ChainState, events: readonly AuditEvent[]) => {
  const walk = startAuditWalk(fleet.trust);
  for (const [index, line] of writeLog(events, node.credentials, from).entries()) {
    const verdict = walk.step({ text: line, number: index + 1, torn: false }, 'audit.jsonl');
    if (verdict !== undefined) return verdict.fault;
  }
  return walk.end('first.jsonl', { file: 'audit.jsonl', line: events.length }).fault;
};
const endOf = (sequence: number): ChainState => ({ sequence, hash: 'a'.repeat(64) });

describe('the start and end of an audit log', () => {
  test('are its declared start, and after its last record', () => {
    const { end, records } = verify(lines.slice(0, 3));
    assert.deepEqual([verify(lines.slice(0, 3)).start, records, end.sequence], [chainStart, 3, 3]);
    const later = writeLog([started(node), outcome(4)], node.credentials, end);
    assert.deepEqual(wrong(later, end), undefined);
    assert.deepEqual([verify(later, end).start, verify(later, end).end.sequence], [end, 5]);
    assert.equal('fault' in verify(later, end), false);
    const other = { ...end, hash: 'f'.repeat(64) };
    assert.deepEqual(wrong(later, other), ['removed', 1, 'record 4 does not continue the record before it']);
  });

  test('are the start of every chain if the log is empty', () => {
    assert.deepEqual(verify([]), { records: 0, start: chainStart, end: chainStart });
    const { start, end, fault } = startAuditWalk(fleet.trust).end('', { file: '', line: 0 });
    assert.deepEqual([start, end, fault], [chainStart, chainStart, undefined]);
  });

  test('include a record of what was deleted before it, from the first record on', () => {
    for (const sequence of [1, 7]) {
      assert.deepEqual(faultOf(endOf(sequence), [rotated(node, sequence)]), {
        code: 'removed',
        message: `records 1 to ${sequence} are missing before it, and no record says that they were deleted`,
        file: 'first.jsonl',
        line: 1,
      });
      const deleted: AuditEvent = {
        kind: 'deleted',
        files: [
          { file: 'x', first: 1, last: 0, hash: '' },
          { file: 'y', first: 1, last: sequence, hash: 'a'.repeat(64) },
        ],
      };
      assert.equal(faultOf(endOf(sequence), [rotated(node, sequence), deleted, outcome(1)]), undefined);
    }
  });

  test('name the displaced log and the recorded cause', () => {
    const displaced = (found: 'missing' | 'cut'): AuditEvent => ({
      kind: 'displaced',
      found,
      kept: '',
      certificate: certificateOf(node),
    });
    const message = (found: 'missing' | 'cut') => faultOf(endOf(6), [displaced(found), outcome(1)])?.message;
    assert.equal(
      message('missing'),
      'records 1 to 6 are missing before it, and record 7 says that the log was moved away or removed',
    );
    assert.match(message('cut') ?? '', /was moved away or cut while the daemon did not run$/);
    assert.match(faultOf(endOf(6), [rotated(node, 6), displaced('cut')])?.message ?? '', /no record says/);
  });

  test('are at the first record of a file', () => {
    for (const sequence of [1, 6]) {
      const words = `record ${sequence + 1}: it is not the first of a file`;
      const fault = faultOf(endOf(sequence), [outcome(1)]);
      assert.deepEqual([fault?.code, fault?.message, fault?.line], ['removed', words, 1]);
    }
    const words = 'record 1 does not continue the record before it';
    assert.equal(faultOf({ sequence: 0, hash: 'a'.repeat(64) }, [started(node)])?.message, words);
  });

  test('do not come later than any head that callers hold, and they hold one of each record', () => {
    const [first, second] = [verify(lines.slice(0, 2)).end, verify(lines).end];
    const end = (...heads: ChainState[]) => {
      const walk = startAuditWalk(fleet.trust, { heads });
      for (const [index, line] of lines.entries()) {
        const verdict = walk.step({ text: line, number: index + 1, torn: false }, '');
        if (verdict !== undefined) return verdict.fault;
      }
      return walk.end('', { file: 'audit.jsonl', line: 5 }).fault;
    };
    assert.equal(end(first, second, first), undefined);
    const where = { file: 'audit.jsonl', line: 5 };
    assert.deepEqual(end(second, first, endOf(6)), {
      code: 'truncated',
      message: 'the log ends at record 5, but a caller holds a head of record 6',
      ...where,
    });
    const forked = 'callers hold two heads of record 9: the log was rewritten between them';
    assert.deepEqual(end(endOf(9), { ...endOf(9), hash: 'b'.repeat(64) }), {
      code: 'edited',
      message: forked,
      ...where,
    });
    assert.equal(
      end({ ...first, hash: 'b'.repeat(64) })?.message,
      'record 2 does not have the hash that a caller kept',
    );
  });
});

describe('a record of an audit log', () => {
  test('continues the one before it, by number and by hash', () => {
    const [a = '', b = '', c = '', d = '', e = ''] = lines;
    assert.deepEqual(wrong([a, c]), ['removed', 2, 'record 3: 1 record(s) before it are missing']);
    assert.deepEqual(wrong([a, d, e]), ['removed', 2, 'record 4: 2 record(s) before it are missing']);
    assert.deepEqual(wrong([a, b, b]), ['removed', 3, 'record 2: it comes after a later record']);
    const [other = ''] = writeLog([outcome(1)], node.credentials, { sequence: 2, hash: 'f'.repeat(64) });
    assert.deepEqual(wrong([a, b, other]), ['removed', 3, 'record 3 does not continue the record before it']);
  });

  test('is a JSON object with a number, a kind and a signature', () => {
    const malformed = (line: string, words: string) =>
      assert.deepEqual(wrong([...lines, line]), ['malformed', 6, `it is not an audit record: ${words}`], line);
    const signed = (record: object) => `${JSON.stringify(record).slice(0, -1)},"signature":"AAAA"}`;
    malformed(JSON.stringify({ sequence: 6, kind: 'x' }), 'it has no signature');
    malformed(`${signed({ sequence: 6, kind: 'x' })} `, 'it has no signature');
    malformed(signed({ sequence: '6', kind: 'x' }), 'it has no sequence number or kind');
    malformed(signed({ sequence: 6.5, kind: 'x' }), 'it has no sequence number or kind');
    malformed(signed({ sequence: 6 }), 'it has no sequence number or kind');
    malformed(signed({ sequence: 6, kind: 7 }), 'it has no sequence number or kind');
    malformed(',"signature":"AAAA"}', 'it has no signature');
    malformed('{,"signature":"AAAA"}', 'the line is not JSON');
  });

  test('is signed with the key of the latest certificate in the log', async () => {
    const next = await fleet.node('dev2.devco.net');
    const renewed: AuditEvent = { kind: 'certificate', version: '0.1.0', certificate: certificateOf(next) };
    const from = verify(lines).end;
    assert.equal(wrong([...lines, ...writeLog([renewed, outcome(4)], next.credentials, from)]), undefined);
    const edited = ['edited', 6, 'record 6: the signature of dev2.devco.net is not valid'];
    assert.deepEqual(wrong([...lines, ...writeLog([outcome(4)], next.credentials, from)]), edited);
    assert.deepEqual(wrong([...lines, ...writeLog([renewed], node.credentials, from)]), edited);
    const kind = outcome(4, { certificate: certificateOf(next), verdict: 'verified' });
    assert.equal(wrong([...lines, ...writeLog([kind, outcome(4)], node.credentials, from)]), undefined, 'brings none');
  });

  test('is not verified by any certificate if the log contains none', () => {
    const words = 'record 1: no certificate verifies it';
    assert.deepEqual(wrong(sole(outcome(1))), ['foreign', 1, words]);
    const bare = { kind: 'started', version: '0.1.0' } as AuditEvent;
    assert.deepEqual(wrong(sole(bare)), ['foreign', 1, words]);
    assert.deepEqual(wrong(sole(outcome(1, { certificate: certificateOf(node) }))), ['foreign', 1, words]);
  });

  test('belongs to the node of the certificate, and to the same node as all records before', async () => {
    const dev4 = await fleet.node('dev4.devco.net');
    const under = (member: Member, name = node.identity): Credentials => ({ ...member.credentials, identity: name });
    const bring = (member: Member, by: Credentials) => writeLog([started(member)], by);
    for (const [written, words] of [
      [bring(dev4, under(dev4)), 'record 1: it is the certificate of dev4.devco.net'],
      [bring(rip, under(rip)), 'record 1: rip@devco.net is an operator, and only a node may do this'],
      [sole({ ...started(node), certificate: 'AAAA' } as AuditEvent), 'record 1: the certificate cannot be read'],
    ] as const) {
      assert.deepEqual(wrong(written), ['foreign', 1, words]);
    }
    const mixed = [...lines, ...writeLog([started(dev4)], dev4.credentials, verify(lines).end)];
    const words = 'record 6 is of dev4.devco.net, those before are of dev2.devco.net';
    assert.deepEqual(wrong(mixed), ['foreign', 6, words]);
  });

  test('explains deleted files only by a list of them', () => {
    const files = [{ file: 'x', first: 1, last: 6, hash: 'a'.repeat(64) }];
    const codeAfter = (event: object) => faultOf(endOf(6), [rotated(node, 6), event as AuditEvent])?.code;
    assert.equal(codeAfter({ kind: 'deleted', files }), undefined);
    assert.equal(codeAfter(outcome(1, { files })), 'removed');
    for (const other of [undefined, 7, {}, [null], ['x'], [{}]]) {
      assert.equal(codeAfter({ kind: 'deleted', files: other }), 'removed', JSON.stringify(other));
    }
  });
});

describe('a request in an audit log', () => {
  /** The faults of a log whose second record has this request. */
  const wrongIntent = (change: object, by = rip) => wrong(write(started(node), intent(by, 'a', change)));

  for (const [field, value] of [
    ['request_id', 'b'.repeat(32)],
    ['try', 2],
    ['run_id', 'r'],
    ['step', 's'],
    ['agent', 'other'],
    ['action', 'count'],
    ['dry_run', true],
    ['request_time', 1],
    ['arguments', { text: 'b' }],
    ['arguments', {}],
  ] as const) {
    test(`is what its caller signed: ${field} ${JSON.stringify(value)}`, () => {
      const words = 'record 2: it does not contain what the caller signed';
      assert.deepEqual(wrongIntent({ [field]: value }), ['forged-request', 2, words]);
    });
  }

  test('belongs to its caller, by a certificate of an operator', async () => {
    assert.equal(wrongIntent({}), undefined);
    assert.deepEqual(wrongIntent({ caller: 'cert=eve@devco.net' }), [
      'forged-request',
      2,
      'record 2: it was signed by rip@devco.net',
    ]);
    const words = 'record 2: dev2.devco.net is a node, and only an operator may do this';
    assert.deepEqual(wrongIntent({}, node), ['forged-request', 2, words]);
  });

  test('can be read, and is signed as a request', () => {
    const forged = (change: object) => {
      const [code, , words] = wrongIntent(change) ?? [];
      assert.equal(code, 'forged-request');
      return words;
    };
    assert.equal(forged({ request_signature: '' }), 'record 2: the signature of the caller is not valid');
    assert.equal(forged({ caller_certificate: '' }), 'record 2: the certificate cannot be read');
    assert.equal(forged({ caller_certificate: 7 }), 'record 2: the request cannot be read');
    const bytes = Buffer.from([0xff]);
    const signed = (context: 'request' | 'reply') => ({
      request: bytes.toString('base64'),
      request_signature: sign(context, bytes, rip.key).toString('base64'),
    });
    assert.equal(forged(signed('reply')), 'record 2: the signature of the caller is not valid');
    assert.equal(forged(signed('request')), 'record 2: the Request cannot be decoded');
  });

  test('is not checked if the node has refused it as not proven', () => {
    for (const verdict of ['bad-signature', 'rate-limited']) {
      assert.equal(wrongIntent({ verdict, request: '', request_signature: '', caller: 'node=x' }), undefined, verdict);
    }
  });
});
