import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { agents } from '../../../src/agents/index.ts';
import { probeAgent, probeCalls, waiting } from '../../support/agents/probe-agent.ts';
import { startWebhookServer } from '../../support/agents/angelia/webhook-server.ts';
import { type Fleet, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';
import { makeHome } from '../../support/program/home.ts';
import { program } from '../../support/program/program.ts';
import { within } from '../../support/until.ts';

const playbook = `
name: deploy
label: bravo
inputs: { recipient: { required: false } }
nodes: { all: { agents: [probe] } }
notify: { to: "\${{ inputs.recipient }}", success: "\${{ run.operator }} deployed" }
steps:
  - { id: change, name: Change it, call: probe.count, on: all }
  - { id: hold, call: probe.wait, on: all }
`;

/** Webhooks on the loopback, sent by the real agent of a real daemon. */
describe('the recipient of a run’s notifications', { timeout: 600_000 }, () => {
  let fleet: Fleet;
  let home: string;
  let hook: Awaited<ReturnType<typeof startWebhookServer>>;
  const nodes: TestNode[] = [];

  before(async () => {
    fleet = await makeFleet();
    hook = await startWebhookServer();
    const builtIn = (...names: string[]) => agents.filter(({ ddl }) => names.includes(ddl.name));
    nodes.push(await startTestNode(fleet, { agents: [...builtIn('rpcutil', 'lock'), probeAgent] }));
    const sections = { angelia: { webhooks: { ops: hook.url } } };
    for (const name of ['notify1.devco.net', 'notify2.devco.net'])
      nodes.push(await startTestNode(fleet, { name, agents: builtIn('rpcutil', 'angelia'), sections }));
    home = await makeHome(join(fleet.dir, 'home'), await fleet.operator('rip@devco.net'), nodes);
    await writeFile(join(home, 'deploy.yaml'), playbook);
    const failing = playbook.replace('probe.wait', 'probe.fail').replace('name: deploy', 'name: bad');
    await writeFile(join(home, 'bad.yaml'), failing);
  });
  beforeEach(() => {
    hook.received.length = 0;
  });
  after(async () => {
    for (const node of nodes) await node[Symbol.asyncDispose]();
    await hook.stop();
    await fleet.remove();
  });

  const start = (...words: string[]): ChildProcess => {
    const [file = '', ...rest] = [...program, ...words, 'recipient=webhook:ops'];
    const env = { HOME: home, PATH: process.env.PATH ?? '' };
    return spawn(file, rest, { cwd: home, env, stdio: 'ignore' });
  };
  const codeOf = async (child: ChildProcess) => ((await once(child, 'close')) as [number | null])[0];
  const held = async () => {
    if (waiting.length === 0) await within('the call of the run', once(probeCalls, 'wait'));
  };
  const files = async (directory: string) => (await readdir(directory, { recursive: true })) as string[];
  const messages = () => hook.received.map(({ body }) => (JSON.parse(body) as { message: string }).message);

  test('receives the message of the playbook after a success, and one at the start on request', async () => {
    const child = start('run', 'deploy.yaml', '--notify-start');
    const ended = codeOf(child);
    await held();
    assert.equal(await readFile(`/proc/${child.pid}/comm`, 'utf8'), 'mco-deploy\n', 'what ps calls it');
    assert.equal(messages().length, 1);
    assert.match(messages()[0] ?? '', /^rip@devco\.net started deploy \(bravo\), run [0-9a-f]{32}$/);
    waiting.pop()?.();
    assert.equal(await ended, 0);
    assert.deepEqual(messages().slice(1), ['rip@devco.net deployed']);
  });

  test('receives a message on failure: what failed, where and why, and how to continue', async () => {
    assert.equal(await codeOf(start('run', 'bad.yaml')), 2);
    assert.equal(messages().length, 1);
    assert.match(
      messages()[0] ?? '',
      /^run ([0-9a-f]{32}) by rip@devco\.net\nFailed in hold: bad for bravo in .*\n {2}failed: hold \(probe#fail\)\n {2}on dev2\.devco\.net: the probe is broken: fix it \(broken\)\n {2}out of traffic: none\n {2}untouched: none\nto continue: mco-deploy resume \1$/,
    );
  });

  test('receives one message on an interruption by Ctrl-C', async () => {
    const child = start('run', 'deploy.yaml');
    const ended = codeOf(child);
    await held();
    // The program itself, not the shell that starts it: both are of one group, as on a terminal.
    child.kill('SIGINT');
    waiting.pop()?.();
    assert.equal(await ended, 130);
    assert.equal(messages().length, 1);
    assert.match(messages()[0] ?? '', /\nInterrupted: deploy for bravo.*\n {2}interrupted by: Ctrl-C\n/);
  });

  test('receives one message from a node if the client was killed', async () => {
    // Only here: a client that a busy machine keeps from renewing so short a lease counts as killed.
    await appendFile(join(home, '.config/mco-deploy/client.yaml'), 'lease: 10\n');
    const child = start('run', 'deploy.yaml');
    const ended = codeOf(child);
    await held();
    child.kill('SIGKILL');
    await ended;
    await hook.arrived(1);
    waiting.pop()?.();
    assert.match(
      messages()[0] ?? '',
      /^run ([0-9a-f]{32}) by rip@devco\.net\nInterrupted: deploy for bravo: its client no longer responds\nas it was last known:\n.*to continue: mco-deploy resume \1$/s,
    );
    const spools = await Promise.all(nodes.slice(1).map(({ directory }) => files(directory)));
    assert.deepEqual(
      spools.flat().filter((file) => /held.*json$/.test(file)),
      [],
      'no node has another one to send',
    );
    assert.equal(messages().length, 1);
  });
});
