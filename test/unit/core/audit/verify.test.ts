import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type AuditEvent, type ChainState, chainStart } from '../../../../src/core/audit/record.ts';
import { startAuditWalk, verifyAudit } from '../../../../src/core/audit/verify.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';
import { intent as intentOf, outcome, rotated, started, writeLog } from '../../../support/node/audit-lines.ts';

describe('an audit log that is verified', () => {
  let fleet: Fleet;
  let node: Member;
  let rip: Member;
  let lines: string[];

  before(async () => {
    fleet = await makeFleet();
    node = await fleet.node('dev2.devco.net');
    rip = await fleet.operator('rip@devco.net');
    lines = writeLog([started(node), intent('a'), outcome(2), intent('b'), outcome(4)], node.credentials);
  });
  after(() => fleet.remove());

  const intent = (text: string, change: object = {}) => intentOf(rip, text, change);
  const verify = (changed: readonly string[], head?: ChainState) => {
    return verifyAudit(changed.map((line) => `${line}\n`).join(''), fleet.trust, chainStart, head);
  };
  const fault = (changed: readonly string[], head?: ChainState) => verify(changed, head).fault;

  test('is valid when nothing was changed', () => {
    assert.deepEqual(verify(lines).fault, undefined);
    assert.equal(verify(lines).records, 5);
    assert.equal(verify(lines).end.sequence, 5);
  });

  test('names the record that was edited', () => {
    const edited = lines.with(1, (lines[1] ?? '').replace('"text":"a"', '"text":"A"'));
    assert.equal(fault(edited)?.code, 'edited');
    assert.equal(fault(edited)?.line, 2);
  });

  test('names the position of a removed record', () => {
    assert.deepEqual([fault(lines.toSpliced(2, 1))?.code, fault(lines.toSpliced(2, 1))?.line], ['removed', 3]);
    assert.equal(fault(lines.slice(1))?.code, 'removed', 'the first one');
  });

  test('names the position of swapped records', () => {
    const [a = '', b = '', c = '', d = '', e = ''] = lines;
    assert.deepEqual([fault([a, b, d, c, e])?.code, fault([a, b, d, c, e])?.line], ['removed', 3]);
  });

  test('detects a cut tail with a head that a caller kept, and not without one', () => {
    const head = verify(lines).end;
    assert.equal(fault(lines.slice(0, 3)), undefined, 'a file alone cannot prove its end');
    assert.equal(fault(lines.slice(0, 3), head)?.code, 'truncated');
    assert.equal(fault(lines.slice(0, -1), head)?.code, 'truncated', 'one record is missing');
    assert.equal(fault(lines, head), undefined);
  });

  test('accepts a missing beginning only when a record names its exact end', () => {
    const { end } = verify(lines);
    const deleted = (last: number, hash: string): AuditEvent => ({
      kind: 'deleted',
      files: [{ file: 'audit-000000000001.jsonl', first: 1, last, hash }],
    });
    const codeOf = (...events: AuditEvent[]) => {
      const walk = startAuditWalk(fleet.trust);
      for (const [index, text] of writeLog([rotated(node, 5), ...events], node.credentials, end).entries()) {
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

  test('detects a rewritten tail with a head that a caller kept', () => {
    const head = verify(lines).end;
    const start = verify(lines.slice(0, 3)).end;
    const rewritten = [...lines.slice(0, 3), ...writeLog([intent('c'), outcome(4)], node.credentials, start)];
    assert.equal(fault(rewritten), undefined, 'the node can rewrite its own file');
    assert.deepEqual([fault(rewritten, head)?.code, fault(rewritten, head)?.line], ['edited', 5]);
  });

  test('refuses records of another node or of a foreign CA', async () => {
    const other = await fleet.node('dev4.devco.net');
    const start = verify(lines).end;
    assert.equal(fault([...lines, ...writeLog([outcome(4)], other.credentials, start)])?.code, 'foreign');
    const foreign = await makeFleet();
    const stranger = await foreign.node('dev2.devco.net');
    assert.equal(fault(writeLog([started(stranger), intent('a')], stranger.credentials))?.code, 'foreign');
    await foreign.remove();
  });

  test('refuses a record of a request that its caller did not sign', () => {
    const lie = writeLog([started(node), intent('a', { arguments: { text: 'b' } })], node.credentials);
    assert.equal(fault(lie)?.code, 'forged-request');
    const unsigned = writeLog([started(node), intent('a', { request_signature: '' })], node.credentials);
    assert.equal(fault(unsigned)?.code, 'forged-request');
  });

  test('distinguishes a partial last line from an edited one', () => {
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
