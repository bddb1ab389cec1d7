import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { startAudit } from '../../../../src/agents/audit/agent.ts';
import { readRecords, recordsLimits } from '../../../../src/agents/audit/records.ts';
import {
  type AuditEvent,
  type ChainState,
  chainStart,
  formatLine,
  hashLine,
} from '../../../../src/core/audit/record.ts';
import { actionContext, agentSetup, fixedNode, temporaryDirectory } from '../../../support/agents/agent-setup.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';
import { certificateOf, intent, outcome, rotated, started } from '../../../support/node/audit-lines.ts';

let fleet: Fleet;
let node: Member;
let rip: Member;
const directory = temporaryDirectory();
const file = join(directory, 'audit.jsonl');
const archive = join(directory, 'audit-000000000001.jsonl');
/** A whole second, ten minutes ago: the certificates are valid then. */
const begin = Math.floor(Date.now() / 1000) * 1000 - 600_000;
const at = (seconds: number) => new Date(begin + seconds * 1000).toISOString();
before(async () => {
  fleet = await makeFleet();
  [node, rip] = [await fleet.node('dev2.devco.net'), await fleet.operator('rip@devco.net')];
});
beforeEach(() => {
  for (const path of [file, archive]) rmSync(path, { force: true });
});
after(() => fleet.remove());

/**
 * Lines whose records are one second apart. Record 1 is a second after the beginning.
 * @param times of the records instead, in seconds after the beginning
 */
function write(
  path: string,
  events: readonly AuditEvent[],
  from: ChainState = chainStart,
  times: readonly number[] = events.map((_, index) => from.sequence + index + 1),
): string[] {
  let state = from;
  const lines = events.map((event, index) => {
    const line = formatLine(event, state, node.credentials, begin + (times[index] ?? 0) * 1000);
    state = { sequence: state.sequence + 1, hash: hashLine(line) };
    return line;
  });
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
  return lines;
}

const endOf = (lines: readonly string[]): ChainState => ({
  sequence: lines.length,
  hash: hashLine(lines.at(-1) ?? ''),
});

async function call<Output>(action: string, input: object, signal = new AbortController().signal): Promise<Output> {
  const audit = { ...fixedNode.audit, file, trust: () => fleet.trust, acknowledge: async () => 3 };
  const { handlers } = await startAudit(agentSetup({}, { node: { ...fixedNode, audit } }));
  const handler = handlers[action] as unknown as (input: object, context: object) => Promise<Output>;
  return await handler(input, actionContext({ signal }));
}

interface Page {
  readonly lines: readonly string[];
  readonly certificates: readonly string[];
  readonly next: number;
}
const records = (query: object) => call<Page>('records', { limit: 200, ...query });

describe('the records that a node returns', () => {
  const [run, other] = ['a'.repeat(32), 'b'.repeat(32)];
  const ofRun = (id: string, request: string) => intent(rip, 'x', { run_id: id, request_id: request });

  test('are exactly the written lines, each page with the certificates that verify it', async () => {
    const renewed: AuditEvent = { kind: 'certificate', version: '0.1.0', certificate: certificateOf(node) };
    const lines = write(file, [started(node), intent(rip, 'a'), outcome(2), renewed, intent(rip, 'b')]);
    assert.deepEqual(await records({}), { lines, certificates: [lines[0], lines[3]], next: 0 });
    assert.deepEqual(await records({ limit: 5 }), { lines, certificates: [lines[0], lines[3]], next: 0 });
    assert.deepEqual(await records({ limit: 2 }), { lines: lines.slice(0, 2), certificates: [lines[0]], next: 2 });
    assert.deepEqual(await records({ limit: 2, after: 2 }), {
      lines: lines.slice(2, 4),
      certificates: [lines[0], lines[3]],
      next: 4,
    });
    assert.deepEqual(await records({ after: 4 }), { lines: lines.slice(4), certificates: [lines[3]], next: 0 });
  });

  test('of a run or of a request have their outcomes, also on a later page', async () => {
    const ended: AuditEvent = { ...outcome(2), kind: 'ended' } as AuditEvent;
    const lines = write(file, [
      started(node),
      ofRun(run, '1'.repeat(32)),
      ofRun(other, '2'.repeat(32)),
      ofRun(run, '3'.repeat(32)),
      outcome(3),
      outcome(4),
      outcome(2),
      ended,
    ]);
    const chosen = async (query: object) => (await records(query)).lines.map((line) => lines.indexOf(line) + 1);
    assert.deepEqual(await chosen({ run }), [2, 4, 6, 7, 8]);
    assert.deepEqual(await chosen({ request: '2'.repeat(32) }), [3, 5]);
    assert.deepEqual(await chosen({ run, request: '3'.repeat(32) }), [4, 6]);
    assert.deepEqual(await chosen({ run: other, request: '3'.repeat(32) }), []);
    assert.deepEqual(await chosen({ run, after: 4 }), [6, 7, 8]);
  });

  test('begin with the given time, over all files', async () => {
    const first = write(archive, [started(node), intent(rip, 'a'), outcome(2)]);
    const second = write(file, [rotated(node, 3), intent(rip, 'b'), outcome(5)], endOf(first));
    assert.deepEqual((await records({})).lines, [...first, ...second]);
    assert.deepEqual((await records({ since: at(3) })).lines, [first[2], ...second]);
    assert.deepEqual((await records({ since: at(4) })).lines, second);
    assert.deepEqual((await records({ since: at(4.5) })).lines, second.slice(1));
    assert.deepEqual((await records({ since: at(7) })).lines, []);
  });

  test('begin with the given time, also where two files have records of it', async () => {
    const first = write(archive, [started(node), intent(rip, 'a'), outcome(2)]);
    const second = write(file, [rotated(node, 3), intent(rip, 'b')], endOf(first), [3, 5]);
    assert.deepEqual((await records({ since: at(3) })).lines, [first[2], ...second]);
  });

  test('begin with the given time, also where the clock was set back after it', async () => {
    const first = write(archive, [started(node), intent(rip, 'a'), outcome(2)], chainStart, [1, 2, 5]);
    const second = write(file, [rotated(node, 3), intent(rip, 'b'), outcome(5)], endOf(first), [6, 3, 4]);
    assert.deepEqual((await records({ since: at(4) })).lines, [first[2], second[0], second[2]]);
  });

  test('begin with the given time, also where a file begins with what is not a record', async () => {
    const first = write(archive, [started(node), intent(rip, 'a'), outcome(2)]);
    const second = write(file, [rotated(node, 3), intent(rip, 'b')], endOf(first));
    writeFileSync(file, ['not a record', ...second, ''].join('\n'));
    assert.deepEqual((await records({ since: at(3) })).lines, [first[2], ...second]);
  });

  test('leave out half a line at the end, and what is not a record', async () => {
    const lines = write(file, [started(node), intent(rip, 'a'), outcome(2)]);
    writeFileSync(file, `${lines[0]}\nnot a record\n${lines[1]}\n${lines[2]}`);
    assert.deepEqual((await records({})).lines, lines.slice(0, 2));
  });
});

describe('the limits of a page of records', () => {
  const { signal } = new AbortController();
  const lengthOf = (lines: readonly string[]) => lines.join('').length;
  const page = (query: object, limits: object) =>
    readRecords(file, { limit: 200, ...query }, signal, { ...recordsLimits, ...limits });

  test('are half a megabyte in a reply, and half a gigabyte read for it', () => {
    assert.deepEqual(recordsLimits, { reply: 524_288, read: 536_870_912 });
  });

  test('let a page be as large as a reply may be; the next page has the rest', async () => {
    const lines = write(file, [started(node), intent(rip, 'a'), outcome(2)]);
    const certificates = lines.slice(0, 1);
    assert.deepEqual(await page({}, { reply: lengthOf(lines) }), { lines, certificates, next: 0 });
    assert.deepEqual(await page({}, { reply: lengthOf(lines) - 1 }), {
      lines: lines.slice(0, 2),
      certificates,
      next: 2,
    });
    assert.deepEqual(await page({ after: 2 }, { reply: lengthOf(lines) - 1 }), {
      lines: lines.slice(2),
      certificates,
      next: 0,
    });
  });

  test('let a record that is larger than a reply may be come alone', async () => {
    const lines = write(file, [started(node), outcome(1, { message: 'x'.repeat(600_000) }), outcome(1)]);
    const pages = [await records({}), await records({ after: 1 }), await records({ after: 2 })];
    assert.deepEqual(
      pages.map((each) => [each.lines, each.next]),
      [
        [lines.slice(0, 1), 1],
        [lines.slice(1, 2), 2],
        [lines.slice(2), 0],
      ],
    );
    const first = await page({ limit: 1 }, { reply: 1 });
    assert.deepEqual([first.lines, first.next], [lines.slice(0, 1), 1]);
  });

  test('refuse a request for which more would have to be read, whatever it selects', async () => {
    const first = write(archive, [started(node), intent(rip, 'a'), outcome(2)]);
    const second = write(file, [rotated(node, 3), outcome(2)], endOf(first));
    const all = lengthOf([...first, ...second]);
    assert.deepEqual((await page({ after: 4 }, { read: all })).lines, second.slice(1));
    const refused = {
      code: 'too-much',
      message: 'the request covers too much of the log',
      hint: 'use a later start time',
    };
    await assert.rejects(page({ after: 4 }, { read: all - 1 }), refused);
    await assert.rejects(page({ run: 'a'.repeat(32) }, { read: all - 1 }), refused);
    assert.deepEqual((await page({ since: at(4.5) }, { read: lengthOf(second) })).lines, second.slice(1));
  });
});

describe('the check of a log by its node', () => {
  test('counts the records and names the end, the files and the first fault', async () => {
    const first = write(archive, [started(node), intent(rip, 'a'), outcome(2)]);
    const second = write(file, [rotated(node, 3), intent(rip, 'b'), outcome(5)], endOf(first));
    const files = ['audit-000000000001.jsonl', 'audit.jsonl'];
    const end = `6:${hashLine(second[2] ?? '')}`;
    assert.deepEqual(await call('verify', {}), { holds: true, records: 6, files, end, fault: '' });
    writeFileSync(file, `${second[0]}\n${second[2]}\n`);
    const broken = await call<{ holds: boolean; fault: string }>('verify', {});
    assert.equal(broken.holds, false);
    assert.match(broken.fault, /^audit\.jsonl:2: removed: record/);
  });

  test('ends when the call is cancelled', async () => {
    write(file, [started(node)]);
    for (const action of ['verify', 'records']) {
      await assert.rejects(call(action, { limit: 1 }, AbortSignal.abort()), { name: 'AbortError' }, action);
    }
  });

  test('has warnings that an operator ends: the answer says how many there were', async () => {
    assert.deepEqual(await call('acknowledge', {}), { acknowledged: 3 });
  });
});
