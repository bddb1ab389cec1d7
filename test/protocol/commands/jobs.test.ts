import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { agents } from '../../../src/agents/index.ts';
import type { AgentEntry, AgentSetup } from '../../../src/core/agent.ts';
import type { CliContext } from '../../../src/client/cli/context.ts';
import { probeAgent, probeCalls, waiting } from '../../support/agents/probe-agent.ts';
import { type Fleet, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { makeHome } from '../../support/program/home.ts';
import { assertFits } from '../../support/program/output-schema.ts';

/** Emits `show` with the name of the node when it is asked for a job. */
const shows = new EventEmitter();

/** The agent `jobs`, which emits that, and which does not cancel while it is stubborn: as if the job did not end. */
const jobs = agents.find(({ ddl }) => ddl.name === 'jobs') as AgentEntry;
let isStubborn = false;
const watchedJobs: AgentEntry = {
  ...jobs,
  load: async () => {
    const start = await jobs.load();
    return async (setup) => {
      const agent = await start(setup);
      const { show, cancel } = agent.handlers;
      assert.ok(show && cancel);
      const handlers: typeof agent.handlers = {
        ...agent.handlers,
        show: (input, call) => {
          shows.emit('show', (setup as AgentSetup).node.identity);
          return show(input, call);
        },
        cancel: (input, call) => (isStubborn ? Promise.resolve({ state: 'running' }) : cancel(input, call)),
      };
      return { ...agent, handlers };
    };
  },
};

describe('rpc --detach and jobs', { timeout: 600_000 }, () => {
  let fleet: Fleet;
  let home: string;
  const nodes: TestNode[] = [];
  before(async () => {
    fleet = await makeFleet();
    for (const name of ['dev2.devco.net', 'dev4.devco.net'])
      nodes.push(await startTestNode(fleet, { name, agents: [probeAgent, watchedJobs] }));
    home = await makeHome(join(fleet.dir, 'home'), await fleet.operator('rip@devco.net'), nodes);
  });
  after(async () => {
    for (const node of nodes) await node[Symbol.asyncDispose]();
    await fleet.remove();
  });
  const mcoWith = async (more: Partial<CliContext>, ...words: string[]) => {
    const { code, out, err } = await runInProcess(words, home, more);
    return { code, out: out.join('\n'), err: err.join('\n') };
  };
  const mco = (...words: string[]) => mcoWith({}, ...words);
  /** Begins `probe.wait` on both nodes. */
  const begin = async (...words: string[]) => {
    const begun = [once(probeCalls, 'wait'), once(probeCalls, 'wait')];
    const result = await mco('rpc', 'probe', 'wait', '--detach', ...words);
    await Promise.all(begun);
    return result;
  };
  const release = () => {
    for (const end of waiting.splice(0)) end();
  };

  test('print the id at once; jobs lists it, and wait ends when it has ended everywhere', async () => {
    const { code, out, err } = await begin();
    assert.equal(code, 0, err);
    const id = /^job ([0-9a-f]{32}): probe\.wait runs on 2 nodes$/.exec(out)?.[1] ?? assert.fail(out);
    assert.equal(err, `to wait for it: mco-deploy jobs wait ${id}`);
    const list = await mco('jobs');
    assert.match(
      list.out,
      new RegExp(`^STATE +JOB +ACTION +NODES +BY +BEGAN\nrunning  ${id.slice(0, 8)}  probe\\.wait  2 +rip@devco\\.net`),
    );
    const shown = await mco('jobs', 'show', id.slice(0, 6));
    assert.match(shown.out, / {2}dev2\.devco\.net {2}running since 20.*\n {2}dev4\.devco\.net {2}running since/);
    const waited = mco('jobs', 'wait', id);
    release();
    const { code: ended, out: text } = await waited;
    assert.equal(ended, 0, text);
    assert.match(text, / {2}dev2\.devco\.net {2}ok in \d/);
  });

  test('print JSON that fits the schemas; -q prints only the id', async () => {
    const started = await begin('--json');
    assertFits('rpc-detach', JSON.parse(started.out));
    const { job } = JSON.parse(started.out) as { job: string };
    assertFits('jobs', JSON.parse((await mco('jobs', '--json')).out));
    assertFits('job', JSON.parse((await mco('jobs', 'show', job, '--json')).out));
    release();
    assertFits('job', JSON.parse((await mco('jobs', 'wait', job, '--json')).out));
    const quiet = await begin('-q');
    assert.match(quiet.out, /^[0-9a-f]{32}$/);
    assert.equal(quiet.err, '');
    release();
    const nowhere = await mco('rpc', 'probe', 'wait', '--detach', '-q', '-I', 'dev9.devco.net');
    assert.deepEqual([nowhere.code === 0, nowhere.out], [false, ''], 'a script does not wait for a job of no node');
  });

  test('cancel it on every node; the exit code of wait says that it was not completed', async () => {
    const id = (await begin('-q')).out;
    const { code, out, err } = await mco('jobs', 'cancel', id);
    assert.equal(code, 0, out + err);
    assert.match(
      out,
      /dev4\.devco\.net {2}cancelled in .*: probe\.wait was cancelled by cert=rip@devco\.net \(cancelled\)/,
    );
    assert.equal((await mco('jobs', 'wait', id)).code, 2);
    release();
  });

  test('a wait that is interrupted exits with 130, whatever has ended so far', async () => {
    const id = (await begin('-q')).out;
    await mco('jobs', 'cancel', id, '-I', 'dev4.devco.net');
    const control = new AbortController();
    let asked = 0;
    const interrupt = (node: string) => {
      if (node.endsWith('dev2.devco.net') && ++asked === 2) control.abort();
    };
    shows.on('show', interrupt);
    const { code, out } = await mcoWith({ signal: control.signal }, 'jobs', 'wait', id);
    shows.off('show', interrupt);
    release();
    assert.equal(code, 130, out);
    assert.match(out, /dev4\.devco\.net {2}cancelled in /);
  });

  test('a cancel after which the job still runs exits with 2', async () => {
    const id = (await begin('-q')).out;
    isStubborn = true;
    const { code, out } = await mco('jobs', 'cancel', id);
    isStubborn = false;
    release();
    assert.equal(code, 2, out);
    assert.match(out, /dev2\.devco\.net {2}running since /);
  });

  test('rpc --detach names the nodes that it could not reach, and its exit code counts them', async () => {
    const list = join(home, 'with-a-silent-one.json');
    const [{ name, daemon }] = nodes as [TestNode];
    // The discard port, where nothing listens.
    const places = [
      [name, daemon.port],
      ['dev9.devco.net', 9],
    ] as const;
    await writeFile(list, JSON.stringify(places.map(([one, port]) => ({ name: one, address: '127.0.0.1', port }))));
    const { code, out, err } = await mco('rpc', 'probe', 'echo', 'text=x', '--detach', '--nodes', list);
    assert.equal(code, 5, err);
    assert.match(out, /^job [0-9a-f]{32}: probe\.echo runs on 1 node$/);
    assert.match(err, /^No response from:\n {2}dev9\.devco\.net/m);
  });

  test('rpc --senders names the nodes whose reply is good, and no other', async () => {
    const good = await mco('rpc', 'probe', 'echo', 'text=x', '--senders');
    assert.deepEqual([good.code, good.out], [0, 'dev2.devco.net\ndev4.devco.net']);
    const bad = await mco('rpc', 'probe', 'fail', '--senders');
    assert.deepEqual([bad.code, bad.out], [2, '']);
  });

  test('refuse impossible requests before any node is called', async () => {
    for (const [words, expected] of [
      [['rpc', 'probe', 'wait', '--detach', '--batch', '1'], /--detach does not wait, so --batch cannot/],
      [['rpc', 'probe', 'wait', '--detach', '--dry-run'], /--dry-run shows what would change, so --detach cannot/],
      [['jobs', 'show', 'xyz'], /“xyz” is not a valid job id/],
      [['jobs', 'show', 'abcdef'], /no node has a job abcdef that you may see/],
      [['jobs', 'wait', 'a'.repeat(32)], /no node has a job a{32} that you may see/],
    ] as const) {
      const { code, err } = await mco(...words);
      assert.equal(code, 64, err);
      assert.match(err, expected);
    }
  });
});
