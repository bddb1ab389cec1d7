import assert from 'node:assert/strict';
import { after, before, describe, mock, test } from 'node:test';
import { angeliaDdl } from '../../../../src/agents/angelia/ddl.ts';
import { journalDdl } from '../../../../src/agents/journal/ddl.ts';
import { lockDdl } from '../../../../src/agents/lock/ddl.ts';
import { rpcutilDdl } from '../../../../src/agents/rpcutil/ddl.ts';
import { Problem } from '../../../../src/core/errors.ts';
import { noFilter } from '../../../../src/core/filter/filter.ts';
import { okReply } from '../../../../src/core/request/reply.ts';
import { allNodes, type TargetOptions } from '../../../../src/library/fleet/targets.ts';
import type { Session } from '../../../../src/library/fleet/session.ts';
import type { JournalMode } from '../../../../src/library/runs/fleet/journaling.ts';
import { learnAgents, loadWithNodes, readPlaybook } from '../../../../src/library/runs/find-playbook.ts';
import { runOverNodes } from '../../../../src/library/runs/run-over-nodes.ts';
import { loadPlaybook } from '../../../../src/playbook/compile/load.ts';
import { type Fleet, makeFleet, type Member } from '../../../support/fleet/fleet.ts';
import { labDdl, playbookText } from '../../../support/fleet/playbook.ts';
import { type Answer, signingNode, unwell } from '../../../support/fleet/signing-node.ts';
import { someTurns } from '../../../support/mock-delays.ts';

const runId = 'a'.repeat(32);
const catalogue = [angeliaDdl, journalDdl, labDdl, lockDdl, rpcutilDdl];
const text = playbookText(
  '  - {id: go, call: thing.change, on: all, with: {to: b}}\n  - {id: more, call: thing.change, on: all, with: {to: c}}',
);

interface Order {
  readonly answer?: Answer;
  readonly dryRun?: boolean;
  readonly journalMode?: JournalMode;
  readonly signal?: AbortSignal;
  readonly kill?: AbortSignal;
  /** Fails as the run ends. */
  readonly emit?: (type: string) => void;
}

describe('a run over nodes', () => {
  let fleet: Fleet;
  let rip: Member;
  let web1: Member;
  before(async () => {
    fleet = await makeFleet();
    [rip, web1] = await Promise.all([fleet.operator('rip@devco.net'), fleet.node('web1')]);
  });
  after(() => fleet.remove());

  /** Runs two changes on one node that keeps leases and journals; `asked` has what was called on it. */
  const run = async (order: Order) => {
    const { answer, dryRun = false, journalMode, emit = () => {} } = order;
    const never = new AbortController().signal;
    const { signal = never, kill = never } = order;
    const asked: string[] = [];
    const node = signingNode(web1, ['lock', 'journal', 'thing'], {
      answer: (request, ...more) => {
        asked.push(`${request.agent}.${request.action}${request.dryRun ? ' dry' : ''}`);
        return (answer ?? usual)(request, ...more);
      },
    });
    const session = {
      config: { timeout: 10, concurrency: 4, lease: 30, inputs: {}, journal: 'auto', stateDirectory: '' },
      caller: { credentials: rip.credentials, trust: fleet.trust },
      environment: { env: {} },
      find: async () => ({ nodes: [node.found], silent: [], broken: [] }),
    } as unknown as Session;
    const opened = { at: 1, runId, type: 'process', host: 'h', boot: 'b', pid: 1, start: '1' } as const;
    const journal = { file: '', opened, write: async () => {}, close: async () => {} };
    const playbook = await loadPlaybook({ text, name: 'test.yaml' }, [labDdl]);
    const ended = runOverNodes(
      {
        ...{ playbook, inputs: {}, runId, journal, journalMode, targets: allNodes },
        lockWait: 0,
        settings: { dryRun },
      },
      session,
      catalogue,
      {
        emit: ({ type }) => emit(type),
        onProgress: () => {},
        warn: () => {},
        asking: () => ({}),
        signal,
        kill,
      },
    );
    return { ended, asked };
  };
  const released = (asked: readonly string[]) => asked.filter((line) => line === 'lock.release').length;

  test('holds its lease from before the first change to its end, and then releases it', async () => {
    const { ended, asked } = await run({});
    assert.equal((await ended).report.state, 'done');
    assert.equal(asked[0], 'lock.take');
    assert.equal(asked.at(-1), 'lock.release');
    assert.deepEqual(
      asked.filter((line) => line.startsWith('thing')),
      ['thing.change', 'thing.change'],
    );
  });

  test('releases its lease although it fails, is interrupted, or ends with an error', async () => {
    const failing: Answer = (request, ...more) =>
      request.agent === 'thing' ? unwell('failed', new Problem('internal', 'it broke')) : usual(request, ...more);
    const failed = await run({ answer: failing });
    assert.equal((await failed.ended).report.state, 'failed');
    assert.equal(released(failed.asked), 1);
    const control = new AbortController();
    const interrupted = await run({
      signal: control.signal,
      answer: (request, ...more) => {
        if (request.agent === 'thing') control.abort('Ctrl-C');
        return usual(request, ...more);
      },
    });
    const end = await interrupted.ended;
    assert.deepEqual([end.report.state, end.seen.leaseLost], ['interrupted', false]);
    assert.equal(released(interrupted.asked), 1);
    const broken = await run({
      emit: (type) => {
        if (type === 'run-finished') throw new Error('the output is broken');
      },
    });
    await assert.rejects(broken.ended, /the output is broken/);
    assert.equal(released(broken.asked), 1);
  });

  test('begins no release once it is to end at once, and does not wait for one that hangs', async () => {
    const [stopped, killed] = [new AbortController(), new AbortController()];
    const first = await run({
      ...{ signal: stopped.signal, kill: killed.signal },
      answer: (request, ...more) => {
        if (request.agent === 'thing') stopped.abort('Ctrl-C');
        if (request.agent === 'thing') killed.abort('Ctrl-C');
        return usual(request, ...more);
      },
    });
    assert.equal((await first.ended).report.state, 'interrupted');
    assert.equal(released(first.asked), 0);
    const kill = new AbortController();
    const second = await run({
      kill: kill.signal,
      answer: (request, ...more) => {
        if (request.action !== 'release') return usual(request, ...more);
        kill.abort('Ctrl-C');
        return new Promise(() => {});
      },
    });
    assert.equal((await second.ended).report.state, 'done');
  });

  test('is stopped by the loss of its lease, and reports it unless somebody had interrupted it before', async () => {
    for (const isInterrupted of [false, true]) {
      mock.timers.enable({ apis: ['setInterval'] });
      try {
        const control = new AbortController();
        const { ended, asked } = await run({
          signal: control.signal,
          answer: async (request, ...more) => {
            if (request.action === 'renew') return unwell('refused', new Problem('stale-lease', 'it has ended'));
            if (request.agent === 'thing') {
              if (isInterrupted) control.abort('Ctrl-C');
              mock.timers.tick(10_000);
              await someTurns();
            }
            return usual(request, ...more);
          },
        });
        const { report, seen } = await ended;
        assert.deepEqual([report.state, seen.leaseLost], ['interrupted', !isInterrupted]);
        assert.equal(asked.filter((line) => line === 'thing.change').length, 1, 'the second change is not begun');
      } finally {
        mock.timers.reset();
      }
    }
  });

  test('calls nothing but dry runs in a dry run: it takes no lease and stores no journal on nodes', async () => {
    for (const journalMode of [undefined, 'auto', 'required'] as const) {
      const { ended, asked } = await run({ dryRun: true, ...(journalMode === undefined ? {} : { journalMode }) });
      assert.equal((await ended).report.dryRun, true);
      assert.ok(asked.length > 0);
      const reads = ['rpcutil.may_i'];
      assert.deepEqual(
        asked.filter((line) => !line.endsWith(' dry') && !reads.includes(line)),
        [],
        String(journalMode),
      );
      assert.ok(!asked.some((line) => line.startsWith('lock') || line.startsWith('journal')), asked.join());
    }
  });

  test('stores its journal under its lease, on the nodes of the lease, before each change', async () => {
    let sequence = 0;
    const appended: string[] = [];
    const { ended, asked } = await run({
      journalMode: 'required',
      answer: (request, ...more) => {
        if (request.agent !== 'journal') return usual(request, ...more);
        if (request.dryRun) return okReply({});
        const lines = request.given.lines as unknown[];
        appended.push(`${request.lease} ${request.fence} ${request.runId}`);
        sequence = Number(request.given.after) + lines.length;
        return okReply({ sequence });
      },
    });
    const { report, stored } = await ended;
    assert.deepEqual([report.state, stored], ['done', 'journal: also on web1']);
    assert.ok(appended.length >= 2);
    assert.deepEqual([...new Set(appended)], [`test 7 ${runId}`]);
    const order = asked.filter((line) => ['journal.append', 'thing.change'].includes(line)).slice(0, 2);
    assert.deepEqual(order, ['journal.append', 'thing.change']);
    assert.ok(asked.lastIndexOf('journal.append') < asked.lastIndexOf('lock.release'), 'while it holds the lease');
  });
});

/** Gives leases, and accepts everything else; it stores no journal. */
const usual: Answer = ({ agent, action, input }) => {
  if (action === 'take') return okReply({ fence: 7 });
  if (action === 'may_i') return okReply({ allowed: String(input.actions).split(','), denied: [], unknown: [] });
  return agent === 'journal' ? unwell('refused', new Problem('policy-denied', 'not here')) : okReply({});
};

test('an agent that only nodes describe has no alias: it takes the name of no other one', async () => {
  await using fleet = await makeFleet();
  const { found } = signingNode(await fleet.node('dev1'), []);
  const ddlOf = (name: string, aliases: string[]) => Buffer.from(JSON.stringify({ ...labDdl, name, aliases }));
  const described = [
    { name: 'alpha', version: '1', ddl: ddlOf('alpha', ['beta', 'lock']) },
    { name: 'beta', version: '1', ddl: ddlOf('beta', []) },
  ];
  const node = { ...found, description: { ...found.description, agents: described } };
  const asked: unknown[] = [];
  const session = {
    environment: { warn: (line: string) => assert.fail(line) },
    find: async ({ filter }: { filter: { agents: string[] } }) => {
      asked.push(filter.agents);
      return { nodes: [node], silent: [], broken: [] };
    },
  } as unknown as Session;
  const targets = { filter: noFilter } as TargetOptions;
  const learned = await learnAgents(['alpha', 'beta', 'nobody'], session, [], targets);
  assert.deepEqual(
    learned.map(({ name, aliases }) => [name, aliases]),
    [
      ['alpha', undefined],
      ['beta', undefined],
    ],
  );
  assert.deepEqual(asked, [['alpha'], ['beta'], ['nobody']]);
});

test('a playbook with an agent that no node runs is refused with that, not only with a place in the file', async () => {
  const session = {
    environment: { warn: (line: string) => assert.fail(line) },
    find: async () => ({ nodes: [], silent: [], broken: [] }),
  } as unknown as Session;
  const tree = await readPlaybook('mail_queue');
  await assert.rejects(loadWithNodes(tree, session, catalogue, { filter: noFilter } as TargetOptions), {
    code: 'bad-playbook',
    message: /^shipped:mail_queue\.yaml:34:11: there is no agent “mailqueue”: known: .* \(also at 46:11, 60:11\)$/,
    hint: 'no node that was found runs mailqueue',
  });
});

test('an agent that no node describes may be one of nodes that did not answer: they are named', async () => {
  const warnings: string[] = [];
  const silent = ['web1', 'web2', 'web3', 'web4', 'web5', 'web6'].map((name) => ({ name }));
  const session = {
    environment: { warn: (line: string) => warnings.push(line) },
    find: async () => ({ nodes: [], silent, broken: [] }),
  } as unknown as Session;
  assert.deepEqual(await learnAgents(['alpha'], session, [], { filter: noFilter } as TargetOptions), []);
  assert.deepEqual(warnings, [
    'the agent “alpha” is not built in, and 6 nodes that may describe it did not answer: web1, web2, web3, web4, web5 and 1 more',
  ]);
});
