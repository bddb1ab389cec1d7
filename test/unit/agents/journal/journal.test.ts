import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startJournal } from '../../../../src/agents/journal/agent.ts';
import type { JournalConfig } from '../../../../src/agents/journal/config.ts';
import type { ActionContext } from '../../../../src/core/agent.ts';
import { hashText, type JournalLine } from '../../../../src/core/journal/line.ts';
import { actionContext, agentSetup, temporaryDirectory } from '../../../support/agents/agent-setup.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';
import { lease, run, writeLines } from '../../../support/runs/journal-lines.ts';
import { codeOfAsync } from '../../../support/thrown.ts';

const roomy = { max_runs: 200, max_run_size: 1_000_000, max_size: 10_000_000 };
const held = actionContext({ runId: run, lease });

async function startStore(config: JournalConfig = roomy, stateDirectory = temporaryDirectory()) {
  const { handlers } = await startJournal(agentSetup(config, { stateDirectory }));
  const call = (action: string, input: object, context: ActionContext = held) =>
    (handlers[action] as (input: object, context: ActionContext) => Promise<Record<string, never>>)(input, context);
  const append = async (lines: readonly JournalLine[], after = 0, context: ActionContext = held) => {
    const added = lines.slice(after);
    return (await call('append', { after, lines: added, head: hashText(added.at(-1)?.text ?? '') }, context)).sequence;
  };
  const code = (...given: Parameters<typeof append>) => codeOfAsync(() => append(...given));
  const file = join(stateDirectory, `${run}.jsonl`);
  return { call, append, code, file, stateDirectory };
}

describe('a journal on a node', () => {
  let fleet: Fleet;
  let rip: Member;
  let lines: JournalLine[];
  before(async () => {
    fleet = await makeFleet();
    rip = await fleet.operator('rip@devco.net');
    lines = writeLines(rip, ['run-started', 'call', 'outcome']);
  });
  after(() => fleet.remove());

  test('grows line by line, over a restart of the daemon; repeating the same lines changes nothing', async () => {
    const { append, call, stateDirectory } = await startStore();
    assert.equal(await append(lines.slice(0, 1)), 1);
    assert.equal(await append(lines.slice(0, 2), 1), 2);
    assert.equal(await append(lines.slice(0, 2)), 2);
    const again = await startStore(roomy, stateDirectory);
    assert.equal(await again.append(lines, 1), 3);
    assert.deepEqual(await again.call('read', { run, after: 1 }), { sequence: 3, lines: lines.slice(1) });
    assert.deepEqual(await call('read', { run }), { sequence: 2, lines: lines.slice(0, 2) });
  });

  test('never changes: a different line at the same position is refused, no matter who signed it', async () => {
    const { append, code, call } = await startStore();
    await append(lines.slice(0, 2));
    const other = writeLines(await fleet.operator('eve@devco.net'), ['run-resumed'], lines.slice(0, 1));
    assert.equal(await code(other, 1), 'journal-forked');
    assert.equal(await code(writeLines(rip, ['run-started']), 0), 'journal-forked');
    assert.equal(await code(writeLines(rip, ['a', 'b', 'c', 'd']), 2), 'journal-forked');
    assert.equal((await call('read', { run })).sequence, 2);
  });

  test('reports its length to a writer that skips a line, and refuses lines that do not follow each other', async () => {
    const { append, code, call } = await startStore();
    assert.equal(await code(lines, 2), 'journal-gap');
    await append(lines.slice(0, 1));
    assert.equal(await code(lines, 2), 'journal-gap');
    const head = hashText(lines[2]?.text ?? '');
    const wrong = (some: readonly (JournalLine | undefined)[]) =>
      codeOfAsync(() => call('append', { after: 1, lines: some, head }));
    assert.equal(await wrong([lines[1]]), 'bad-journal');
    assert.equal(await wrong([lines[1], lines[1]]), 'bad-journal');
    assert.equal(await wrong([{ text: 'x', signature: '' }]), 'bad-journal');
  });

  test('is not written by a dry run, which reports its length as it is', async () => {
    const { append, call, file, stateDirectory } = await startStore();
    await append(lines.slice(0, 1));
    const before = readFileSync(file, 'utf8');
    assert.equal(await append(lines, 1, actionContext({ runId: run, lease, dryRun: true })), 1);
    assert.equal((await call('read', { run })).sequence, 1);
    assert.equal(readFileSync(file, 'utf8'), before);
    const empty = await startStore();
    assert.equal(await empty.append(lines, 0, actionContext({ runId: run, lease, dryRun: true })), 0);
    assert.deepEqual([readdirSync(empty.stateDirectory), readdirSync(stateDirectory)], [[], [`${run}.jsonl`]]);
    assert.equal(await codeOfAsync(() => empty.call('read', { run })), 'unknown-run');
  });

  test('is listed with its length, the last one first, and up to a number of those whose ids begin alike', async () => {
    const { append, stateDirectory } = await startStore();
    const ids = ['a1', 'b2', 'a3'].map((start) => start.padEnd(32, '0'));
    for (const [index, id] of ids.entries()) {
      const some = writeLines(rip, ['run-started', 'call'].slice(index > 0 ? 1 : 0), [], { id });
      await append(some, 0, actionContext({ runId: id, lease }));
      const at = Date.now() / 1000 - 100 + index;
      utimesSync(join(stateDirectory, `${id}.jsonl`), at, at);
    }
    interface Listed {
      readonly run: string;
      readonly sequence: number;
      readonly bytes: number;
    }
    const again = await startStore(roomy, stateDirectory);
    // Twice: what was counted the first time is not read again.
    for (const _ of ['first', 'again']) {
      const listed = async (input: object) => (await again.call('list', input)).runs as unknown as readonly Listed[];
      const all = await listed({});
      assert.deepEqual(
        all.map(({ run: id, sequence }) => [id, sequence]),
        [
          [ids[2], 1],
          [ids[1], 1],
          [ids[0], 2],
        ],
      );
      for (const { run: id, bytes } of all) {
        assert.equal(bytes, readFileSync(join(stateDirectory, `${id}.jsonl`)).length);
      }
      assert.deepEqual(
        (await listed({ prefix: 'a' })).map((one) => one.run),
        [ids[2], ids[0]],
      );
      assert.deepEqual(
        (await listed({ prefix: 'a', limit: 1 })).map((one) => one.run),
        [ids[2]],
      );
      assert.deepEqual(await listed({ prefix: 'c' }), []);
    }
  });

  test('is returned in parts of two megabytes, and at least one line at a time', async () => {
    const { append, call } = await startStore({ ...roomy, max_run_size: 10_000_000 });
    const long = 'x'.repeat(1024 * 1024 - 2000);
    const many = writeLines(rip, ['run-started', long, long, 'call', `${long}${long}${long}`, 'call']);
    await append(many);
    const lengths = [];
    for (let after = 0; after < many.length; ) {
      const { lines: some } = (await call('read', { run, after })) as unknown as { lines: JournalLine[] };
      assert.deepEqual(some, many.slice(after, after + some.length));
      lengths.push(some.length);
      after += some.length;
    }
    assert.deepEqual(lengths, [4, 1, 1]);
  });

  test('is only written for the run that holds the lease that it names', async () => {
    const { append, code } = await startStore();
    assert.equal(await code(lines, 0, actionContext({ runId: run })), 'not-leased');
    assert.equal(await code(lines, 0, actionContext({ runId: run, lease: 'other' })), 'not-leased');
    assert.equal(await code(lines, 0, actionContext({ lease })), 'no-run');
    assert.equal(await code(lines, 0, actionContext({ runId: 'b'.repeat(32), lease })), 'bad-journal');
    await append(lines);
    assert.equal(await code(lines, 0, actionContext({ runId: run, lease: 'other' })), 'not-leased');
  });

  test('drops a partial line that a crash left, and continues after the whole part', async () => {
    const { append, stateDirectory, file } = await startStore();
    await append(lines.slice(0, 2));
    appendFileSync(file, '{"text":"{\\"run\\":');
    const again = await startStore(roomy, stateDirectory);
    assert.equal((await again.call('read', { run })).sequence, 2);
    assert.equal(await again.append(lines, 2), 3);
    assert.equal(readFileSync(file, 'utf8').split('\n').length, 4);
    assert.deepEqual((await (await startStore(roomy, stateDirectory)).call('read', { run })).lines, lines);
  });

  test('is neither returned nor continued if it was damaged on the disk, and hides no other', async () => {
    const { append, stateDirectory, file } = await startStore();
    await append(lines);
    const other = 'b'.repeat(32);
    await append(writeLines(rip, ['run-started'], [], { id: other }), 0, actionContext({ runId: other, lease }));
    writeFileSync(file, readFileSync(file, 'utf8').replace('outcome', 'outcomf'));
    writeFileSync(file, readFileSync(file, 'utf8').split('\n').toSpliced(1, 1).join('\n'));
    const again = await startStore(roomy, stateDirectory);
    assert.equal(await codeOfAsync(() => again.call('read', { run })), 'bad-journal');
    assert.equal(await again.code(lines), 'bad-journal');
    const { runs } = (await again.call('list', {})) as unknown as { runs: { run: string }[] };
    assert.deepEqual(
      runs.map((one) => one.run),
      [other],
    );
  });

  test('makes room for another: successful runs first, never an unsuccessful one of today', async () => {
    const { append, code, stateDirectory } = await startStore({ ...roomy, max_runs: 2 });
    const idOf = (digit: string) => digit.repeat(32);
    const store = (digit: string, entries: readonly string[]) => {
      const id = idOf(digit);
      return { id, given: [writeLines(rip, entries, [], { id }), 0, actionContext({ runId: id, lease })] as const };
    };
    await append(...store('1', ['run-started']).given);
    await append(...store('2', ['run-started', 'run-finished']).given);
    await append(...store('4', ['run-started']).given);
    assert.deepEqual(readdirSync(stateDirectory).sort(), [`${idOf('1')}.jsonl`, `${idOf('4')}.jsonl`]);
    assert.equal(await code(...store('3', ['run-started']).given), 'journal-full');
    // A journal of two days ago.
    const before = Date.now() / 1000 - 2 * 24 * 3600;
    utimesSync(join(stateDirectory, `${idOf('1')}.jsonl`), before, before);
    const again = await startStore({ ...roomy, max_runs: 2 }, stateDirectory);
    await again.append(...store('3', ['run-started']).given);
    assert.deepEqual(readdirSync(stateDirectory).sort(), [`${idOf('3')}.jsonl`, `${idOf('4')}.jsonl`]);
    const small = await startStore({ ...roomy, max_run_size: 4096 });
    assert.equal(
      await small.code(
        writeLines(
          rip,
          Array.from({ length: 20 }, () => 'call'),
        ),
      ),
      'journal-full',
    );
  });
});
