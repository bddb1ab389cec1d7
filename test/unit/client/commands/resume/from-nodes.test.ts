import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import { journalDdl } from '../../../../../src/agents/journal/ddl.ts';
import { lockDdl } from '../../../../../src/agents/lock/ddl.ts';
import type { ResumeOptions } from '../../../../../src/client/commands/resume/options.ts';
import { resumeRun } from '../../../../../src/client/commands/resume/resume.ts';
import type { Session } from '../../../../../src/client/fleet/session.ts';
import type { JournalLine } from '../../../../../src/core/journal/line.ts';
import { okReply } from '../../../../../src/core/request/reply.ts';
import { journalFile, runsDirectory } from '../../../../../src/library/runs/journal.ts';
import { compilePlaybook } from '../../../../../src/playbook/compile/load.ts';
import { digestPlaybook } from '../../../../../src/playbook/source/digest.ts';
import { readTexts } from '../../../../../src/library/runs/fleet/texts.ts';
import { temporaryDirectory } from '../../../../support/agents/agent-setup.ts';
import { type Fleet, makeFleet, type Member } from '../../../../support/fleet/fleet.ts';
import { quietContext } from '../../../../support/program/quiet-context.ts';
import { holders, run, writeLines } from '../../../../support/runs/journal-lines.ts';
import { keeper } from '../../../../support/runs/keeper.ts';

const tree = {
  name: 'talk.yaml',
  text: 'name: talk\nsteps:\n  - {id: one, say: hello}\n  - {id: two, say: bye}\n',
  used: {},
};

let fleet: Fleet;
let rip: Member;
let eve: Member;
let nodes: Member[];
let begun: JournalLine[];
before(async () => {
  fleet = await makeFleet();
  [rip, eve] = await Promise.all([fleet.operator('rip'), fleet.operator('eve')]);
  nodes = await Promise.all(holders.map((name) => fleet.node(name)));
  const stamp = { at: Date.now(), runId: run };
  const digest = digestPlaybook(compilePlaybook(await readTexts(tree), []));
  const started = { ...stamp, type: 'run-started', operator: 'eve', playbook: 'talk', file: '/gone/talk.yaml' };
  begun = writeLines(eve, [
    { ...started, inputs: {}, dryRun: false, time: new Date().toISOString(), digest },
    { ...stamp, type: 'process', host: 'elsewhere', boot: 'b', pid: 1, start: '1' },
    { ...stamp, type: 'playbook', tree },
  ]);
});
after(() => fleet.remove());

/** Resumes the run of eve as rip, on a host without a journal. @param leases of the run: those of each question */
const resume = async (options: ResumeOptions, copies = [begun], leases: readonly (readonly object[])[] = [[]]) => {
  const stateDirectory = temporaryDirectory();
  const [left, asked] = [[...copies], [...leases]];
  const next = <T>(list: T[]) => (list.length > 1 ? list.shift() : list[0]) as T;
  let copy = next(left);
  const lock = () => {
    const now = next(asked);
    if (now.length === 0) copy = next(left);
    return okReply({ leases: now as never });
  };
  const keepers = nodes.map((node, index) => keeper(node, () => copy, index === 0 ? { lock } : {}));
  let isClosed = false;
  const session = {
    config: { stateDirectory, concurrency: 8, timeout: 5, journal: 'auto', lease: 60, inputs: {} },
    caller: { credentials: rip.credentials, trust: fleet.trust },
    environment: { env: {} },
    find: async () => ({ nodes: keepers.map(({ found }) => found) }),
    close: async () => {
      await setImmediate();
      isClosed = true;
    },
  } as unknown as Session;
  const { context, out, err } = quietContext();
  const request = { run, secrets: {}, options: { notify: false, ...options } };
  const stdin = { isTTY: false } as NodeJS.ReadStream;
  const code: string | number = await resumeRun(
    request,
    [journalDdl, lockDdl],
    { ...context, stdin },
    async () => session,
  ).catch((error: { code: string }) => error.code);
  assert.ok(isClosed, 'its session is closed');
  return { code, out: out.join('\n'), err: err.join('\n'), stateDirectory };
};

describe('the run of another operator, whose journal is on nodes', () => {
  test('is left alone without a yes: nothing is written here', async () => {
    const { code, err, stateDirectory } = await resume({});
    assert.equal(code, 'no-terminal', err);
    assert.ok(!existsSync(runsDirectory(stateDirectory)));
  });

  test('continues here with that journal, and its own entries behind it', async () => {
    const { code, out, err, stateDirectory } = await resume({ yes: true });
    assert.equal(code, 0, err);
    assert.match(out, /hello.*bye/s);
    const entries = readFileSync(journalFile(stateDirectory, run), 'utf8').split('\n').filter(Boolean);
    assert.deepEqual(
      entries.slice(0, 3).map((line) => JSON.parse(line)),
      begun.map(({ text }) => JSON.parse(text).entry),
    );
    const [own, ...more] = entries.slice(3).map((line) => JSON.parse(line) as { type: string; pid?: number });
    assert.deepEqual([own?.type, own?.pid], ['process', process.pid]);
    assert.equal(more.at(-1)?.type, 'run-finished');
  });

  test('is read again after the end of a lease: it may have ended meanwhile', async () => {
    const ended = writeLines(eve, ['run-finished'], begun);
    const leases = [[{ run, caller: 'cert=eve', from: 'there', left: 1 }], []];
    const { code, err } = await resume({ yes: true }, [begun, ended], leases);
    assert.equal(code, 'run-ended', err);
  });
});
