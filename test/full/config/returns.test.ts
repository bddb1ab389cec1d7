import assert from 'node:assert/strict';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { agents } from '../../../src/agents/index.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import { fileKinds } from '../../../src/core/node-files/kinds.ts';
import { digestFiles, listNodeFiles, sumOf } from '../../../src/core/node-files/list.ts';
import { pendingFile, readPending } from '../../../src/core/node-files/pending.ts';
import { callDefaults, newId } from '../../../src/core/request/request.ts';
import type { Outcome } from '../../../src/core/request/reply.ts';
import { callNode } from '../../../src/library/fleet/call-node.ts';
import { createDial } from '../../../src/transport/dial.ts';
import { eventually } from '../../support/eventually.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { freePort } from '../../support/free-port.ts';
import { prepareNode } from '../../support/node/node.ts';
import { type SupervisedDaemon, superviseDaemon } from '../../support/node/supervised-daemon.ts';

const wanted = ['rpcutil', 'lock', 'config'];
const own = agents.filter(({ ddl }) => wanted.includes(ddl.name));

let fleet: Fleet;
let rip: Member;

before(async () => {
  fleet = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
});
after(() => fleet?.[Symbol.asyncDispose]());

interface Node extends AsyncDisposable {
  readonly directory: string;
  readonly port: number;
  readonly daemon: SupervisedDaemon;
  readonly call: (action: string, input?: JsonObject, agent?: string) => Promise<Outcome>;
  /** Applies one file. @returns the change to be confirmed */
  readonly apply: (kind: string, name: string, content: string) => Promise<string>;
  readonly read: (place: string) => Promise<string>;
}

/** A node whose daemon is started again whenever it ends. @param patience seconds for a change to be confirmed */
async function startNode(patience: number): Promise<Node> {
  const port = await freePort();
  const listen = `listen: { address: 127.0.0.1, port: ${port} }`;
  const { directory, name } = await prepareNode(fleet, { agents: own, listen, log: 'error' });
  const daemon = await superviseDaemon(directory);
  const helper = { restart: daemon.restart, patience, rights: { 'rip@devco.net': fileKinds } };
  await writeFile(join(directory, 'helper.yaml'), JSON.stringify(helper));
  const caller = { credentials: rip.credentials, trust: fleet.trust };
  const signal = new AbortController().signal;
  const call: Node['call'] = async (action, input = {}, agent = 'config') => {
    const connection = await createDial(() => caller, 5000)(name, [{ host: '127.0.0.1', port }], signal);
    try {
      const sensitive = action === 'apply' ? ['files'] : [];
      const options = { ...callDefaults, requestId: newId(), target: name, agent, action, input, sensitive };
      return await callNode(connection, options, caller, {
        timeout: 30_000,
        changes: false,
        onProgress: () => {},
        signal,
      });
    } finally {
      connection.close();
    }
  };
  await eventually(async () => assert.equal((await call('ping', {}, 'rpcutil')).outcome, 'ok'));
  return {
    directory,
    port,
    daemon,
    call,
    apply: async (kind, file, content) => {
      const previous = digestFiles(await listNodeFiles(directory));
      const sums = [{ kind, name: file, sha256: sumOf(content) }];
      const { outcome, data, message } = await call('apply', {
        previous,
        sums,
        files: [{ kind, name: file, content }],
      });
      assert.equal(outcome, 'ok', message);
      return String(data.change);
    },
    read: (place) => readFile(join(directory, place), 'utf8'),
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  };
}

/** Processes of the helper of this node: found by their command line, ended one by one. */
async function helpersOf(directory: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return pids.filter((_, index) => lines[index]?.includes(`config-helper\0--directory\0${directory}`)).map(Number);
}

describe('a node that is changed over the fabric', { timeout: 600_000 }, () => {
  test('applies new policies before it replies, and keeps them when its operator confirms', async () => {
    await using node = await startNode(60);
    const pid = await node.daemon.pid();
    const text = 'policy default deny\nallow\tcert=rip@devco.net\tping\t*\t*\n';
    const change = await node.apply('policies', 'rpcutil.policy', text);
    assert.equal((await node.call('inventory', {}, 'rpcutil')).code, 'policy-denied');
    assert.equal((await node.call('confirm', { change })).outcome, 'ok');
    assert.equal(await node.daemon.pid(), pid, 'it did not restart');
    assert.equal(await readPending(node.directory), undefined);
  });

  test('applies new settings by a restart, and only the new daemon can confirm them', async () => {
    await using node = await startNode(60);
    const pid = await node.daemon.pid();
    const change = await node.apply('settings', 'node.yaml', (await node.read('node.yaml')).replace('lock: {}', ''));
    await eventually(async () => assert.equal((await node.call('confirm', { change })).outcome, 'ok'));
    assert.notEqual(await node.daemon.pid(), pid);
    assert.equal((await node.call('status')).data.pending, '');
  });

  test('reverts policies that lock its operator out', async () => {
    await using node = await startNode(10);
    const before = await node.read('policies/default.policy');
    const change = await node.apply('policies', 'default.policy', 'policy default deny\n');
    assert.equal((await node.call('confirm', { change })).code, 'policy-denied');
    await eventually(async () => assert.equal(await node.read('policies/default.policy'), before));
    // The helper’s reload: nothing is configured for it here, so a new start of the daemon takes it up.
    process.kill(await node.daemon.pid(), 'SIGHUP');
    await eventually(async () => assert.equal((await node.call('status')).data.returned, change));
  });

  test('goes back to settings with which its daemon replies if it cannot start with the new ones', async () => {
    await using node = await startNode(2);
    const before = await node.read('node.yaml');
    const broken = before.replace('address: 127.0.0.1', 'address: 192.0.2.1');
    const change = await node.apply('settings', 'node.yaml', broken);
    await eventually(async () => assert.equal((await node.call('status')).data.returned, change));
    assert.equal(await node.read('node.yaml'), before);
  });

  test('goes back when the helper and the daemon are killed', async () => {
    await using node = await startNode(3);
    const before = await node.read('facts.d/site.yaml');
    const change = await node.apply('facts', 'site.yaml', 'cluster: alfa\n');
    for (const pid of await helpersOf(node.directory)) process.kill(pid, 'SIGKILL');
    process.kill(await node.daemon.pid(), 'SIGKILL');
    await eventually(async () => assert.equal((await node.call('status')).data.returned, change));
    assert.equal(await node.read('facts.d/site.yaml'), before);
  });

  test('goes back before its daemon reads anything if the machine has restarted', async () => {
    await using node = await startNode(60);
    const before = await node.read('facts.d/site.yaml');
    const change = await node.apply('facts', 'site.yaml', 'cluster: alfa\n');
    for (const pid of await helpersOf(node.directory)) process.kill(pid, 'SIGKILL');
    // No machine starts here: its record is of another start, and the lock’s holder is gone.
    const file = pendingFile(node.directory);
    const pending = JSON.parse(await readFile(file, 'utf8')) as object;
    await writeFile(`${file}.x`, JSON.stringify({ ...pending, boot: '00000000-0000-0000-0000-000000000000' }));
    await rename(`${file}.x`, file);
    process.kill(await node.daemon.pid(), 'SIGKILL');
    await eventually(async () => assert.equal((await node.call('status')).data.returned, change));
    assert.match(String((await node.call('status')).data.why), /the machine started again/);
    assert.equal(await node.read('facts.d/site.yaml'), before);
    await rm(join(node.directory, 'daemon.log'), { force: true });
  });

  test('refuses and records a change that its policy does not allow, without asking the helper', async () => {
    await using node = await startNode(60);
    const eve = await fleet.operator('eve@devco.net');
    const caller = { credentials: eve.credentials, trust: fleet.trust };
    const signal = new AbortController().signal;
    const connection = await createDial(() => caller, 5000)(
      'dev2.devco.net',
      [{ host: '127.0.0.1', port: node.port }],
      signal,
    );
    const input = {
      previous: '0'.repeat(64),
      sums: [],
      files: [{ kind: 'facts', name: 'a.yaml', content: 'secret: value\n' }],
    };
    const options = {
      ...callDefaults,
      requestId: newId(),
      target: 'dev2.devco.net',
      agent: 'config',
      action: 'apply',
      input,
      sensitive: ['files'],
    };
    const outcome = await callNode(connection, options as never, caller, {
      timeout: 10_000,
      changes: false,
      onProgress: () => {},
      signal,
    });
    connection.close();
    assert.equal(outcome.code, 'policy-denied');
    const log = await readFile(join(node.directory, 'log/audit.jsonl'), 'utf8');
    assert.match(log, /"policy-denied"/);
    assert.doesNotMatch(log, /secret: value/, 'contents of files stay out of the log');
  });
});
