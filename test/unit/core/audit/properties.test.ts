import assert from 'node:assert/strict';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { parseHeads } from '../../../../src/library/fleet/heads.ts';
import { type AuditEvent, formatLine, hashLine, splitLine } from '../../../../src/core/audit/record.ts';
import { verifyAudit } from '../../../../src/core/audit/verify.ts';
import { Problem } from '../../../../src/core/errors.ts';
import { openAuditLog } from '../../../../src/daemon/audit/audit-log.ts';
import { startCallMemory } from '../../../../src/daemon/calls/call-memory.ts';
import { runInProcess } from '../../../support/program/cli.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';
import { startTestNode } from '../../../support/node/node.ts';
import { holds, mutated, reached } from '../../../support/property/property.ts';

let fleet: Fleet;
let member: Member;
let log: Buffer;
let files = 0;

before(async () => {
  fleet = await makeFleet();
  member = await fleet.node('dev2.devco.net');
  const rip = await fleet.operator('rip@devco.net');
  const node = await startTestNode(fleet, { name: 'dev2.devco.net' });
  for (let call = 0; call < 3; call++) await node.call(rip, { input: { text: `call ${call}` } });
  await node.call(rip, { action: 'fail', input: {} });
  await node.daemon.stop();
  log = await readFile(node.auditFile);
});
after(() => fleet.remove());

const anyKind = fc.constantFrom('intent', 'outcome', 'started', 'rotated', 'deleted', 'recovered', 'stopped', 'x');
/** A line that is nearly a record: of any kind, with any fields, and perhaps a signature. */
const anyLine = fc
  .tuple(
    fc.record({ sequence: fc.oneof(fc.nat({ max: 9 }), fc.anything()), kind: fc.oneof(anyKind, fc.anything()) }),
    fc.dictionary(
      fc.constantFrom(
        'intent',
        'outcome',
        'files',
        'certificate',
        'request',
        'arguments',
        'time',
        'node',
        'previous',
        'caller',
        'agent',
        'action',
        'verdict',
        'code',
        'request_time',
        'request_id',
        'caller_certificate',
      ),
      fc.oneof(fc.constantFrom('verified', new Date().toISOString(), 'AAAA', 0, null), fc.jsonValue()),
    ),
    fc.constantFrom(',"signature":"AAAA"}', '}', ''),
  )
  .map(([head, fields, tail]) => `${JSON.stringify({ ...head, ...fields }).slice(0, -1)}${tail}`);
/** A record of the log with another value in one of its fields, or without it; its signature is as it was. */
const spoiltLine = fc
  .tuple(fc.nat(), fc.nat(), fc.option(fc.jsonValue(), { nil: undefined }))
  .map(([which, field, value]) => {
    const lines = log.toString().trimEnd().split('\n');
    const record = JSON.parse(lines[which % lines.length] ?? '') as Record<string, unknown>;
    const keys = Object.keys(record).filter((key) => key !== 'signature');
    return JSON.stringify({ ...record, [keys[field % keys.length] ?? '']: value });
  });
const line = fc.oneof(anyLine, spoiltLine);
const linesOf = (one: fc.Arbitrary<string>) =>
  fc.array(one, { minLength: 1, maxLength: 5 }).map((lines) => `${lines.join('\n')}\n`);
const anyLog = fc.oneof(
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
  { weight: 1, arbitrary: linesOf(line) },
  { weight: 5, arbitrary: linesOf(spoiltLine) },
);
/** Records of calls as they were written, in any order, among others. */
const mixedLog = linesOf(
  fc.oneof(
    { weight: 1, arbitrary: spoiltLine },
    {
      weight: 3,
      arbitrary: fc.nat().map((which) => {
        const calls = log
          .toString()
          .split('\n')
          .filter((text) => text.includes('"kind":"intent"'));
        return calls[which % calls.length] ?? '';
      }),
    },
  ),
);

describe('an audit log after random changes', () => {
  test('is verified or reported with the position of the fault, and nothing else', () => {
    holds(
      fc.property(anyLog, (text) => {
        const { fault, records } = verifyAudit(text, fleet.trust);
        if (fault !== undefined && fault.code !== 'torn' && fault.code !== 'malformed') reached();
        assert.equal(records, 0);
        if (text !== '') assert.ok(fault !== undefined && fault.line >= 1 && fault.code !== '');
      }),
      1000,
    );
  });

  test('is refused at the first changed record, or at the next, which is chained to it', () => {
    holds(
      fc.property(mutated(log), (changed) => {
        if (changed.equals(log)) return;
        reached();
        const same = commonLines(changed, log);
        const { fault, records } = verifyAudit(changed.toString('latin1'), fleet.trust);
        // A file alone does not reveal a cut at the end of a line.
        const isCut = log.subarray(0, changed.length).equals(changed) && (changed.at(-1) ?? 10) === 10;
        if (fault === undefined) assert.ok(isCut || isSameButForSignature(changed), 'nothing was found');
        else assert.ok(records === same || records === same + 1, `${records} of ${same} hold`);
      }),
      1000,
    );
  });

  test('is shown as far as it can be read, with every other line named', async () => {
    const directory = await mkdtemp(join(fleet.dir, 'shown-'));
    await holds(
      fc.asyncProperty(fc.oneof({ weight: 1, arbitrary: anyLog }, { weight: 5, arbitrary: mixedLog }), async (text) => {
        const file = join(directory, `${files++ % 50}.jsonl`);
        await writeFile(file, text);
        const plain = await runInProcess(['audit', 'show', '--file', file], fleet.dir);
        assert.ok([0, 2].includes(plain.code), plain.err.join());
        const json = await runInProcess(['audit', 'show', '--file', file, '--json'], fleet.dir);
        assert.equal(json.code, plain.code, json.err.join());
        if (plain.out.length > 0) reached();
        assert.equal((JSON.parse(json.out.join('\n')) as unknown[]).length, plain.out.length);
      }),
      100,
    );
  });

  test('is continued, or refused, when a daemon starts on it', async () => {
    const directory = await mkdtemp(join(fleet.dir, 'opened-'));
    const before = line.map((one) => `${one}\n${log}`);
    await holds(
      fc.asyncProperty(fc.oneof(anyLog, before), async (text) => {
        const file = join(directory, `${files++}.jsonl`);
        await writeFile(file, text);
        try {
          const opened = await openAuditLog(file, () => member.credentials, Date.now);
          startCallMemory(opened.recent, Date.now);
          reached();
          await opened.append({ kind: 'stopped', version: '1', certificate: '' }, false);
          await opened.close();
        } catch (error) {
          assert.ok(error instanceof Problem && error.code === 'audit-failed', String(error));
        }
      }),
      100,
    );
  });
});

describe('an audit log with random content', () => {
  test('has heads, kept by callers, that are read or refused', () => {
    const anyHead = fc.record({
      sequence: fc.nat(),
      hash: fc.constant('0'.repeat(64)),
      signature: fc.string(),
      certificate: fc.string(),
      received: fc.string(),
    });
    const whole = fc
      .dictionary(fc.constantFrom('dev1', 'dev2', 'lb1'), anyHead, { minKeys: 1 })
      .map((heads) => JSON.stringify({ heads }));
    const anyHeads = fc.oneof(
      fc.json(),
      fc
        .record({
          heads: fc.dictionary(fc.string(), fc.oneof(fc.jsonValue(), anyHead)),
        })
        .map((value) => JSON.stringify(value)),
      whole,
      whole,
    );
    holds(
      fc.property(anyHeads, (text) => {
        try {
          const heads = parseHeads(text, 'f');
          if (heads.size > 0) reached();
          for (const { sequence } of heads.values()) assert.ok(Number.isSafeInteger(sequence));
        } catch (error) {
          assert.ok(error instanceof Problem && error.code === 'bad-heads', String(error));
        }
      }),
    );
  });

  test('continues as one chain after any content', () => {
    const event: fc.Arbitrary<AuditEvent> = fc.record(
      { kind: fc.constant('recovered'), torn_bytes: fc.nat(), torn: fc.string({ unit: 'binary' }) },
      { noNullPrototype: true },
    );
    const certificate = () => member.certificate.raw.toString('base64');
    holds(
      fc.property(fc.array(event, { maxLength: 5 }), (events) => {
        let state = { sequence: 0, hash: '0'.repeat(64) };
        const lines = [{ kind: 'started', version: '', certificate: certificate() } as AuditEvent, ...events].map(
          (one) => {
            const line = formatLine(one, state, member.credentials, Date.now());
            state = { sequence: state.sequence + 1, hash: hashLine(line) };
            return `${line}\n`;
          },
        );
        const { fault, end } = verifyAudit(lines.join(''), fleet.trust);
        if (events.length > 0) reached();
        assert.deepEqual([fault, end], [undefined, state]);
      }),
      100,
    );
  });
});

/** Whole lines from the beginning that are in both. */
function commonLines(a: Buffer, b: Buffer): number {
  const differs = a.findIndex((byte, index) => byte !== b[index]);
  const common = differs < 0 ? a : a.subarray(0, differs);
  return common.filter((byte) => byte === 10).length;
}

/** The last line's signature can be written in more than one way: nothing is chained to it yet. */
function isSameButForSignature(changed: Buffer): boolean {
  const [ours, theirs] = [changed, log].map((bytes) => bytes.toString('latin1').trimEnd().split('\n'));
  if (ours === undefined || theirs === undefined || ours.length !== theirs.length) return false;
  const rest = ours.slice(0, -1).every((line, index) => line === theirs[index]);
  return rest && splitLine(ours.at(-1) ?? '')?.body === splitLine(theirs.at(-1) ?? '')?.body;
}
