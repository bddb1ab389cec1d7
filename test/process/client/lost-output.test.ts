import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { agents } from '../../../src/agents/index.ts';
import { counted, probeAgent, probeCalls, waiting } from '../../support/agents/probe-agent.ts';
import { type Fleet, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';
import { makeHome } from '../../support/program/home.ts';
import { program } from '../../support/program/program.ts';

const quoted = (words: readonly string[]) => words.map((word) => `'${word}'`).join(' ');

/** Waits in the middle, and says more than a pipe or a terminal takes without a reader. */
const playbook = `
name: talk
nodes: { all: { agents: [probe] } }
steps:
  - { id: begin, say: "begun${'\\n.'.repeat(100)}" }
  - { id: hold, call: probe.wait, on: all }
  - for_each:
      in: [${Array.from({ length: 40 }, (_, index) => `m${index}`).join(', ')}]
      steps: [{ id: talk, say: "${'x'.repeat(2500)}" }]
  - { id: count, call: probe.count, on: all }
`;

let fleet: Fleet;
let node: TestNode;
let home: string;

before(async () => {
  fleet = await makeFleet();
  const builtIn = agents.filter(({ ddl }) => ['rpcutil', 'lock'].includes(ddl.name));
  node = await startTestNode(fleet, { agents: [...builtIn, probeAgent] });
  home = await makeHome(join(fleet.dir, 'home'), await fleet.operator('rip@devco.net'), [node]);
  await writeFile(join(home, 'talk.yaml'), playbook);
});

const resetCount = () => {
  counted.times = 0;
};

after(async () => {
  await node[Symbol.asyncDispose]();
  await fleet.remove();
});

const env = () => ({ HOME: home, PATH: process.env.PATH ?? '', TERM: 'xterm' });
const run = () => `${quoted([...program, 'run', 'talk.yaml', '--yes'])} < /dev/null`;
const shell = (script: string) => spawn('bash', ['-c', script], { cwd: home, env: env() });
const terminal = (script: string) => spawn('script', ['-qec', script, '/dev/null'], { cwd: home, env: env() });

const said = (child: ChildProcess, words: string) =>
  new Promise<string>((resolve, reject) => {
    let text = '';
    const hear = (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes(words)) resolve(text);
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('close', () => reject(new Error(`it ended without “${words}”: ${text}`)));
  });

const release = async () => {
  if (waiting.length === 0) await once(probeCalls, 'wait');
  waiting.pop()?.();
};

const lastEnd = async () => {
  const directory = join(home, '.local/state/mco-deploy/runs');
  const files = await readdir(directory);
  const ends = await Promise.all(
    files.map(async (file) => (await readFile(join(directory, file), 'utf8')).trimEnd().split('\n').map(parse)),
  );
  return ends.sort((a, b) => (b[0]?.at ?? 0) - (a[0]?.at ?? 0))[0]?.find(({ type }) => type === 'run-finished');
};

const parse = (line: string) => JSON.parse(line) as { at: number; type: string; state?: string; interruption?: string };

describe('a run whose output is lost', { timeout: 600_000 }, () => {
  beforeEach(resetCount);

  test('continues to its end and keeps its exit code when head has read enough', async () => {
    const child = shell(`{ ${run()}; echo code $? >&2; } | (head -n 1; exec 0<&-; echo reader gone)`);
    const coded = said(child, 'code 0');
    await said(child, 'reader gone');
    await release();
    await coded;
    assert.equal(counted.times, 1);
    assert.equal((await lastEnd())?.state, 'done');
  });

  test('continues when a person quits less', async () => {
    const pager = 'less; exec 0<&-; echo reader gone';
    const child = terminal(`bash -c "{ ${run().replaceAll("'", '')}; echo code \\$? > code; } | (${pager})"`);
    const [gone, begun] = [said(child, 'reader gone'), said(child, 'begun')];
    const ended = once(child, 'close');
    await begun;
    child.stdin.write('q');
    await gone;
    await release();
    await ended;
    assert.equal(await readFile(join(home, 'code'), 'utf8'), 'code 0\n');
    assert.equal(counted.times, 1);
  });

  test('continues when the disk of its output is full, and reports it', async () => {
    const child = shell(`${run()} > /dev/full; echo code $?`);
    const [coded, warned] = [said(child, 'code 0'), said(child, 'no space left on the device: part of it is missing')];
    await release();
    await Promise.all([coded, warned]);
    assert.equal(counted.times, 1);
  });

  test('continues while its terminal is stalled', async () => {
    const child = terminal(run());
    child.stdout.resume();
    const ended = once(child, 'close');
    const counting = once(probeCalls, 'count');
    if (waiting.length === 0) await once(probeCalls, 'wait');
    child.kill('SIGSTOP');
    waiting.pop()?.();
    await counting;
    child.kill('SIGCONT');
    assert.deepEqual((await ended)[0], 0);
  });

  test('ends after the current batch when its terminal is closed, and its journal says why', async () => {
    const child = terminal(`exec ${run()}`);
    await said(child, 'begun');
    if (waiting.length === 0) await once(probeCalls, 'wait');
    const ended = once(child, 'close');
    child.kill('SIGKILL');
    await ended;
    await release();
    let last = await lastEnd();
    while (last === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      last = await lastEnd();
    }
    const { state, interruption } = last;
    assert.deepEqual(
      { state, interruption },
      { state: 'interrupted', interruption: 'SIGHUP: the terminal was closed' },
    );
    assert.equal(counted.times, 0);
  });

  test('outlives its terminal under nohup', async () => {
    const child = shell(`nohup ${run()} & pid=$!; read line; kill -HUP $pid; echo hung up; wait $pid; echo code $?`);
    const [hungUp, coded] = [said(child, 'hung up'), said(child, 'code 0')];
    if (waiting.length === 0) await once(probeCalls, 'wait');
    child.stdin.write('\n');
    await hungUp;
    await release();
    await coded;
    assert.equal(counted.times, 1);
  });

  test('asks for confirmation on the terminal although its output goes to tee, and changes nothing without a yes', async () => {
    for (const [answer, code, times] of [
      ['n', 130, 0],
      ['y', 0, 1],
    ] as const) {
      const words = [...program, 'run', 'talk.yaml'].join(' ');
      const child = terminal(`bash -c "{ ${words}; echo code \\$? > code; } 2>&1 | tee log >/dev/null"`);
      const ended = once(child, 'close');
      await said(child, '[y/N]');
      child.stdin.write(`${answer}\r`);
      if (answer === 'y') await release();
      await ended;
      assert.equal(await readFile(join(home, 'code'), 'utf8'), `code ${code}\n`);
      assert.equal(counted.times, times);
    }
  });
});

describe('a command that only shows something', { timeout: 600_000 }, () => {
  const commands = [
    ['find'],
    ['--help'],
    ['schema', 'ping'],
    ['playbook', 'list'],
    ['playbook', 'check', 'app_rolling_upgrade'],
    ['run', 'talk.yaml', '--dry-run'],
  ];
  for (const words of commands) {
    const line = quoted([...program, ...words]);
    test(`ends with exit code 74 if its output could not be written: ${words.join(' ')}`, async () => {
      const child = shell(`${line} > /dev/full < /dev/null; echo code $?`);
      const warned = said(child, 'standard output could not be written: no space left on the device');
      await Promise.all([said(child, 'code 74'), warned]);
    });
  }

  test('keeps the exit code of what it found, although its output could not be written', async () => {
    const doctor = quoted([...program, 'doctor', 'client', '--json', '--config', 'none.yaml']);
    const child = shell(`${doctor} > /dev/full < /dev/null; echo code $?`);
    await Promise.all([said(child, 'code 2'), said(child, 'standard output could not be written')]);
  });

  const find = quoted([...program, 'find']);
  const lost: Readonly<Record<string, string>> = {
    'nobody reads the pipe': `mkfifo gone; exec 3<>gone 4>gone 3<&-; ${find} >&4 </dev/null 2>&1; echo code $?`,
    'standard output is only open for reading': `${find} 1< talk.yaml </dev/null; echo code $?`,
  };
  for (const [what, script] of Object.entries(lost)) {
    test(`ends with exit code 74 if ${what}`, async () => {
      await said(shell(script), 'code 74');
    });
  }
});
