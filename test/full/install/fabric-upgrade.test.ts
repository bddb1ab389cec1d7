import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { bundleProgram } from '../../../build/bundle/bundle-program.ts';
import { type Fleet, makeFleet } from '../../support/fleet/fleet.ts';
import { freePort } from '../../support/free-port.ts';
import { type Ended, runProgram } from '../../support/program/run-program.ts';
import { until } from '../../support/until.ts';

const run = promisify(execFile);
const nodes = ['dev1.devco.net', 'dev2.devco.net'] as const;

/** Two builds of the program, as releases that differ in what they call themselves. */
let work: string;
let fleet: Fleet;
const services: ChildProcess[] = [];
const ports = new Map<string, number>();
const at = (...parts: string[]) => join(work, ...parts);

describe('an upgrade of the fabric', { timeout: 600_000 }, () => {
  before(async () => {
    work = await mkdtemp(join(tmpdir(), 'mco-fabric-'));
    fleet = await makeFleet();
    await Promise.all(['0.1.1', '0.2.0'].map(makeRelease));
    // One program that reports another version than its name, and one that can't run.
    await publish('0.3.0', at('releases/0.2.0'));
    await mkdir(at('releases/0.4.0'));
    await writeFile(at('releases/0.4.0/mco-deploy'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    await publish('0.4.0', at('releases/0.4.0'));
    for (const name of nodes) await startService(name);
    await prepareOperator();
    for (const name of nodes) await answers(name, '0.1.1');
  });

  after(async () => {
    await writeFile(at('stop'), '');
    for (const name of nodes) await run(at(name, 'restart')).catch(() => {});
    await Promise.all(services.map((child) => child.exitCode ?? once(child, 'exit')));
    await fleet.remove();
    await rm(work, { recursive: true, force: true });
  });

  test('a client of one build calls daemons of the other', async () => {
    const pinged = await client('0.2.0', ['ping', '--json']);
    assert.equal(pinged.code, 0, pinged.err);
    assert.deepEqual(versionsIn(pinged.out), ['0.1.1', '0.1.1']);
  });

  test('a version that cannot even run is not activated', async () => {
    const { code, out, err } = await upgrade('0.4.0');
    assert.equal(code, 2, err);
    assert.match(out + err, /hook/);
    assert.deepEqual(await current(), ['0.1.1', '0.1.1']);
    assert.deepEqual(versionsIn((await client('0.1.1', ['ping', '--json'])).out), ['0.1.1', '0.1.1']);
  });

  test('goes node by node, each of which must reply with the new version', async () => {
    const { code, out, err } = await upgrade('0.2.0');
    assert.equal(code, 0, out + err);
    assert.match(out, /all 2 nodes run version 0\.2\.0/);
    assert.deepEqual(await current(), ['0.2.0', '0.2.0']);
    // The outcome of the call that restarted the daemon is in its log, followed by its end and its new beginning.
    const records = (await readFile(at('dev1.devco.net/audit.jsonl'), 'utf8')).trim().split('\n');
    const kinds = records.map((line) => JSON.parse(line) as { kind: string; outcome?: string; version?: string });
    const stopped = kinds.findLastIndex(({ kind }) => kind === 'stopped');
    assert.ok(kinds.slice(0, stopped).some(({ kind, outcome }) => kind === 'outcome' && outcome === 'ok'));
    assert.equal(kinds.findLast(({ kind }) => kind === 'started')?.version, '0.2.0');
  });

  test('an old client calls new daemons', async () => {
    const pinged = await client('0.1.1', ['ping', '--json']);
    assert.equal(pinged.code, 0, pinged.err);
    assert.deepEqual(versionsIn(pinged.out), ['0.2.0', '0.2.0']);
  });

  test('does nothing if all nodes are up to date', async () => {
    const { code, out } = await upgrade('0.2.0');
    assert.equal(code, 0);
    assert.match(out, /nothing to do: all 2 nodes run version 0\.2\.0/);
  });

  test('stops after the first batch that replies with the wrong version', async () => {
    const { code, out, err } = await upgrade('0.3.0', 'tries=4');
    assert.equal(code, 2, out + err);
    assert.match(out + err, /it runs version 0\.2\.0/);
    assert.match(
      out + err,
      /batch 1 of 2 \(dev1\.devco\.net\) does not answer with version 0\.3\.0; no further batch was started/,
    );
    assert.deepEqual(await current(), ['0.3.0', '0.2.0']);
  });
});

async function makeRelease(version: string): Promise<void> {
  const directory = at('releases', version);
  await bundleProgram(directory, version);
  const program = `#!/bin/sh\nexec ${process.execPath} "$(dirname "$(readlink -f "$0")")/main.cjs" "$@"\n`;
  await writeFile(join(directory, 'mco-deploy'), program, { mode: 0o755 });
  await publish(version, directory);
}

/** An artifact for appmgr: a .tar.gz with its SHA-256 sum beside it. */
async function publish(version: string, directory: string): Promise<void> {
  const artifact = `mco-deploy-${version}.tar.gz`;
  await mkdir(at('artifacts'), { recursive: true });
  await run('tar', ['-czf', at('artifacts', artifact), '-C', directory, '.']);
  const { stdout } = await run('sha256sum', [artifact], { cwd: at('artifacts') });
  await writeFile(at('artifacts', `${artifact}.sha256`), stdout);
}

/** A node whose daemon is kept running, from whatever release is current, as a service manager would. */
async function startService(name: string): Promise<void> {
  const { files } = await fleet.node(name);
  const home = at(name);
  await mkdir(join(home, 'root/releases'), { recursive: true });
  await cp(at('releases/0.1.1'), join(home, 'root/releases/0.1.1'), { recursive: true });
  await symlink('releases/0.1.1', join(home, 'root/current'));
  await mkdir(join(home, 'policies'));
  await writeFile(join(home, 'policies/default.policy'), 'policy default deny\nallow\tcert=rip@devco.net\t*\t*\t*\n');
  const port = await freePort();
  ports.set(name, port);
  await writeFile(
    join(home, 'node.yaml'),
    `listen: { address: 127.0.0.1, port: ${port} }
tls: { certificate: ${files.certificate}, key: ${files.key}, ca: ${files.ca} }
discovery: { mdns: false }
log: { level: error }
audit: { file: audit.jsonl }
state: state
agents:
  rpcutil: {}
  lock: {}
  appmgr:
    applications:
      mco-deploy:
        root: ${join(home, 'root')}
        artifacts: ${at('artifacts')}
        hooks: { before: [./mco-deploy, --version] }
        reload: [${join(home, 'restart')}]
`,
  );
  await script(join(home, 'restart'), `kill -TERM "$(cat ${join(home, 'pid')})"`);
  await script(
    join(home, 'service'),
    `while [ ! -e ${at('stop')} ]; do
  sh -c 'echo $$ >${join(home, 'pid')}; exec ${join(home, 'root/current/mco-deploy')} daemon --config ${join(home, 'node.yaml')}'
  sleep 0.1
done`,
  );
  services.push(spawn(join(home, 'service'), [], { stdio: ['ignore', 'ignore', 'inherit'] }));
}

async function script(file: string, text: string): Promise<void> {
  await writeFile(file, `#!/bin/sh\n${text}\n`);
  await chmod(file, 0o755);
}

async function prepareOperator(): Promise<void> {
  const { files } = await fleet.operator('rip@devco.net');
  await mkdir(at('home/.config/mco-deploy'), { recursive: true });
  const list = nodes.map((name) => ({ name, address: '127.0.0.1', port: ports.get(name) }));
  await writeFile(at('nodes.json'), JSON.stringify(list));
  await writeFile(
    at('home/.config/mco-deploy/client.yaml'),
    `tls: { certificate: ${files.certificate}, key: ${files.key}, ca: ${files.ca} }
discovery: { method: file, file: ${at('nodes.json')} }
timeout: 5
`,
  );
}

/** Runs one build's client. */
function client(version: string, words: readonly string[]): Promise<Ended> {
  return runProgram(at('releases', version, 'mco-deploy'), words, {
    env: { PATH: process.env.PATH ?? '', HOME: at('home') },
  });
}

function upgrade(version: string, ...more: string[]): Promise<Ended> {
  return client('0.1.1', ['run', 'fabric_upgrade', `version=${version}`, ...more, '--yes']);
}

function versionsIn(json: string): string[] {
  return (JSON.parse(json) as { nodes: { version: string }[] }).nodes.map(({ version }) => version);
}

async function answers(name: string, version: string): Promise<void> {
  const replies = async () => {
    const { code, out } = await client(version, ['ping', '-I', name, '--json']);
    return code === 0 && versionsIn(out)[0] === version;
  };
  await until(`${name} replies as version ${version}`, replies, 0);
}

/** The release of each node. */
function current(): Promise<string[]> {
  return Promise.all(nodes.map(async (name) => (await readlink(at(name, 'root/current'))).replace(/^releases\//, '')));
}
