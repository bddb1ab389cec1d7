import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { agents as all } from '../../../src/agents/index.ts';
import { type Daemon, startDaemon } from '../../../src/daemon/daemon.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { program } from '../../support/program/program.ts';
import { runProgram } from '../../support/program/run-program.ts';

const repository = join(import.meta.dirname, '../../..');
const agents = all.filter(({ ddl }) => ['audit', 'rpcutil'].includes(ddl.name));
const playbook = `
name: look
description: asks every node for a fact
nodes: { all: { agents: [rpcutil] } }
steps:
  - { id: look, call: rpcutil.get_fact, on: all, with: { fact: cluster } }
`;

let fleet: Fleet;
let nodes: TestNode[];
let again: Daemon | undefined;
let home: string;
let rip: Member;
let run: string;
let journal: string;

before(async () => {
  fleet = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
  home = await mkdtemp(join(tmpdir(), 'mco-trace-'));
  nodes = [];
  for (const name of ['dev2.devco.net', 'dev4.devco.net'])
    nodes.push(await startTestNode(fleet, { name, agents, config: 'clock_grace: 0' }));
  await list(nodes.map(({ name, daemon }) => ({ name, port: daemon.port })));
  const { certificate, key, ca } = rip.files;
  await mkdir(join(home, '.config/mco-deploy'), { recursive: true });
  await writeFile(
    join(home, '.config/mco-deploy/client.yaml'),
    `tls: { certificate: ${certificate}, key: ${key}, ca: ${ca} }\ndiscovery: { method: file, file: ${home}/nodes.yaml }\n`,
  );
  await writeFile(join(home, 'look.yaml'), playbook);
  const { code, out, err } = await asProcess('run', join(home, 'look.yaml'));
  assert.equal(code, 0, out + err);
  const runs = join(home, '.local/state/mco-deploy/runs');
  const [name = ''] = await readdir(runs);
  run = name.replace('.jsonl', '');
  journal = join(runs, name);
});

after(async () => {
  await again?.stop();
  for (const node of nodes.slice(again === undefined ? 0 : 1)) await node[Symbol.asyncDispose]();
  await fleet.remove();
  await rm(home, { recursive: true });
});

const list = (places: { name: string; port: number }[]) =>
  writeFile(
    join(home, 'nodes.yaml'),
    places.map(({ name, port }) => `- { name: ${name}, address: 127.0.0.1, port: ${port} }\n`).join(''),
  );

const [file, ...words] = program;

const asProcess = (...argv: string[]) =>
  runProgram(file, [...words, ...argv], {
    cwd: repository,
    env: { HOME: home, PATH: process.env.PATH ?? '' },
  });

/** Runs the command in this process, without the start of a program. */
const inProcess = async (...argv: string[]) => {
  const { code, out, err } = await runInProcess(argv, home);
  return { code, out: out.join('\n'), err: err.join('\n') };
};

const trace = async (): Promise<{
  code: number;
  findings: { node: string; code: string }[];
  requests: unknown[];
}> => {
  const { code, out } = await inProcess('audit', 'trace', run, '--json');
  return { code, ...(JSON.parse(out) as { findings: { node: string; code: string }[]; requests: unknown[] }) };
};

/** Traces with another journal, and puts the right one back. */
const traceWith = async (change: (text: string) => string) => {
  const right = await readFile(journal, 'utf8');
  await writeFile(journal, change(right));
  const { code, findings } = await trace();
  await writeFile(journal, right);
  return { code, codes: [...new Set(findings.map((one) => one.code))].sort() };
};

describe('the records of a run, gathered from real daemons', () => {
  test('agree with the journal of their operator, in the order of time', async () => {
    const { code, out, err } = await asProcess('audit', 'trace', run);
    assert.equal(code, 0, out + err);
    assert.match(out, /dev2\.devco\.net look try 1 rpcutil\.get_fact \{"fact":"cluster"\} by cert=rip@devco\.net: ok/);
    assert.match(out, /clocks against the caller's, at most: dev2\.devco\.net [+-]?\d+ ms, dev4/);
    assert.match(out, /2 requests on 2 nodes: every signature is valid, and the journal agrees/);
    assert.equal((await trace()).requests.length, 2);
  });

  test('are reported if they differ from a changed journal', async () => {
    assert.deepEqual(await traceWith((text) => text.replace(/("type":"outcome".*"outcome":)"ok"/, '$1"failed"')), {
      code: 2,
      codes: ['outcome-differs'],
    });
    const without = (text: string) => text.replace(/^.*"type":"call".*\n/m, '');
    assert.deepEqual(await traceWith(without), { code: 2, codes: ['not-in-journal'] });
    assert.deepEqual(await traceWith((text) => text.replaceAll('"fact":"cluster"', '"fact":"role"')), {
      code: 2,
      codes: ['request-differs'],
    });
    const moved = (text: string) => text.replaceAll(/"requestId":"[0-9a-f]{32}"/g, `"requestId":"${'a'.repeat(32)}"`);
    assert.deepEqual(await traceWith(moved), { code: 2, codes: ['no-record', 'not-in-journal'] });
    // The head of a record of the run: the head in the reply to a read may end before that read.
    const [dev2] = nodes;
    const intent = (await dev2?.records())?.findLast((record) => record.kind === 'intent' && record.run_id === run);
    const forked = (text: string) =>
      text.replaceAll(/^.*"type":"outcome".*$/gm, (line) => {
        const entry = JSON.parse(line) as { node: string };
        const auditHead = `${intent?.sequence}:${'0'.repeat(64)}`;
        return JSON.stringify(entry.node === dev2?.name ? { ...entry, auditHead } : entry);
      });
    assert.deepEqual(await traceWith(forked), { code: 2, codes: ['rewritten'] });
    assert.equal((await trace()).code, 0);
  });

  test('can be read from one node, which checks its own log, by callers that the policy allows', async () => {
    const { code, out } = await inProcess('rpc', 'audit', 'verify', '--json');
    assert.equal(code, 0);
    const replies = JSON.parse(out) as { data: { holds: boolean } }[];
    assert.deepEqual(
      replies.map(({ data }) => data.holds),
      [true, true],
    );
    const eve = await fleet.operator('eve@devco.net');
    const order = { agent: 'audit', action: 'records', input: {} };
    assert.equal((await nodes[0]?.call(eve, order))?.code, 'policy-denied');
  });

  test('come in pages of limited size', async () => {
    const records = async (input: object) => {
      const reply = await nodes[1]?.call(rip, { agent: 'audit', action: 'records', input: { ...input } });
      return JSON.parse(reply?.data.toString() ?? '') as { lines: string[]; certificates: string[]; next: number };
    };
    const first = await records({ run, limit: 1 });
    assert.equal(first.lines.length, 1);
    assert.equal(first.certificates.length, 1);
    const second = await records({ run, limit: 1, after: first.next });
    assert.match(second.lines[0] ?? '', /"kind":"outcome"/);
    assert.equal(second.next, 0);
    assert.deepEqual((await records({ run: 'b'.repeat(32) })).lines, []);
    assert.deepEqual((await records({ since: '2099-01-01T00:00Z' })).lines, []);
  });

  test('give their heads to callers, who detect that a log was cut', async () => {
    const { out } = await inProcess('audit', 'heads', '--json');
    const heads = JSON.parse(out) as { node: string; sequence: number; hash: string }[];
    assert.deepEqual(
      heads.map(({ node }) => node),
      ['dev2.devco.net', 'dev4.devco.net'],
    );
    const [node] = nodes;
    assert.ok(node !== undefined);
    const file = join(home, '.local/state/mco-deploy/heads.json');
    const verify = ['audit', 'verify', '--config', join(node.directory, 'node.yaml'), '--heads', file];
    assert.equal((await inProcess(...verify)).code, 0);

    await node.daemon.stop();
    const [first = ''] = (await readFile(node.auditFile, 'utf8')).split('\n');
    await writeFile(node.auditFile, `${first}\n`);
    const cut = await inProcess(...verify);
    assert.equal(cut.code, 2);
    assert.match(
      cut.out,
      /audit\.jsonl:1: truncated: the log ends at record 1, but a caller holds a head of record \d+/,
    );

    again = await startDaemon({ configFile: join(node.directory, 'node.yaml'), agents, version: '0.1.0' });
    await list([{ name: node.name, port: again.port }]);
    const call = await inProcess('rpc', 'rpcutil', 'ping', '--json');
    const [reply] = JSON.parse(call.out) as { outcome: string; code: string; message: string }[];
    assert.deepEqual([call.code, reply?.outcome, reply?.code], [2, 'failed', 'audit-forked']);
    assert.match(reply?.message ?? '', /was cut, rewritten or restored: it does not continue record \d+/);
    const warned = await inProcess('ping', '-I', node.name);
    assert.match(warned.err, /was moved away or cut while the daemon did not run/);
    const distrusted = await inProcess('rpc', 'lock', 'take', 'name=x', 'ttl=5', '-I', node.name, '--json');
    assert.match(distrusted.out, /nothing was sent/);
    const forgotten = await inProcess('audit', 'heads', '--forget', node.name, '--reason', 'a test');
    assert.deepEqual([forgotten.code, forgotten.err], [0, '']);
    assert.match(forgotten.out, /has served \d request\(s\) since [\s\S]* rpcutil\.ping {2}ok/);
    assert.match(
      await readFile(node.auditFile, 'utf8'),
      /"action":"acknowledge".*"head":"\d+:[0-9a-f]{64}","reason":"a test"/,
    );
    assert.doesNotMatch((await inProcess('ping', '-I', node.name)).err, /moved away or cut/);
    assert.equal((await inProcess('rpc', 'rpcutil', 'ping')).code, 0);
  });
});
