import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { chainStart, formatLine, hashLine } from '../../../../src/core/audit/record.ts';
import type { CommandResult, TlsState } from '../../../../src/core/ports.ts';
import type { NodeConfig } from '../../../../src/daemon/config/config.ts';
import { checkClock } from '../../../../src/daemon/doctor/clock.ts';
import { checkDisk } from '../../../../src/daemon/doctor/disk.ts';
import { checkNetwork } from '../../../../src/daemon/doctor/network.ts';
import { checkRelay } from '../../../../src/daemon/doctor/relay.ts';
import { doctorInSandbox } from '../../../../src/daemon/doctor/sandbox.ts';
import { checkShipping } from '../../../../src/daemon/doctor/shipping.ts';
import { openCursor } from '../../../../src/daemon/shipping/cursor.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';
import { type Fleet, makeFleet, type Member } from '../../../support/fleet/fleet.ts';
import { certificateOf } from '../../../support/node/audit-lines.ts';

let fleet: Fleet;
let node: Member;
before(async () => {
  fleet = await makeFleet();
  node = await fleet.node('dev2.devco.net');
});
after(() => fleet.remove());

const { signal } = new AbortController();
const config = (parts: object) => parts as unknown as NodeConfig;
const none = { code: 0, signal: null, stdout: '', stderr: '', truncated: false };

/** A log of records that were written at these times. */
function writeRecords(...times: readonly number[]): string {
  const file = join(temporaryDirectory(), 'audit.jsonl');
  let state = chainStart;
  const lines = times.map((time) => {
    const event = { kind: 'started', version: '0.1.0', certificate: certificateOf(node) } as const;
    const line = formatLine(event, state, node.credentials, time);
    state = { sequence: state.sequence + 1, hash: hashLine(line) };
    return `${line}\n`;
  });
  writeFileSync(file, lines.join(''));
  return file;
}

describe('what doctor reports about the clock', () => {
  const check = async (file: string, result: Partial<CommandResult>) => {
    const ran: string[] = [];
    const run = async (argv: readonly string[]) => {
      ran.push(argv.join(' '));
      return { ...none, ...result };
    };
    const [one] = await checkClock(file, run, signal);
    return { status: one?.status, what: one?.what ?? '', fix: one?.fix, ran };
  };

  test('is whether something synchronizes it', async () => {
    const file = writeRecords(Date.now() - 5000);
    const good = await check(file, { stdout: 'yes\n' });
    assert.deepEqual([good.status, good.ran], ['ok', ['timedatectl show --property=NTPSynchronized --value']]);
    assert.match(good.what, /^20.*Z, synchronized by NTP$/);
    const bad = await check(file, { stdout: 'no\n' });
    assert.deepEqual([bad.status, bad.fix], ['warning', 'timedatectl set-ntp true']);
    const unknown = await check('/nowhere/audit.jsonl', { code: null, stdout: 'yes' });
    assert.equal(unknown.status, 'ok');
    assert.match(unknown.what, /what synchronizes it is not known$/);
  });

  test('is that it went back behind the last record', async () => {
    const [early, late] = [
      writeRecords(Date.now() - 9000, Date.now() - 100),
      writeRecords(Date.now(), Date.now() + 3_600_000),
    ];
    assert.equal((await check(early, { stdout: 'yes' })).status, 'ok');
    const { status, what, ran } = await check(late, { stdout: 'yes' });
    assert.deepEqual([status, ran], ['warning', []]);
    assert.match(what, /^it is 20.*Z, and the last audit record is of 20.*Z$/);
  });
});

describe('what doctor reports about the disk', () => {
  test('is how much is free where the log and the state are, or why nothing can be written', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'file'), '');
    const found = await checkDisk(
      config({ audit: { file: join(directory, 'audit.jsonl') }, state: join(directory, 'state') }),
    );
    assert.deepEqual(
      found.map(({ check, status }) => [check, status === 'broken' ? status : 'not broken']),
      [
        ['audit log', 'not broken'],
        ['state', 'not broken'],
      ],
    );
    assert.match(found[0]?.what ?? '', new RegExp(`^\\d+ MiB are free in ${directory}$`));
    assert.equal(found[1]?.what, `${join(directory, 'state')} is not there yet`);
    const wrong = await checkDisk(config({ audit: { file: join(directory, 'file/audit.jsonl') }, state: directory }));
    assert.equal(wrong[0]?.status, 'broken');
    assert.match(wrong[0]?.what ?? '', /file cannot be written: a part of the path is not a directory$/);
  });
});

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

describe('what doctor reports about a receiver of the audit log', () => {
  const minute = 60_000;
  const check = async (file: string, at: number, spool = 1_000_000) => {
    const state = temporaryDirectory();
    if (at > 0) await (await openCursor(state, 'siem')).move({ sequence: at, hash: 'a'.repeat(64) });
    const found = await checkShipping(config({ audit: { file, ship: { siem: {} }, spool_bytes: spool }, state }));
    return found.map(({ status, what }) => `${status}: ${what}`).join();
  };

  test('is how much it has, and whether the rest is on its way, late or too much', async () => {
    assert.deepEqual(await checkShipping(config({ audit: { file: '/nowhere' }, state: '/nowhere' })), []);
    const young = writeRecords(Date.now() - 30 * minute, Date.now() - minute);
    assert.equal(await check(young, 2), 'ok: it has received 2 records');
    assert.match(await check(young, 1), /^ok: it has received 1 record, and the last \d+ bytes are on their way$/);
    const old = writeRecords(Date.now() - 30 * minute, Date.now() - 11 * minute);
    assert.match(await check(old, 1), /^warning: it has received 1 record, and \d+ bytes have waited since 20/);
    assert.match(
      await check(old, 1, 100),
      /^broken: \d+ bytes of the audit log wait for “siem”, more than audit\.spool_bytes/,
    );
    const state = temporaryDirectory();
    mkdirSync(join(state, 'audit-ship/siem.json'), { recursive: true });
    const [unread] = await checkShipping(config({ audit: { file: old, ship: { siem: {} }, spool_bytes: 1 }, state }));
    assert.deepEqual(
      [unread?.status, unread?.what],
      ['broken', 'the progress of “siem” cannot be read: it is a directory'],
    );
  });
});

test('doctor checks in this process where the configuration is not that of the service', async () => {
  const run = () => assert.fail('nothing must run');
  assert.equal(await doctorInSandbox('/etc/mco-deploy/other.yaml', run, signal), undefined);
});
