import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { agents } from '../../../src/agents/index.ts';
import { parseCertificate } from '../../../src/core/credentials/certificate.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { until } from '../../support/until.ts';
import { listNodes } from '../../support/program/home.ts';

const builtIn = agents.filter(({ ddl }) => ['rpcutil', 'crl', 'lock'].includes(ddl.name));

/** Asks again and again for what never holds. */
const playbook = `
name: endless
description: for tests
nodes:
  all: { agents: [rpcutil] }
steps:
  - { id: look, call: rpcutil.ping, on: all, until: reply.data.pong == 0, tries: 300, try_sleep: 200ms }
`;

describe('revocation during a run', () => {
  let fleet: Fleet;
  let rip: Member;
  const nodes: TestNode[] = [];

  before(async () => {
    fleet = await makeFleet();
    rip = await fleet.operator('rip@devco.net');
    for (const name of ['dev1.devco.net', 'dev2.devco.net']) {
      nodes.push(
        await startTestNode(fleet, { name, agents: builtIn, policies: { default: 'policy default allow\n' } }),
      );
    }
    await listNodes(fleet.dir, nodes);
    await writeFile(join(fleet.dir, 'endless.yaml'), playbook);
  });
  after(async () => {
    for (const node of nodes) await node[Symbol.asyncDispose]();
    await fleet.remove();
  });

  const homeOf = async ({ files }: Member) => {
    const home = join(files.directory, 'home');
    await mkdir(join(home, '.config/mco-deploy'), { recursive: true });
    const tls = `tls: { certificate: ${files.certificate}, key: ${files.key}, ca: ${files.ca}, crl: ${files.directory}/crl.pem }`;
    const discovery = `discovery: { method: file, file: ${fleet.dir}/nodes.json }\n`;
    await writeFile(join(home, '.config/mco-deploy/client.yaml'), `${tls}\n${discovery}`);
    return home;
  };
  /** A run of an operator that goes on until something stops it, once it has called the nodes. */
  const beginRun = async (member: Member) => {
    const stopping = new AbortController();
    const said: string[] = [];
    const say = (line: string) => void said.push(line);
    const words = ['run', join(fleet.dir, 'endless.yaml')];
    const ended = runInProcess(words, await homeOf(member), { signal: stopping.signal, out: say, err: say });
    const caller = `cert=${member.identity.name}`;
    const hasCalled = async (node: TestNode) =>
      (await node.records()).some((one) => one.kind === 'intent' && one.caller === caller && one.action === 'ping');
    for (const node of nodes) await until(`${node.name} is called`, () => hasCalled(node), 50);
    return { said: () => said.join('\n'), stop: () => stopping.abort(), ended };
  };

  test('an operator who is revoked is refused by every node at the next call', async () => {
    const lost = await fleet.operator('lost@devco.net');
    const running = await beginRun(lost);
    fleet.revoke(lost);
    await writeFile(join(fleet.dir, 'list.pem'), await fleet.crl());
    const pushed = await runInProcess(['ca', 'push-crl', '--file', join(fleet.dir, 'list.pem')], await homeOf(rip));
    assert.equal(pushed.code, 0, pushed.err.join());
    const { code } = await running.ended;
    assert.equal(code, 2, running.said());
    assert.match(running.said(), /the certificate of operator lost@devco.net was revoked/);
    for (const node of nodes) {
      const last = (await node.records()).findLast(
        (one) => one.kind === 'intent' && one.caller === 'cert=lost@devco.net',
      );
      assert.ok(last?.kind === 'intent');
      assert.equal(last.verdict, 'revoked-certificate', node.name);
    }
  });

  test('a node that is revoked receives nothing more from a client with that list', async () => {
    const running = await beginRun(rip);
    const [dev1, dev2] = nodes;
    assert.ok(dev1 && dev2);
    fleet.revoke({ certificate: parseCertificate(await readFile(join(dev1.directory, 'node.crt'))) });
    await writeFile(join(rip.files.directory, 'crl.pem'), await fleet.crl());
    const times = async (node: TestNode) =>
      (await node.records()).filter((one) => one.kind === 'intent' && one.action === 'ping').map(({ time }) => time);
    // Each try calls all nodes at once: when only the other one has heard of many, the first is left out.
    const leftOut = async () => {
      const last = (await times(dev1)).at(-1) ?? '';
      return (await times(dev2)).filter((time) => time > last).length;
    };
    await until('five rounds without the node', async () => (await leftOut()) >= 5, 200);
    running.stop();
    await running.ended;
    assert.match(running.said(), /the certificate of node dev1.devco.net was revoked/);
  });
});
