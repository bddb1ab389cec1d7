import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  type AuditEvent,
  type ChainState,
  chainStart,
  formatLine,
  hashLine,
} from '../../../../src/core/audit/record.ts';
import { startAuditWalk, verifyAudit } from '../../../../src/core/audit/verify.ts';
import { sealRequest } from '../../../../src/core/request/request.ts';
import { requestCodec } from '../../../../src/core/wire/codec.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';
import { orderFor } from '../../../support/node/node.ts';

describe('an audit log that is verified', () => {
  let fleet: Fleet;
  let node: Member;
  let rip: Member;
  let lines: string[];

  before(async () => {
    fleet = await makeFleet();
    node = await fleet.node('dev2.devco.net');
    rip = await fleet.operator('rip@devco.net');
    lines = write([started(node), intent('a'), outcome(2), intent('b'), outcome(4)], node);
  });
  after(() => fleet.remove());

  const started = (member: Member): AuditEvent => ({
    kind: 'started',
    version: '0.1.0',
    certificate: member.certificate.raw.toString('base64'),
  });
  const intent = (text: string, change: object = {}): AuditEvent => {
    const signed = sealRequest(orderFor('dev2.devco.net', { input: { text } }), rip.credentials, Date.now());
    const request = requestCodec.decode(signed.request);
    return {
      kind: 'intent',
      request_id: request.requestId,
      try: 1,
      run_id: '',
      step: '',
      caller: 'cert=rip@devco.net',
      agent: 'probe',
      action: 'echo',
      dry_run: false,
      arguments: { text },
      request_time: request.issuedAt,
      verdict: 'verified',
      request: signed.request.toString('base64'),
      request_signature: signed.signature.toString('base64'),
      caller_certificate: rip.certificate.raw.toString('base64'),
      ...change,
    };
  };
  const outcome = (of: number): AuditEvent => ({
    kind: 'outcome',
    intent: of,
    request_id: 'f'.repeat(32),
    try: 1,
    outcome: 'ok',
    status: 0,
    code: '',
    message: '',
    recorded: false,
  });
  const write = (events: readonly AuditEvent[], by: Member, from: ChainState = chainStart): string[] => {
    let state = from;
    return events.map((event) => {
      const line = formatLine(event, state, by.credentials, Date.now());
      state = { sequence: state.sequence + 1, hash: hashLine(line) };
      return line;
    });
  };
  const verify = (changed: readonly string[], head?: ChainState) => {
    return verifyAudit(changed.map((line) => `${line}\n`).join(''), fleet.trust, chainStart, head);
  };
  const fault = (changed: readonly string[], head?: ChainState) => verify(changed, head).fault;

  test('is valid when nothing was touched', () => {
    assert.deepEqual(verify(lines).fault, undefined);
    assert.equal(verify(lines).records, 5);
    assert.equal(verify(lines).end.sequence, 5);
  });

  test('names the record that was edited', () => {
    const edited = lines.with(1, (lines[1] ?? '').replace('"text":"a"', '"text":"A"'));
    assert.equal(fault(edited)?.code, 'edited');
    assert.equal(fault(edited)?.line, 2);
  });

  test('names where a record was removed', () => {
    assert.deepEqual([fault(lines.toSpliced(2, 1))?.code, fault(lines.toSpliced(2, 1))?.line], ['removed', 3]);
    assert.equal(fault(lines.slice(1))?.code, 'removed', 'the first one');
  });

  test('names where records were swapped', () => {
    const [a = '', b = '', c = '', d = '', e = ''] = lines;
    assert.deepEqual([fault([a, b, d, c, e])?.code, fault([a, b, d, c, e])?.line], ['removed', 3]);
  });

  test('detects a cut tail by a head that a caller kept, and not without', () => {
    const head = verify(lines).end;
    assert.equal(fault(lines.slice(0, 3)), undefined, 'a file alone cannot prove its end');
    assert.equal(fault(lines.slice(0, 3), head)?.code, 'truncated');
    assert.equal(fault(lines.slice(0, -1), head)?.code, 'truncated', 'one record is missing');
    assert.equal(fault(lines, head), undefined);
  });

  test('accepts a missing beginning only when a record names its exact end', () => {
    const rotated: AuditEvent = {
      kind: 'rotated',
      file: 'audit-000000000001.jsonl',
      first: 1,
      last: 5,
      certificate: node.certificate.raw.toString('base64'),
    };
    const { end } = verify(lines);
    const deleted = (last: number, hash: string): AuditEvent => ({
      kind: 'deleted',
      files: [{ file: 'audit-000000000001.jsonl', first: 1, last, hash }],
    });
    const codeOf = (...events: AuditEvent[]) => {
      const walk = startAuditWalk(fleet.trust);
      for (const [index, text] of write([rotated, ...events], node, end).entries()) {
        assert.equal(walk.step({ text, number: index + 1, torn: false }, 'audit.jsonl'), undefined);
      }
      return walk.end('audit.jsonl', { file: 'audit.jsonl', line: 1 }).fault?.code;
    };
    assert.equal(codeOf(), 'removed');
    assert.equal(codeOf(deleted(end.sequence, end.hash)), undefined);
    assert.equal(codeOf(deleted(end.sequence, 'f'.repeat(64))), 'removed', 'another file of that number');
    assert.equal(codeOf(deleted(end.sequence - 1, end.hash)), 'removed', 'an earlier end');
    assert.equal(codeOf(outcome(4)), 'removed');
  });

  test('detects a rewritten tail by a head that a caller kept', () => {
    const head = verify(lines).end;
    const start = verify(lines.slice(0, 3)).end;
    const rewritten = [...lines.slice(0, 3), ...write([intent('c'), outcome(4)], node, start)];
    assert.equal(fault(rewritten), undefined, 'the node can rewrite its own file');
    assert.deepEqual([fault(rewritten, head)?.code, fault(rewritten, head)?.line], ['edited', 5]);
  });

  test('refuses records of another node or of a foreign CA', async () => {
    const other = await fleet.node('dev4.devco.net');
    const start = verify(lines).end;
    assert.equal(fault([...lines, ...write([outcome(4)], other, start)])?.code, 'foreign');
    const foreign = await makeFleet();
    const stranger = await foreign.node('dev2.devco.net');
    assert.equal(fault(write([started(stranger), intent('a')], stranger))?.code, 'foreign');
    await foreign.remove();
  });

  test('refuses a record of a request that its caller did not sign', () => {
    const lie = write([started(node), intent('a', { arguments: { text: 'b' } })], node);
    assert.equal(fault(lie)?.code, 'forged-request');
    const unsigned = write([started(node), intent('a', { request_signature: '' })], node);
    assert.equal(fault(unsigned)?.code, 'forged-request');
  });

  test('distinguishes half a last line from an edited one', () => {
    const text = `${lines.join('\n')}\n{"v":1,"sequ`;
    const { fault: found } = verifyAudit(text, fleet.trust);
    assert.equal(found?.code, 'torn');
    assert.equal(found?.line, 6);
  });

  test('reports a line that is not a record as malformed', () => {
    for (const line of ['', 'x', '{}', '[1]', '{"signature":"AA=="}', '{"a":1,"signature":"']) {
      assert.equal(fault([...lines, line])?.code, 'malformed', line);
    }
  });
});
