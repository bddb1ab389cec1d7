import assert from 'node:assert/strict';
import { chmod, chown, copyFile, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { agents } from '../../../src/agents/index.ts';
import { builtProgram } from '../../support/program/built-program.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { startDaemonProgram } from '../../support/node/daemon-program.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { makeHome } from '../../support/program/home.ts';
import { type PreparedNode, prepareNode } from '../../support/node/node.ts';

const nobody = 65_534;
const asNobody = ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups', '--no-new-privs'];
const rpcutil = agents.filter(({ ddl }) => ['rpcutil', 'audit', 'lock'].includes(ddl.name));

/** The built program, since the source tree may be where only its owner can read. */
describe('an unprivileged daemon', () => {
  let fleet: Fleet;
  let program: string;
  let rip: Member;

  before(async () => {
    fleet = await makeFleet();
    await chmod(fleet.dir, 0o755);
    rip = await fleet.operator('rip@devco.net');
    program = join(fleet.dir, 'mco-deploy');
    await copyFile(builtProgram(), program);
  });
  after(() => fleet.remove());

  const prepare = async (name: string, more: Partial<Parameters<typeof prepareNode>[1]> = {}) => {
    const node = await prepareNode(fleet, { name, agents: rpcutil, log: 'info', ...more });
    for (const entry of await readdir(node.directory, { recursive: true }))
      await chown(join(node.directory, entry), nobody, nobody);
    await chown(node.directory, nobody, nobody);
    return node;
  };
  const start = ({ configFile }: PreparedNode, ...around: string[]) =>
    startDaemonProgram(configFile, [...around, ...asNobody, program]);
  /** It ends at once, with one line that says what it may not. */
  const refuses = async (node: PreparedNode, line: RegExp, ...around: string[]) => {
    const error = await start(node, ...around).then(
      () => assert.fail('it started'),
      (thrown: Error & { code?: number }) => thrown,
    );
    assert.equal(error.code, 64, error.message);
    assert.equal(error.message.trim().split('\n').length, 1, error.message);
    assert.match(error.message, line);
  };

  test('serves, with its own log and state, which nobody else may write', async () => {
    const node = await prepare('dev2.devco.net');
    await using daemon = await start(node);
    const home = await makeHome(join(fleet.dir, 'home'), rip, [{ name: node.name, daemon }]);
    const { code, out, err } = await runInProcess(['rpc', 'rpcutil', 'ping', '--json'], home);
    assert.equal(code, 0, [...out, ...err].join('\n'));
    for (const file of [node.auditFile, join(node.directory, 'state')]) {
      const { uid, mode } = await stat(file);
      assert.deepEqual([uid, mode & 0o022], [nobody, 0], file);
    }
    const ca = join(fleet.dir, 'ca.crt');
    assert.equal((await runInProcess(['audit', 'verify', '--file', node.auditFile, '--ca', ca], home)).code, 0);
  });

  test('reports in one line which key it may not read', async () => {
    const node = await prepare('dev4.devco.net');
    await chown(join(node.directory, 'node.key'), 0, 0);
    await refuses(node, /the private key .*node\.key cannot be read: permission denied/);
  });

  test('reports in one line which log and which state it may not write', async () => {
    const locked = join(fleet.dir, 'locked');
    await mkdir(locked, { mode: 0o755 });
    await refuses(
      await prepare('dev6.devco.net', { auditFile: join(locked, 'log', 'audit.jsonl') }),
      /the audit log .*locked.* cannot be written: permission denied/,
    );
    const node = await prepare('dev8.devco.net');
    await writeFile(join(node.directory, 'state'), '');
    await refuses(node, /the state directory .*state cannot be made: /);
  });

  test('reports in one line which port it may not listen on', async () => {
    const node = await prepare('dev1.devco.net', { listen: 'listen: { address: "::", port: 80 }' });
    // In a network namespace, because a machine may allow any port to anyone.
    await refuses(node, /cannot listen on :: port 80: permission denied/, 'unshare', '--net');
  });

  test('serves nobody by policies that it may not read, and names them', async () => {
    const node = await prepare('dev3.devco.net');
    await chown(join(node.directory, 'policies', 'default.policy'), 0, 0);
    await chmod(join(node.directory, 'policies', 'default.policy'), 0o600);
    await using daemon = await start(node);
    const home = await makeHome(join(fleet.dir, 'home'), rip, [{ name: node.name, daemon }]);
    const { code, out, err } = await runInProcess(['rpc', 'rpcutil', 'ping'], home);
    assert.equal(code, 77, [...out, ...err].join('\n'));
    const { out: told, err: warned } = await runInProcess(['ping'], home);
    assert.match([...told, ...warned].join('\n'), /default\.policy: permission denied/);
  });
});
