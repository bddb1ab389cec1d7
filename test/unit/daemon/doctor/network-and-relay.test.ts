import assert from 'node:assert/strict';
import fs, { writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { doubtful, findingToJson, fine } from '../../../../src/core/finding.ts';
import type { RunCommand, TlsState } from '../../../../src/core/ports.ts';
import type { NodeConfig } from '../../../../src/daemon/config/config.ts';
import { checkNetwork } from '../../../../src/daemon/doctor/network.ts';
import { checkRelay } from '../../../../src/daemon/doctor/relay.ts';
import { doctorAsService, doctorInSandbox } from '../../../../src/daemon/doctor/sandbox.ts';
import { freePort } from '../../../support/free-port.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';
import { startTestNode } from '../../../support/node/node.ts';
import { type Fleet, makeFleet, type Member } from '../../../support/fleet/fleet.ts';

let fleet: Fleet;
let node: Member;
before(async () => {
  fleet = await makeFleet();
  node = await fleet.node('dev2.devco.net');
});
after(() => fleet.remove());

const { signal } = new AbortController();
const config = (parts: object) => parts as unknown as NodeConfig;

describe('what doctor reports about the port', () => {
  const check = async (port: number, state?: TlsState, address = '127.0.0.1') =>
    await checkNetwork(
      config({ listen: { address, port }, discovery: { mdns: false, interfaces: [] } }),
      state,
      signal,
    );

  test('is that nothing listens there, or something that is not this node', async () => {
    const server = createServer((socket) => socket.destroy());
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
    });
    const state = { credentials: node.credentials, trust: fleet.trust } as TlsState;
    const [taken, multicast] = await check(port, state);
    assert.equal(taken?.status, 'broken');
    assert.match(taken?.what ?? '', new RegExp(`^port ${port} is taken by something else: `));
    assert.deepEqual(
      [multicast?.status, multicast?.what],
      ['ok', 'is turned off: nodes are found through a list or DNS'],
    );
    const [unknown] = await check(port);
    assert.deepEqual([unknown?.status, unknown?.fix], ['warning', 'correct the certificate first']);
    await new Promise((resolve) => server.close(resolve));
    const [free] = await check(port, state);
    assert.deepEqual(
      [free?.status, free?.what, free?.fix],
      ['warning', `nothing listens on port ${port}`, 'start the daemon'],
    );
    // TEST-NET-1 (RFC 5737): no host has it.
    const [foreign] = await check(port, state, '192.0.2.1');
    assert.equal(foreign?.what, `cannot listen on 192.0.2.1 port ${port}: this machine does not have that address`);
  });
});

describe('what doctor reports about multicast', () => {
  test('is on which interface a node that answers at its port is not heard', async () => {
    await using running = await startTestNode(fleet, { name: 'dev4.devco.net' });
    const { credentials } = await fleet.node(running.name);
    const parts = {
      listen: { address: '127.0.0.1', port: running.daemon.port },
      discovery: { mdns: true, interfaces: ['lo'] },
    };
    // Nothing is heard after the end of the wait.
    const [port, multicast] = await checkNetwork(
      config(parts),
      { credentials, trust: fleet.trust } as TlsState,
      AbortSignal.abort(),
    );
    assert.equal(port?.status, 'ok', port?.what);
    assert.deepEqual(
      [multicast?.status, multicast?.what, multicast?.fix],
      ['broken', 'dev4.devco.net is not heard on lo', 'let UDP port 5353 through the firewall'],
    );
    // A node that listens at every address is asked at one of them.
    const everywhere = {
      ...parts,
      listen: { ...parts.listen, address: '::' },
      discovery: { mdns: false, interfaces: [] },
    };
    const state = { credentials, trust: fleet.trust } as TlsState;
    assert.equal(
      (await checkNetwork(config(everywhere), state, signal))[0]?.what,
      `dev4.devco.net answers on port ${parts.listen.port}`,
    );
  });
});

test('what doctor reports about multicast is only whether it works, where nothing listens', async () => {
  const parts = {
    listen: { address: '127.0.0.1', port: await freePort() },
    discovery: { mdns: true, interfaces: ['lo'] },
  };
  const state = { credentials: node.credentials, trust: fleet.trust } as TlsState;
  const [, multicast] = await checkNetwork(config(parts), state, AbortSignal.abort());
  assert.deepEqual(multicast, fine('multicast', 'works on lo'));
});

describe('what doctor reports about a relay', () => {
  test('is nothing if the node is not one', async () => {
    assert.deepEqual(await checkRelay(config({ discovery: { mdns: true }, policies: '/nowhere' }), undefined), []);
  });

  test('is why nobody would use it: its certificate, its policy, its peers', async () => {
    const policies = temporaryDirectory();
    const list = join(policies, 'nodes');
    const check = async (relay: object, { mdns = false, at = policies } = {}) => {
      const state = { credentials: node.credentials, trust: fleet.trust } as TlsState;
      const found = await checkRelay(config({ relay, policies: at, discovery: { mdns } }), state);
      return found.map(({ status, what }) => `${status}: ${what}`);
    };
    const role =
      'warning: the certificate does not let this node relay: only clients whose client.yaml names it use it';
    const noPolicy = `broken: ${policies} has no relay.policy: nobody may use the relay`;
    const noPeers = 'broken: it has no peers: multicast is off, and neither a list nor a source is configured';
    assert.deepEqual(await check({}), [role, noPolicy, noPeers]);
    writeFileSync(join(policies, 'default.policy'), '');
    assert.deepEqual(await check({}, { mdns: true }), [role, 'ok: its peers are the nodes that it hears by multicast']);
    writeFileSync(list, 'dev1.devco.net\ndev3.devco.net\n');
    assert.deepEqual(await check({ nodes: list }), [role, `ok: ${list} lists 2 peers`]);
    const [, missing] = await check({ nodes: `${list}.no` });
    assert.match(missing ?? '', /^broken: .*nodes\.no/);
    const relaying = await fleet.node('relay.devco.net', { relay: true });
    const able = { credentials: relaying.credentials, trust: fleet.trust } as TlsState;
    const good = await checkRelay(config({ relay: {}, policies, discovery: { mdns: true } }), able);
    assert.deepEqual(good.map(({ status }) => status).at(-1), 'ok');
  });
});

test('doctor checks in this process where the configuration is not that of the service', async () => {
  const run = () => assert.fail('nothing must run');
  assert.equal(await doctorInSandbox('/etc/mco-deploy/other.yaml', run, signal), undefined);
});

test('doctor asks systemd about the service only as root, and where systemd runs', async (t) => {
  let [uid, runs] = [0, true];
  t.mock.method(process as { getuid: () => number }, 'getuid', () => uid);
  t.mock.method(fs, 'existsSync', (path: string) => path === '/run/systemd/system' && runs);
  syncBuiltinESMExports();
  const asked: string[] = [];
  const run = async ([program]: readonly string[]) => {
    asked.push(program ?? '');
    return { code: 1, stdout: '', stderr: '' };
  };
  const look = () => doctorInSandbox('/etc/mco-deploy/node.yaml', run as unknown as RunCommand, signal);
  try {
    for ([uid, runs] of [
      [0, false],
      [1000, true],
    ] as const)
      assert.equal(await look(), undefined);
    assert.deepEqual(asked, []);
    [uid, runs] = [0, true];
    await look();
    assert.deepEqual(asked, ['systemctl']);
  } finally {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  }
});

describe('doctor for the service', () => {
  /** A fake of systemd with a service of that user, in which doctor prints that. */
  const check = async (user: string, printed: string, code = 0) => {
    const calls: (readonly string[])[] = [];
    const run = async (argv: readonly string[]) => {
      calls.push(argv);
      const isShow = argv[0] === 'systemctl';
      const stdout = isShow ? `User=${user}\nProtectSystem=strict\nnoise\n` : printed;
      return { code: isShow ? code : 1, stdout, stderr: 'the start\nFailed to start\n' };
    };
    const found = await doctorAsService('/etc/mco-deploy/node.yaml', run as unknown as RunCommand, signal);
    return { found, calls };
  };

  test('runs as its user, in its sandbox', async () => {
    const { found, calls } = await check('mco', JSON.stringify([findingToJson(fine('disk', 'has space'))]));
    const user = fine('user', 'checked as mco, in the sandbox of mco-deploy.service');
    assert.deepEqual(found, [user, fine('disk', 'has space')]);
    const [, words = []] = calls;
    assert.equal(words[0], 'systemd-run');
    for (const word of ['--wait', '--property=User=mco', '--property=ProtectSystem=strict'])
      assert.ok(words.indexOf(word) > 0 && words.indexOf(word) < words.indexOf('--'), word);
    assert.deepEqual(words.slice(-5), ['doctor', 'node', '--config', '/etc/mco-deploy/node.yaml', '--json']);
    assert.ok(!words.includes('--property=noise'));
  });

  test('warns that only root’s view was checked if it cannot run there', async () => {
    const { found } = await check('mco', 'not JSON');
    const what =
      'could not check as mco in the sandbox of mco-deploy.service, so the rest is what root sees: Failed to start';
    assert.deepEqual(found, [doubtful('user', what, 'run it as mco')]);
  });

  test('runs nothing there if the service is root’s, is not known or cannot be read', async () => {
    for (const [user, code] of [
      ['root', 0],
      ['', 0],
      ['mco', 1],
    ] as const) {
      const { found, calls } = await check(user, '[]', code);
      assert.deepEqual([found, calls.length], [undefined, 1], `${user} ${code}`);
    }
  });
});
