import assert from 'node:assert/strict';
import { once } from 'node:events';
import { appendFile, chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';
import { agents, checkExternal } from '../../../src/agents/index.ts';
import { runDoctor } from '../../../src/client/commands/doctor/doctor.ts';
import type { CliContext } from '../../../src/client/cli/context.ts';
import { parseFindings } from '../../../src/core/finding.ts';
import { doctorNode } from '../../../src/daemon/doctor/node.ts';
import { installExamples } from '../../support/agents/example-agents.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { freePort } from '../../support/free-port.ts';
import { startTestNode } from '../../support/node/node.ts';

async function doctor(side: 'node' | 'client', config: string, home = '/nowhere') {
  const out: string[] = [];
  const context: CliContext = {
    env: { HOME: home },
    stdin: new PassThrough().end() as unknown as NodeJS.ReadStream,
    out: (line) => void out.push(line),
    err: () => {},
    last: () => {},
    status: () => {},
    isTerminal: false,
    signal: new AbortController().signal,
    kill: new AbortController().signal,
    exit: () => {},
  };
  const look = (file: string, signal: AbortSignal) => doctorNode(file, { agents, checkExternal }, signal);
  const code = await runDoctor(side, { config, json: true }, look, context);
  const findings = parseFindings(out.join('\n')) ?? [];
  const of = (check: string) => findings.filter((finding) => finding.check === check);
  return { code, findings, of, status: (check: string) => of(check).map(({ status }) => status) };
}

const rpcutil = agents.filter(({ ddl }) => ddl.name === 'rpcutil');

/** A node’s files, all of them good, with no daemon. */
async function nodeFiles(fleet: Fleet, name: string, more: string): Promise<{ member: Member; config: string }> {
  const member = await fleet.node(name);
  const { directory } = member.files;
  await mkdir(join(directory, 'policies'));
  await writeFile(join(directory, 'policies/default.policy'), 'policy default deny\n');
  await writeFile(join(directory, 'crl.pem'), await fleet.crl());
  const config = join(directory, 'node.yaml');
  await writeFile(config, `discovery: { mdns: false }\naudit: { file: log/audit.jsonl }\nstate: state\n${more}`);
  return { member, config };
}

describe('doctor on a node', () => {
  test('finds nothing broken if the daemon runs', async () => {
    await using fleet = await makeFleet();
    await using node = await startTestNode(fleet, { agents: rpcutil, prepare: (directory) => listen(directory) });
    const { code, status, of } = await doctor('node', join(node.directory, 'node.yaml'));
    assert.equal(code, 0);
    for (const check of [
      'configuration',
      'certificate',
      'key',
      'policies',
      'audit log',
      'state',
      'port',
      'multicast',
    ]) {
      assert.deepEqual(status(check), ['ok'], check);
    }
    assert.match(of('port')[0]?.what ?? '', /^dev2.devco.net answers on port/);
  });

  test('knows the agents in other languages, and says which are refused', async () => {
    await using fleet = await makeFleet();
    const { member, config } = await nodeFiles(fleet, 'dev3.devco.net', 'agents: {}\n');
    const { directory } = member.files;
    const at = await installExamples(directory);
    await chmod(join(at, 'uptime'), 0o777);
    for (const name of ['greeter', 'greter'])
      await writeFile(join(directory, `policies/${name}.policy`), 'policy default deny\n');
    const { of } = await doctor('node', config);
    const said = of('external').map(({ status, what }) => [status, what]);
    const why = `${join(at, 'uptime')} can be written by other users`;
    assert.deepEqual(said, [
      ['broken', `the external agent “uptime” is refused: ${why}: chmod go-w ${join(at, 'uptime')}`],
    ]);
    assert.deepEqual(
      of('policies').flatMap(({ what }) => what.match(/\w+\.policy has no effect.*(?=: did)/) ?? []),
      ['greter.policy has no effect: no agent is called “greter” here'],
    );
  });

  test('reports everything that is broken and how to fix it, at once', async () => {
    await using fleet = await makeFleet();
    const busy = createServer((socket) => socket.end('220 hello\r\n')).listen(0, '127.0.0.1');
    await once(busy, 'listening');
    const { port } = busy.address() as { port: number };
    const { member, config } = await nodeFiles(
      fleet,
      'dev2.devco.net',
      `listen: { address: 127.0.0.1, port: ${port} }
agents:
  haproxy: { sockets: [/nowhere/admin.sock] }
  nrpe: { config: nrpe.cfg }
  appmgr: { applications: { app: { root: /nowhere/app, artifacts: /nowhere } } }
`.replace('nrpe.cfg', join(fleet.dir, 'nrpe.cfg')),
    );
    const cfg = 'command[good]=/bin/true\ncommand[piped]=/bin/true | cat\ncommand[missing]=/nowhere/check\n';
    await writeFile(join(fleet.dir, 'nrpe.cfg'), cfg);
    await chmod(member.files.key, 0o644);
    await appendFile(join(member.files.directory, 'policies/default.policy'), 'allow everybody\n');
    await writeFile(join(member.files.directory, 'log'), 'a file where the directory should be');
    const { code, status, findings, of } = await doctor('node', config);
    busy.close();
    assert.equal(code, 2);
    for (const check of ['key', 'policies', 'audit log', 'port', 'haproxy', 'appmgr']) {
      assert.deepEqual(status(check), ['broken'], check);
    }
    assert.deepEqual(status('nrpe'), ['ok', 'broken', 'broken']);
    assert.match(of('nrpe')[0]?.what ?? '', /defines 1 command that can be run/);
    assert.match(of('key')[0]?.fix ?? '', /^chmod 600 /);
    for (const { status, fix, what } of findings) if (status !== 'ok') assert.notEqual(fix, '', what);
  });

  test('reports an expired certificate, a wrong key, and a missing revocation list', async () => {
    await using fleet = await makeFleet();
    const { member, config } = await nodeFiles(fleet, 'dev2.devco.net', '');
    const other = await fleet.node('dev4.devco.net');
    const key = await readFile(member.files.key);
    await copyFile(other.files.key, member.files.key);
    const foreign = await doctor('node', config);
    assert.match(foreign.of('certificate')[0]?.what ?? '', /node\.key does not match the certificate$/);
    await writeFile(member.files.key, key);
    const old = await fleet.node('dev6.devco.net', { notAfter: Date.now() - 1000 });
    for (const file of ['certificate', 'key'] as const) await copyFile(old.files[file], member.files[file]);
    await writeFile(join(member.files.directory, 'crl.pem'), '');
    const ended = await doctor('node', config);
    assert.equal(ended.code, 2);
    assert.deepEqual(ended.status('certificate'), ['broken']);
  });

  test('reports facts that cannot be read, and changes of the audit log until they are acknowledged', async () => {
    await using fleet = await makeFleet();
    const { member, config } = await nodeFiles(fleet, 'dev2.devco.net', 'facts: { directory: facts.d }\n');
    const { directory } = member.files;
    for (const name of ['facts.d', 'state', 'log']) await mkdir(join(directory, name), { mode: 0o700 });
    await writeFile(join(directory, 'facts.d/bad.json'), '{"a":');
    const incidents = [{ at: '2026-11-29T12:00:00.000Z', what: 'records were removed' }];
    await writeFile(join(directory, 'state/audit.json'), JSON.stringify({ incidents }));
    const { status, of } = await doctor('node', config);
    assert.deepEqual(status('facts'), ['broken']);
    assert.deepEqual(status('policies'), []);
    const changed = of('audit log').find(({ what }) => what.includes('removed'));
    assert.deepEqual([changed?.status, changed?.what], ['broken', 'records were removed (2026-11-29T12:00:00.000Z)']);
    assert.match(changed?.fix ?? '', /audit acknowledge/);
  });

  test('reports only the configuration when it cannot be read', async () => {
    await using fleet = await makeFleet();
    const { config } = await nodeFiles(fleet, 'dev2.devco.net', 'agentss: {}\n');
    const { code, findings } = await doctor('node', config);
    assert.equal(code, 2);
    assert.equal(findings.length, 1);
    assert.match(findings[0]?.what ?? '', /node.yaml:4:1: .*agents/);
  });
});

describe('doctor on an operator’s side', () => {
  test('checks the credentials and calls the nodes', async () => {
    await using fleet = await makeFleet();
    await using node = await startTestNode(fleet, { agents: rpcutil });
    const rip = await fleet.operator('rip@devco.net');
    const config = join(rip.files.directory, 'client.yaml');
    await writeFile(config, 'discovery: { method: file, file: nodes.yaml }\ntimeout: 5\n');
    const nodes = `- { name: ${node.name}, address: 127.0.0.1, port: ${node.daemon.port} }\n`;
    await writeFile(join(rip.files.directory, 'nodes.yaml'), nodes);
    const { code, status } = await doctor('client', config, rip.files.directory);
    assert.equal(code, 0);
    for (const check of ['configuration', 'certificate', 'key', 'discovery', 'nodes']) {
      assert.equal(status(check)[0], 'ok', check);
    }
    assert.deepEqual(status('revocations'), ['warning']);
  });
});

/** The daemon’s port stands in its configuration, so that it can be looked for. */
async function listen(directory: string): Promise<void> {
  const port = await freePort();
  const file = join(directory, 'node.yaml');
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace('port: 0', `port: ${port}`));
  await mkdir(join(directory, 'log'), { recursive: true });
}
