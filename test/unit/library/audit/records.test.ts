import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { auditDdl } from '../../../../src/agents/audit/ddl.ts';
import { hashLine } from '../../../../src/core/audit/record.ts';
import type { JsonObject } from '../../../../src/core/json.ts';
import { okReply, type ReplyContent } from '../../../../src/core/request/reply.ts';
import { noFindings } from '../../../../src/discovery/directory.ts';
import type { FoundNode } from '../../../../src/discovery/findings.ts';
import type { AuditOptions } from '../../../../src/library/api.ts';
import { checkRecords } from '../../../../src/library/audit/check-records.ts';
import { readTrail } from '../../../../src/library/audit/trail.ts';
import type { Session } from '../../../../src/library/fleet/session.ts';
import { type Fleet, makeFleet, type Member } from '../../../support/fleet/fleet.ts';
import { signingNode, unwell } from '../../../support/fleet/signing-node.ts';
import { intent, outcome, started, writeLog } from '../../../support/node/audit-lines.ts';
import { testProblem } from '../../../support/test-problem.ts';

const node = 'dev2.devco.net';
let fleet: Fleet;
let dev2: Member;
let dev3: Member;
let rip: Member;
let lines: string[];
before(async () => {
  fleet = await makeFleet();
  [dev2, dev3] = [await fleet.node(node), await fleet.node('dev3.devco.net')];
  rip = await fleet.operator('rip@devco.net');
  lines = writeLog([started(dev2), intent(rip, 'a'), outcome(2)], dev2.credentials);
});
after(() => fleet.remove());

describe('the records that a node returned', () => {
  const check = (some: readonly string[], certificates = lines.slice(0, 1)) => {
    const { records, hashes, findings } = checkRecords({ node, lines: some, certificates }, fleet.trust);
    return {
      sequences: records.map(({ record }) => record.sequence),
      hashes,
      codes: findings.map(({ code }) => code),
      findings,
    };
  };

  test('count if the node signed them with a certificate that it named, and so did the callers of their requests', () => {
    const { sequences, hashes, findings } = check(lines);
    assert.deepEqual([sequences, findings], [[1, 2, 3], []]);
    assert.deepEqual(
      [...hashes],
      lines.map((line, index) => [index + 1, hashLine(line)]),
    );
  });

  test('do not count if they were edited, or are not records', () => {
    const edited = (lines[1] ?? '').replace('"agent":"probe"', '"agent":"prober"');
    const { sequences, findings, hashes } = check([edited, 'no record', lines[2] ?? '']);
    assert.deepEqual(findings, [
      { node, code: 'edited', message: `record 2: the signature of ${node} is not valid` },
      { node, code: 'malformed', message: 'it has no signature' },
    ]);
    assert.deepEqual([sequences, [...hashes.keys()]], [[3], [3]]);
  });

  test('do not count if another node signed them, whichever name they have, nor with the name of another', () => {
    const foreign = writeLog([started(dev3), outcome(1)], dev3.credentials);
    assert.deepEqual(check(foreign, [foreign[0] ?? '']).codes, ['foreign', 'edited', 'edited']);
    // With the name of this node in the records, and the certificate of the other.
    const posing = { ...dev3.credentials, identity: dev2.credentials.identity };
    const posed = writeLog([started(dev3), outcome(1)], posing);
    const { codes, sequences } = check(posed, [posed[0] ?? '']);
    assert.deepEqual([codes.slice(1), sequences], [['edited', 'edited'], []]);
    assert.equal(codes.length, 3);
    // With the name of another node, and the signature of this one.
    const naming = { ...dev2.credentials, identity: dev3.credentials.identity };
    const named = check(writeLog([started(dev2), outcome(1)], naming));
    assert.deepEqual([named.codes, named.sequences], [['edited', 'edited'], []]);
  });

  test('do not count without a record that names the certificate', () => {
    assert.deepEqual(check(lines, []).codes, ['edited', 'edited', 'edited']);
    const { codes, findings } = check(lines.slice(1, 2), lines.slice(1, 2));
    assert.deepEqual(codes, ['foreign', 'edited']);
    assert.equal(findings[0]?.message, `record 2 contains no certificate of ${node}`);
  });

  test('count with a fault if the request in them is not the one that was signed', () => {
    const forged = intent(rip, 'a', { arguments: { text: 'b' } });
    const log = writeLog([started(dev2), forged], dev2.credentials);
    const { codes, sequences } = check(log, log.slice(0, 1));
    assert.deepEqual([codes, sequences], [['forged-request'], [1, 2]]);
  });
});

describe('the audit trail of a fleet', () => {
  /** Reads it from nodes that give these pages, one a call. */
  function start(pages: Readonly<Record<string, readonly (ReplyContent | JsonObject)[]>>, options: AuditOptions = {}) {
    const inputs: unknown[] = [];
    const nodes = Object.entries(pages).map(([name, replies]) => {
      const member = [dev2, dev3].find(({ identity }) => identity.name === name) as Member;
      const rest = [...replies];
      const answer = ({ input }: { input: JsonObject }) => {
        inputs.push(input);
        const reply = rest.shift() ?? assert.fail('no further page is there');
        return 'outcome' in reply ? (reply as ReplyContent) : okReply(reply);
      };
      return signingNode(member, ['audit'], { answer });
    });
    const released: string[] = [];
    const session = {
      config: { timeout: 5 },
      caller: { credentials: rip.credentials, trust: fleet.trust },
      find: async () => ({ ...noFindings, nodes: nodes.map(({ found }) => found) }),
      release: (some: readonly FoundNode[]) => void released.push(...some.map(({ name }) => name)),
    } as unknown as Session;
    const read = async () => {
      const seen: string[] = [];
      for await (const entry of readTrail(options, session, [auditDdl], new AbortController().signal)) {
        assert.equal((entry.record as { sequence?: number }).sequence, entry.sequence);
        seen.push(`${entry.node} ${entry.sequence} ${entry.kind}`);
      }
      return seen;
    };
    return { read, inputs, released };
  }
  const page = (some: readonly string[], next = 0) => ({ lines: some, certificates: lines.slice(0, 1), next });

  test('is read page by page from each node, until there is no further page', async () => {
    const other = writeLog([started(dev3)], dev3.credentials);
    const since = new Date('2026-01-02T03:04:05Z');
    const run = 'a'.repeat(32);
    const { read, inputs, released } = start(
      {
        [node]: [page(lines.slice(0, 2), 2), page(lines.slice(2))],
        'dev3.devco.net': [{ ...page(other), certificates: other }],
      },
      { run, since },
    );
    assert.deepEqual(await read(), [
      `${node} 1 started`,
      `${node} 2 intent`,
      `${node} 3 outcome`,
      'dev3.devco.net 1 started',
    ]);
    const query = { run, since: '2026-01-02T03:04:05.000Z' };
    assert.deepEqual(inputs, [
      { ...query, after: 0 },
      { ...query, after: 2 },
      { ...query, after: 0 },
    ]);
    assert.deepEqual(released, [node, 'dev3.devco.net']);
  });

  test('ends although a node names the same page again', async () => {
    const request = 'b'.repeat(32);
    const { read, inputs } = start({ [node]: [page(lines.slice(0, 2), 2), page(lines.slice(2), 2)] }, { request });
    assert.equal((await read()).length, 3);
    assert.deepEqual(inputs[1], { request, after: 2 });
  });

  test('ends with the reason of a node, after what came before, and releases the nodes', async () => {
    const denied = unwell('refused', testProblem('policy-denied', 'no right'));
    for (const [reply, code, message] of [
      [denied, 'policy-denied', `the audit log of ${node}: no right`],
      [{ lines: [7], certificates: [], next: 0 }, 'bad-reply', `the audit log of ${node}: it returned no records`],
      [{ lines: [], certificates: 'x', next: 0 }, 'bad-reply', `the audit log of ${node}: it returned no records`],
      [page(['no record']), 'malformed', `the audit log of ${node}: it has no signature`],
    ] as const) {
      const { read, released } = start({ [node]: [page(lines.slice(0, 1), 1), reply] });
      await assert.rejects(read(), (error: { code?: string; message: string }) => {
        assert.equal(error.message, message);
        assert.ok(error.code === code || error.code === 'bad-reply', error.code);
        return true;
      });
      assert.deepEqual(released, [node]);
    }
  });
});
