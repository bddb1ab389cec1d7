// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the expressions of playbooks look so
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { agents, findExternal } from '../../../src/agents/index.ts';
import type { CliContext } from '../../../src/client/cli/context.ts';
import { installExamples } from '../../support/agents/example-agents.ts';
import { type Fleet, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { program } from '../../support/program/program.ts';
import { makeHome, placeOf } from '../../support/program/home.ts';

let fleet: Fleet;
let home: string;
const nodes: TestNode[] = [];

before(async () => {
  fleet = await makeFleet();
  home = join(fleet.dir, 'home');
  await start('dev1.devco.net');
  await start('dev2.devco.net');
  await makeHome(home, await fleet.operator('rip@devco.net'), nodes, 'inputs: { who: configured }\n');
  await write('sub/first.json', JSON.stringify(nodes.slice(0, 1).map(placeOf)));
});

after(async () => {
  for (const node of nodes) await node[Symbol.asyncDispose]();
  await fleet.remove();
});

const write = async (file: string, text: string) => {
  await mkdir(join(home, file, '..'), { recursive: true });
  await writeFile(join(home, file), text);
};

const start = async (name: string) => {
  const prepare = async (directory: string) => {
    const at = await installExamples(directory);
    const metadata = { name: 'changer', description: 'c', author: 'a', license: 'l', version: '1', timeout: 5 };
    const actions = [{ action: 'go', description: 'changes nothing, and does not say so', display: 'always' }];
    await writeFile(join(at, 'changer.json'), JSON.stringify({ metadata, actions }));
    const reply = '{"statuscode":0,"data":{},"activate":true}';
    await writeFile(join(at, 'changer'), `#!/bin/bash\necho '${reply}' >"$2"\n`);
    await chmod(join(at, 'changer'), 0o755);
    await writeFile(join(directory, 'facts.d', 'site.yaml'), `cluster: bravo\nrack: ${name.slice(0, 4)}-rack\n`);
  };
  const builtIn = agents.filter(({ ddl }) => ['rpcutil', 'lock'].includes(ddl.name));
  nodes.push(await startTestNode(fleet, { name, agents: builtIn, findExternal, prepare }));
};

const mco = async (words: readonly string[], more: Partial<CliContext> = {}) => {
  const { code, out, err } = await runInProcess(words, home, more);
  return { code, out: out.join('\n'), err: err.join('\n') };
};

const run = (file: string, words: readonly string[] = [], more: Partial<CliContext> = {}) =>
  mco(['run', join(home, file), ...words], more);

const actions = async () =>
  ((await nodes[0]?.records()) ?? []).flatMap((record) => ('action' in record ? [record.action] : []));

/** A person at a terminal, who answers every question so. */
const answering = (answer: string): Partial<CliContext> => {
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  stdin.write(`${answer}\n`);
  return { stdin: stdin as unknown as NodeJS.ReadStream, isTerminal: true };
};

const greeting = `name: greeting
inputs:
  who: {}
  times: {type: integer, default: 1}
nodes: {all: {agents: [greeter]}}
steps:
  - {id: greet, call: greeter.greet, on: all, with: {name: "\${{ inputs.who }}", times: "\${{ inputs.times }}"}}
  - {say: "\${{ steps.greet.replies[0].data.greeting }}"}
`;

/** Playbooks of a person's own, run by the commands against real daemons. */
describe('mco-deploy run', { timeout: 600_000 }, () => {
  test('calls an agent that only the nodes know, by the description they return', async () => {
    await write('greeting.yaml', greeting);
    const { code, out, err } = await run('greeting.yaml', ['who=Ada', 'times=2']);
    assert.equal(code, 0, out + err);
    assert.match(out, /greeter#greet executed successfully on 2 nodes/);
    assert.match(out, /Hello Ada! Hello Ada!/);
    const online = await mco(['playbook', 'check', join(home, 'greeting.yaml'), '--online']);
    assert.match(online.out, /greeting is valid: 2 inputs, 1 node set, 2 steps/);
    const offline = await mco(['playbook', 'check', join(home, 'greeting.yaml')]);
    assert.match(offline.err, /not built in: greeter; with --online the nodes are asked/);
    assert.match(offline.err, /greeting\.yaml:7:23: there is no agent “greeter”/);
  });

  test('refuses what such an agent would not accept before it calls any node', async () => {
    await write('wrong.yaml', greeting.replace('times: "${{ inputs.times }}"', 'times: 1.5'));
    const before = (await actions()).length;
    const { code, err } = await run('wrong.yaml', ['who=Ada']);
    assert.equal(code, 64);
    assert.match(err, /wrong\.yaml:7:\d+: times: must be a whole number/);
    await write('typo.yaml', greeting.replace('greeter.greet', 'greeterr.greet'));
    assert.match((await run('typo.yaml', ['who=Ada'])).err, /typo\.yaml:7:23: there is no agent “greeterr”/);
    assert.equal((await actions()).length, before);
  });

  test('uses another playbook of its directory, once for each item', async () => {
    await write('sub/greeting.yaml', greeting);
    await write(
      'outer.yaml',
      'name: outer\nsteps:\n  - for_each:\n      in: [Ada, Grace]\n      steps:\n        - {id: one, use: sub/greeting.yaml, with: {who: "${{ item }}"}}\n',
    );
    const { code, out, err } = await run('outer.yaml');
    assert.equal(code, 0, out + err);
    assert.match(out, /step_1\[1\]\.one\.greet: greeter#greet executed successfully on 2 nodes/);
    assert.match(out, /Hello Grace!/);
  });

  test('takes a lease that two playbooks of a run name once, and different leases separately', async () => {
    const call = '  - {call: changer.go, on: all}\n';
    const text = (name: string, lock: string, steps: string) =>
      `name: ${name}\nlock: ${lock}\nnodes: {all: {agents: [changer]}}\nsteps:\n${steps}`;
    const taken = async (inner: string) => {
      await write('inner.yaml', text('inner', inner, call));
      await write('locks.yaml', text('locks', 'site', `${call}  - {id: in, use: inner.yaml}\n${call}`));
      const before = (await actions()).length;
      const { code, out, err } = await run('locks.yaml');
      assert.equal(code, 0, out + err);
      const names = (await actions()).slice(before).filter((action) => action === 'take' || action === 'release');
      return names.sort();
    };
    assert.deepEqual(await taken('site'), ['release', 'take']);
    assert.deepEqual(await taken('inner'), ['release', 'release', 'take', 'take']);
    assert.equal((await mco(['locks'])).out, 'no lease is held');
  });

  test('prefers an input from the environment or a file to the configured one, and a given one to both', async () => {
    await write('from.yaml', greeting.replace('who: {}', 'who: {from: {env: GREET}}'));
    const env = { HOME: home, GREET: 'Env' };
    assert.match((await run('from.yaml', [], { env })).out, /Hello Env!/);
    assert.match((await run('from.yaml', ['who=Given'], { env })).out, /Hello Given!/);
    assert.match((await run('from.yaml')).out, /Hello configured!/);
    await write('sub/file.yaml', greeting.replace('who: {}', 'who: {from: {file: who.txt}}'));
    await write('sub/who.txt', 'File\n');
    assert.match((await run('sub/file.yaml')).out, /Hello File!/);
    await write('must.yaml', greeting.replaceAll('who', 'guest').replace('guest: {}', 'guest: {from: {env: NO_SUCH}}'));
    assert.match((await run('must.yaml')).err, /the input “guest” is missing: give guest=…, or set NO_SUCH/);
  });

  test('never stores a sensitive input that it read from a file', async () => {
    await write('secret.yaml', greeting.replace('who: {}', 'who: {sensitive: true, from: {file: key.txt}}'));
    await write('key.txt', 'Hushhush\n');
    const { code, out, err } = await run('secret.yaml');
    assert.equal(code, 2, 'the agent’s input is not marked as sensitive');
    assert.match(out, /the sensitive input “who” may not be given to greeter#greet as “name”/);
    const runs = join(home, '.local/state/mco-deploy/runs');
    const journals = await Promise.all((await readdir(runs)).map((file) => readFile(join(runs, file), 'utf8')));
    assert.doesNotMatch(journals.join('') + out + err, /Hushhush/);
  });

  test('finds a set of nodes by the set’s sources, and returns an unpublished fact of each', async () => {
    await write(
      'sub/set.yaml',
      'name: set\nnodes:\n  one: {source: file, file: first.json}\nsteps:\n  - {say: "${{ nodes.one.members.map(m, m.name + \' is in \' + m.facts.rack) }}"}\n',
    );
    const { code, out, err } = await run('sub/set.yaml');
    assert.equal(code, 0, out + err);
    assert.match(out, /dev1\.devco\.net is in dev1-rack$/m);
    assert.doesNotMatch(out, /dev2/);
  });
});

describe('mco-deploy run at a terminal', { timeout: 600_000 }, () => {
  test('shows its plan on a terminal and asks before its first change; without a yes nothing is changed', async () => {
    const steps =
      '  - {id: look, call: rpcutil.ping, on: all}\n  - {id: go, name: Change it, call: changer.go, on: all}\n';
    await write('change.yaml', `name: change\nnodes: {all: {agents: [changer]}}\nsteps:\n${steps}`);
    const changes = async () => (await actions()).filter((action) => action === 'go').length;
    const before = await changes();
    const no = await run('change.yaml', [], answering('n'));
    assert.equal(no.code, 130, no.err);
    assert.match(
      no.err,
      /all: 2 nodes: dev1\.devco\.net, dev2\.devco\.net\nsteps:\n {2}Change it: changer#go on 2 nodes\njournal: on this host alone: no node of the run runs the agent journal$/,
    );
    assert.match(no.out, /nothing was changed\nto try again: type the same command$/);
    assert.equal(await changes(), before);
    assert.equal((await run('change.yaml', [], answering('y'))).code, 0);
    assert.equal((await run('change.yaml', ['--yes'], answering(''))).code, 0);
    assert.equal(await changes(), before + 2);
  });

  test('does not ask for confirmation if it only reads', async () => {
    assert.equal((await run('greeting.yaml', ['who=Ada'], answering('n'))).code, 0);
  });

  test('asks for confirmation at a step that requires it, and does not start without a terminal', async () => {
    await write(
      'ask.yaml',
      greeting.replace('steps:\n', 'steps:\n  - {id: sure, confirm: "greet ${{ nodes.all.size }} nodes?"}\n'),
    );
    const none = await run('ask.yaml', ['who=Ada']);
    assert.equal(none.code, 64);
    assert.match(
      none.err,
      /greeting asks a question while it runs, and there is no terminal: run it on a terminal, or with --yes/,
    );
    assert.equal((await run('ask.yaml', ['who=Ada', '--yes'])).code, 0);
    const refused = await run('ask.yaml', ['who=Ada', '--json'], answering('no'));
    assert.equal(refused.code, 2);
    assert.match(refused.out, /rip@devco\.net did not say yes to: greet 2 nodes\?/);
    assert.equal((await run('ask.yaml', ['who=Ada', '--dry-run'])).code, 0, 'a dry run needs nobody to answer');
  });

  test('treats Ctrl-C at a question on a real terminal as an interruption, and y as a yes', async () => {
    const type = async (keys: string) => {
      const words = [...program, 'run', join(home, 'ask.yaml'), 'who=Ada'];
      const env = { HOME: home, PATH: process.env.PATH ?? '' };
      const terminal = spawn('script', ['-qec', words.map((word) => `'${word}'`).join(' '), '/dev/null'], { env });
      const left = ['greet 2 nodes? [y/N]'];
      let shown = '';
      terminal.stdout.on('data', (chunk: Buffer) => {
        shown += chunk.toString();
        if (left[0] === undefined || !shown.includes(left[0])) return;
        left.shift();
        terminal.stdin.write(keys);
      });
      const [code] = (await once(terminal, 'close')) as [number];
      return { code, shown };
    };
    const before = (await actions()).filter((action) => action === 'greet').length;
    const stopped = await type('\x03');
    assert.equal(stopped.code, 130, stopped.shown);
    assert.match(stopped.shown, /Interrupted: greeting/);
    assert.equal((await actions()).filter((action) => action === 'greet').length, before);
    const agreed = await type('y\r');
    assert.equal(agreed.code, 0, agreed.shown);
    assert.match(agreed.shown, /sure: greet 2 nodes\? yes/);
  });
});

describe('mco-deploy run with --json', { timeout: 600_000 }, () => {
  test('prints events as JSON, one per line, as they happen', async () => {
    const { out } = await run('greeting.yaml', ['who=Ada', '--json']);
    const types = out.split('\n').map((line) => (JSON.parse(line) as { type: string }).type);
    assert.deepEqual([types[0], types.at(-1)], ['run-started', 'run-finished']);
    assert.equal(types.filter((type) => type === 'outcome').length, 2);
  });
});
