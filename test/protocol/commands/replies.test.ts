import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { Problem } from '../../../src/core/errors.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import { type Answers, type Asked, answeringAgents } from '../../support/agents/answering-agents.ts';
import { type Fleet, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { makeHome } from '../../support/program/home.ts';
import { testProblem } from '../../support/test-problem.ts';

const [dev1, dev2] = ['dev1.devco.net', 'dev2.devco.net'] as const;
const names = ['appmgr', 'haproxy', 'jobs', 'lock', 'publish'];

let fleet: Fleet;
let home: string;
const nodes: TestNode[] = [];
let refusing: TestNode;
const asked: Asked[] = [];
let answers: Record<string, Answers> = {};
/** A job whose result one node gives, while the other fails to. */
const silentJob = 'f'.repeat(32);
let looks = 0;
const answersOf = (node: string): Answers => {
  const given = answers[node]?.['jobs.show'];
  const show = (input: JsonObject) => {
    if (input.id !== silentJob) return (typeof given === 'function' ? given(input) : given) ?? unknownJob;
    if (node === dev1) return result('f');
    looks++;
    return broken;
  };
  return { ...answers[node], 'jobs.show': show };
};
before(async () => {
  fleet = await makeFleet();
  for (const name of [dev1, dev2]) {
    const agents = answeringAgents(names, answersOf, asked);
    nodes.push(await startTestNode(fleet, { name, agents }));
  }
  const policies = { default: 'policy default deny\n' };
  refusing = await startTestNode(fleet, {
    name: 'dev3.devco.net',
    agents: answeringAgents(names, () => ({})),
    policies,
  });
  home = await makeHome(join(fleet.dir, 'home'), await fleet.operator('rip@devco.net'), nodes);
});
after(async () => {
  for (const node of [...nodes, refusing]) await node[Symbol.asyncDispose]();
  await fleet.remove();
});
beforeEach(() => {
  answers = {};
  asked.length = 0;
});

const mco = async (...words: string[]) => {
  const { code, out, err } = await runInProcess(words, home);
  return { code, out: out.join('\n'), err: err.join('\n') };
};
const json = async (...words: string[]) => JSON.parse((await mco(...words, '--json')).out) as never;
const broken = testProblem('broken', 'the disk is gone');
/** Milliseconds. */
const hour = 3_600_000;
const now = Date.now();

const lease = (more: object = {}) => ({
  ...{ name: 'bravo', fence: 1, caller: 'cert=rip@devco.net', run: 'a'.repeat(32), from: 'desk', since: now, left: 9 },
  ...more,
});
const leases = (...some: JsonObject[]) => ({ 'lock.list': { leases: some } });

describe('the replies of nodes about leases', { timeout: 600_000 }, () => {
  test('are one line for a lease of one holder, with its nodes in order, since the first of them gave it', async () => {
    answers = {
      [dev1]: leases(lease({ since: now - 5 * hour }), lease({ from: 'other desk' })),
      [dev2]: leases(lease({ since: now - 9 * hour })),
    };
    const shown: { from: string; nodes: string[]; since: string }[] = await json('locks');
    assert.deepEqual(
      shown.map(({ from, nodes: holders, since }) => [from, holders, since]),
      [
        ['desk', [dev1, dev2], new Date(now - 9 * hour).toISOString()],
        ['other desk', [dev1], new Date(now).toISOString()],
      ],
    );
  });

  test('are in the order of their names, and a lease of no run has none', async () => {
    answers = { [dev1]: leases(lease({ run: '' })), [dev2]: leases(lease({ name: 'alfa' })) };
    const shown: { name: string; run: string | null }[] = await json('locks');
    assert.deepEqual(
      shown.map(({ name, run }) => [name, run]),
      [
        ['alfa', 'a'.repeat(32)],
        ['bravo', null],
      ],
    );
  });

  test('name a node that gives none, and the exit code is of that', async () => {
    answers = { [dev1]: leases(), [dev2]: { 'lock.list': broken } };
    assert.deepEqual(await mco('locks'), { code: 2, out: 'no lease is held', err: `${dev2}: the disk is gone` });
  });

  test('to “locks break” name only the nodes that had it, and nobody if none had it', async () => {
    const held = { broken: true, caller: 'cert=eve@devco.net', run: 'r', from: 'desk', since: 1 };
    answers = { [dev1]: { 'lock.break': held }, [dev2]: { 'lock.break': { broken: false } } };
    const text = `${dev1}: bravo was held by cert=eve@devco.net for run r, and is free now`;
    assert.deepEqual(await mco('locks', 'break', 'bravo'), { code: 0, out: text, err: '' });
    assert.deepEqual(await json('locks', 'break', 'bravo'), [{ node: dev1, ...held }]);
    answers = { [dev1]: { 'lock.break': { broken: false } }, [dev2]: { 'lock.break': { broken: false } } };
    const free = {
      code: 1,
      out: 'nobody holds bravo: nothing was changed',
      err: 'to list the leases that are held: mco-deploy locks',
    };
    assert.deepEqual(await mco('locks', 'break', 'bravo'), free);
    assert.equal((await mco('locks', 'break', 'bravo', '--json')).code, 1);
    answers = { [dev1]: { 'lock.break': { broken: false } }, [dev2]: { 'lock.break': broken } };
    assert.equal((await mco('locks', 'break', 'bravo')).code, 2, 'the other node may still hold it');
    asked.length = 0;
    const wrong = await mco('locks', 'break', 'br avo');
    const refused =
      'mco-deploy: “br avo” is not a valid lease name\nto list its options: mco-deploy locks break --help';
    assert.deepEqual([wrong.code, wrong.err, asked], [64, refused, []]);
  });
});

const job = (digit: string, more: object = {}) => ({
  ...{ id: digit.repeat(32), agent: 'appmgr', action: 'fetch', caller: 'cert=rip@devco.net', run: '' },
  ...{ state: 'ok', began: now - hour, ended: now },
  ...more,
});
const result = (digit: string, more: object = {}) => ({
  ...job(digit),
  ...{ status: 0, code: '', message: '', progress: '', data: {}, left_out: false },
  ...more,
});
const jobs = (...some: JsonObject[]) => ({ 'jobs.list': { jobs: some }, 'jobs.list_any': { jobs: some } });
const unknownJob = new Problem('unknown-job', 'there is no such job');

describe('the replies of nodes about jobs', { timeout: 600_000 }, () => {
  let waited: ReturnType<typeof mco>;
  // It waits between its tries: the other tests run meanwhile.
  before(() => {
    waited = mco('jobs', 'wait', silentJob);
  });

  test('are a line for each job, the latest first, with its states, and the time at which it began', async () => {
    answers = {
      [dev1]: jobs(job('a', { began: now - 90 * hour }), job('b', { state: 'running', began: now - 5 * hour })),
      [dev2]: jobs(job('b', { began: now - 9 * hour }), job('c', { began: now - hour })),
    };
    const { code, out } = await mco('jobs');
    assert.equal(code, 0);
    const lines = out.split('\n').map((line) => line.split(/ {2,}/));
    assert.deepEqual(
      lines.slice(1).map(([state, id, , count]) => [state, id, count]),
      [
        ['ok', 'cccccccc', '1'],
        ['1 ok, 1 running', 'bbbbbbbb', '2'],
        ['ok', 'aaaaaaaa', '1'],
      ],
    );
    assert.equal(lines[2]?.at(-1), '9h ago');
  });

  test('are not joined over callers, who may choose the same id', async () => {
    answers = { [dev1]: jobs(job('a')), [dev2]: jobs(job('a', { caller: 'cert=eve@devco.net' })) };
    assert.equal((await mco('jobs', '--any')).out.split('\n').length, 3);
  });

  test('name a node that gives none, and say how to see those of others', async () => {
    answers = { [dev1]: jobs(), [dev2]: { 'jobs.list': broken } };
    const err = `you have no jobs; --any shows those of others\n${dev2}: the disk is gone`;
    assert.deepEqual(await mco('jobs'), { code: 2, out: '', err });
    answers = { [dev1]: jobs(), [dev2]: jobs() };
    assert.deepEqual(await mco('jobs', '--any'), { code: 0, out: '', err: 'there are no jobs' });
  });

  test('find one by the first four digits of its id, if no other begins so, on the nodes that answer', async () => {
    const shown = { 'jobs.show': ({ id }: JsonObject) => (id === 'a'.repeat(32) ? result('a') : unknownJob) };
    answers = { [dev1]: { ...jobs(job('a')), ...shown }, [dev2]: { 'jobs.list': broken, 'jobs.show': unknownJob } };
    const { code, out, err } = await mco('jobs', 'show', 'aaaa');
    assert.deepEqual([code, err], [0, ''], out);
    assert.match(out, new RegExp(`^job ${'a'.repeat(32)}\n  appmgr.fetch by cert=rip@devco.net\n  ${dev1} {2}ok in `));
    const twin = job('a', { id: `aaaa${'b'.repeat(28)}` });
    answers = { [dev1]: jobs(job('a')), [dev2]: jobs(twin) };
    const both = await mco('jobs', 'show', 'aaaa');
    assert.deepEqual(
      [both.code, both.err],
      [64, 'mco-deploy: aaaa matches 2 jobs: give more digits: “mco-deploy jobs” lists them'],
    );
    const any = await mco('jobs', 'show', 'aaaa', '--any');
    assert.equal(any.err, 'mco-deploy: aaaa matches 2 jobs: give more digits: “mco-deploy jobs --any” lists them');
    answers = { [dev1]: jobs(), [dev2]: jobs() };
    const unknown = await mco('jobs', 'show', 'bbbb', '--any');
    assert.match(unknown.err, /“mco-deploy jobs --any” lists those of all callers/);
    const short = await mco('jobs', 'show', 'aaa');
    assert.match(short.err, /“aaa” is not a valid job id: give the id, or at least its first four digits$/);
    answers = { [dev1]: jobs(), [dev2]: { 'jobs.list': broken } };
    const none = await mco('jobs', 'show', 'aaaa');
    assert.equal(none.code, 64);
    assert.match(
      none.err,
      /no node has a job aaaa that you may see \(dev2\.devco\.net: the disk is gone\): “mco-deploy/,
    );
  });

  test('give the exit code: a part that was refused or is unknown was not completed, one that runs is good', async () => {
    for (const [state, code] of [
      ['running', 0],
      ['ok', 0],
      ['unknown', 2],
      ['cancelled', 2],
      ['refused', 77],
    ] as const) {
      const ended = state === 'running' ? 0 : now;
      answers = { [dev1]: { 'jobs.show': result('a', { state, ended }) }, [dev2]: { 'jobs.show': unknownJob } };
      const shown = await mco('jobs', 'show', 'a'.repeat(32), '--json');
      const { nodes: parts } = JSON.parse(shown.out) as { nodes: { ended: string | null }[] };
      const end = state === 'running' ? null : new Date(now).toISOString();
      assert.deepEqual([shown.code, ...parts.map((part) => part.ended)], [code, end], state);
    }
  });

  test('give the reason, the code, the progress and the output of each part', async () => {
    const failed = result('a', { state: 'failed', code: 'no-space', message: 'the disk is full', run: 'r1' });
    const running = result('a', { state: 'running', ended: 0, progress: '40 %', data: { left: 'two', list: [1] } });
    answers = { [dev1]: { 'jobs.show': failed }, [dev2]: { 'jobs.show': running } };
    const { out } = await mco('jobs', 'show', 'a'.repeat(32));
    assert.match(out, /appmgr\.fetch by cert=rip@devco\.net in run r1\n/);
    assert.match(out, / {2}dev1\.devco\.net {2}failed in 3600\.0 s: the disk is full \(no-space\)\n/);
    assert.match(out, / {2}dev2\.devco\.net {2}running since \S+: 40 %\n {4}left: two\n {4}list: \[1\]$/);
    answers = { [dev1]: { 'jobs.show': result('a', { left_out: true, data: { x: 1 } }) } };
    assert.match((await mco('jobs', 'show', 'a'.repeat(32))).out, /\n {4}its output was too large to be kept$/);
  });

  test('end a cancel with the failure of a node that did not cancel, beside the others', async () => {
    let cancelled = false;
    const show = () => (cancelled ? result('a', { state: 'cancelled' }) : result('a', { state: 'running', ended: 0 }));
    const cancel = () => {
      cancelled = true;
      return { state: 'cancelled' };
    };
    const stays = { 'jobs.show': result('a', { state: 'running', ended: 0 }), 'jobs.cancel': broken };
    answers = { [dev1]: { 'jobs.show': show, 'jobs.cancel': cancel }, [dev2]: stays };
    const { code, out, err } = await mco('jobs', 'cancel', 'a'.repeat(32));
    assert.deepEqual([code, err], [2, `${dev2}: the disk is gone`], out);
    assert.match(out, / {2}dev1\.devco\.net {2}cancelled in .*\n {2}dev2\.devco\.net {2}running since /);
    asked.length = 0;
    const ended = { 'jobs.show': result('a') };
    answers = {
      [dev1]: { 'jobs.show': result('a', { state: 'running', ended: 0 }), 'jobs.cancel': broken },
      [dev2]: ended,
    };
    assert.equal((await mco('jobs', 'cancel', 'a'.repeat(32))).code, 2);
    assert.deepEqual(
      asked.filter(({ action }) => action === 'jobs.cancel').map(({ node }) => node),
      [dev1],
      'only where it runs',
    );
  });

  test('end a wait for a node that fails to reply five times in a row', async () => {
    const { code, out, err } = await waited;
    assert.deepEqual([code, err, looks], [2, `${dev2}: the disk is gone`, 5]);
    assert.match(out, / {2}dev1\.devco\.net {2}ok in /);
  });
});

const releases = (more: object = {}) => ({
  'appmgr.releases': { application: 'shop', revision: '', previous: '', unfinished: '', releases: [], ...more },
});
const pruned = { 'publish.prune': { removed: ['1', '2'], freed: 2048 } };

describe('the replies of nodes about artifacts', { timeout: 600_000 }, () => {
  test('let prune keep what serves, what served before and what was cut off, and nothing where appmgr is not', async () => {
    answers = {
      [dev1]: { ...pruned, ...releases({ revision: '5', previous: '4', unfinished: '6' }) },
      [dev2]: { ...pruned, 'appmgr.releases': new Problem('unknown-application', 'it does not run shop') },
    };
    const { code, out, err } = await mco('prune', 'shop', '--keep', '1');
    assert.deepEqual([code, err], [0, ''], out);
    assert.match(out, /^dev1\.devco\.net: removed 1, 2 \(.*\)\ndev2\.devco\.net: removed 1, 2 /);
    assert.deepEqual(
      asked
        .filter(({ action }) => action === 'publish.prune')
        .map(({ node, input }) => [node, input.held])
        .sort(),
      [
        [dev1, ['5', '4', '6']],
        [dev2, []],
      ],
    );
  });

  test('keep prune from a node whose serving release is not known', async () => {
    answers = { [dev1]: { ...pruned, 'appmgr.releases': broken }, [dev2]: { ...pruned, ...releases() } };
    const { code, out, err } = await mco('prune', 'shop', '--keep', '1');
    assert.deepEqual([code, err], [2, `${dev1}: nothing was removed: the disk is gone`], out);
    assert.deepEqual(
      asked.filter(({ action }) => action === 'publish.prune').map(({ node }) => node),
      [dev2],
    );
  });

  test('say what prune would remove, and that there is nothing to remove', async () => {
    answers = {
      [dev1]: { ...releases(), 'publish.prune': { removed: [], freed: 0 } },
      [dev2]: { ...releases(), ...pruned },
    };
    const { out } = await mco('prune', 'shop', '--keep', '1', '--dry-run');
    assert.match(out, /^dev1\.devco\.net: nothing to remove\ndev2\.devco\.net: would remove 1, 2 /);
    asked.length = 0;
    assert.equal((await mco('prune', 'sh/op', '--keep', '1')).code, 64);
    assert.deepEqual(asked, []);
  });

  test('are listed by node, with what is being received and who signed', async () => {
    const artifact = { application: 'shop', revision: '1', sha256: 'a'.repeat(64), size: 1024, at: 0 };
    const list = (signed: boolean, receiving: object[] = []) => ({
      'publish.list': {
        ...{ takes: ['shop'], published: [{ ...artifact, by: 'cert=rip@devco.net', signed }], receiving },
        ...{ used: 0, free: 0, max_total: 0 },
      },
    });
    const part = { sha256: 'b'.repeat(64), size: 4096, have: 1024 };
    answers = { [dev2]: list(true), [dev1]: list(false, [part]) };
    const { code, out } = await mco('published');
    assert.equal(code, 0);
    const lines = out.split('\n').map((line) => line.split(/ {2,}/));
    assert.deepEqual(
      lines.slice(1, 3).map((cells) => [cells[0], cells.at(-2), cells.at(-1)]),
      [
        [dev1, 'rip@devco.net', 'no'],
        [dev2, 'rip@devco.net', 'yes'],
      ],
    );
    assert.equal(out.split('\n').at(-1), `${dev1} has 1.0 kB of 4.1 kB of bbbbbbbbbbbb`);
    answers = { [dev1]: { 'publish.list': broken }, [dev2]: { 'publish.list': broken } };
    const none = await mco('published');
    assert.deepEqual([none.code, none.out], [2, 'no node listed its artifacts']);
    assert.match(none.err, /^dev[12]\.devco\.net: the disk is gone\ndev[12]\.devco\.net: the disk is gone$/);
  });
});

test('a node that refuses is named by each command that asks nodes, and its exit code counts it', async () => {
  answers = {
    [dev1]: {
      ...{ 'lock.list': { leases: [] }, 'lock.break': { broken: false }, ...jobs(), ...releases(), ...pruned },
      'publish.list': { takes: [], published: [], receiving: [], used: 0, free: 0, max_total: 0 },
    },
  };
  const file = join(home, 'refusing.json');
  const listed = [nodes[0], refusing].map((node) => ({
    name: node?.name,
    address: '127.0.0.1',
    port: node?.daemon.port,
  }));
  await writeFile(file, JSON.stringify(listed));
  for (const words of ['locks', 'locks break bravo', 'jobs', 'published', 'prune shop --keep 1']) {
    const { code, err } = await mco(...words.split(' '), '--nodes', file);
    assert.equal(code, 2, `${words}: ${err}`);
    assert.match(err, /^dev3\.devco\.net: .* may not /m, words);
  }
});

describe('forget', () => {
  test('retires a node whatever the case of its name, and warns of a cache that cannot be read', async () => {
    await mco('ping');
    const { code, out } = await mco('forget', 'DEV1.devco.net');
    assert.equal(code, 0);
    assert.match(out, /^dev1\.devco\.net is forgotten/);
    const cache = join(home, '.cache/mco-deploy/nodes.json');
    await writeFile(cache, 'no cache');
    const warned = await mco('forget', 'dev7.devco.net', '--force');
    assert.deepEqual([warned.code, warned.out], [0, 'dev7.devco.net is forgotten']);
    assert.match(warned.err, /^warning: the cache .* was started again/);
    assert.match(await readFile(cache, 'utf8'), /dev7/);
  });
});
