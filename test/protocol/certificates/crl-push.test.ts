import assert from 'node:assert/strict';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { agents } from '../../../src/agents/index.ts';
import { readCrl } from '../../../src/ca/revocation/crl.ts';
import { makeRevocationList } from '../../../src/ca/revocation/revocation-list.ts';
import { readRevocations } from '../../../src/ca/revocation/revocations.ts';
import { sealRequest } from '../../../src/core/request/request.ts';
import { parseCertificate } from '../../../src/core/credentials/certificate.ts';
import { startCredentials } from '../../../src/core/credentials/live-credentials.ts';
import { createDial } from '../../../src/transport/dial.ts';
import { askHealth } from '../../support/node/ask-health.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { makeHome, placeOf } from '../../support/program/home.ts';
import { allowRip, orderFor, startTestNode, type TestNode } from '../../support/node/node.ts';
import { probeAgent } from '../../support/agents/probe-agent.ts';
import { until } from '../../support/until.ts';

const { signal } = new AbortController();
const noFilter = { filter: null, facts: [], full: false, peers: false };
const withCrl = [probeAgent, ...agents.filter(({ ddl }) => ddl.name === 'crl')];
const allowTwo = 'policy default deny\nallow\tcert=rip@devco.net cert=mallory@devco.net\t*\t*\t*\n';

/** Replaces a file as a careful program does. */
async function putOnDisk(directory: string, pem: string): Promise<void> {
  await writeFile(join(directory, 'crl.draft'), pem);
  await rename(join(directory, 'crl.draft'), join(directory, 'crl.pem'));
}

/** Asks again and again, until the answer is a refusal with that code. */
async function untilRejected(ask: () => Promise<unknown>, code: string): Promise<void> {
  const refused = async () => {
    try {
      await ask();
      return false;
    } catch (error) {
      assert.equal((error as { code?: string }).code, code);
      return true;
    }
  };
  await until(`it is refused: ${code}`, refused, 100);
}

let fleet: Fleet;
let foreign: Fleet;
let rip: Member;
let home: string;
const nodes: TestNode[] = [];

/** The list before anybody was revoked. */
let oldest: string;

const start = async (name: string, more: object = {}) => {
  nodes.push(await startTestNode(fleet, { name, agents: withCrl, policies: { default: allowTwo }, ...more }));
};

const nodeOf = (name: string) => nodes.find((node) => node.name === `${name}.devco.net`) as TestNode;
const cli = (...words: string[]) => runInProcess(['ca', ...words], home);

const push = async (pem: string, ...words: string[]) => {
  await writeFile(join(home, 'list.pem'), pem);
  return await cli('push-crl', '--file', join(home, 'list.pem'), ...words);
};

const install = (node: TestNode, crl: string, caller = rip) =>
  node.call(caller, { agent: 'crl', action: 'install', input: { crl } });

const numberOn = async ({ directory }: TestNode) =>
  readCrl(await readFile(join(directory, 'state', 'crl.pem'), 'utf8'), fleet.trust.authorities).number;

before(async () => {
  fleet = await makeFleet();
  foreign = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
  home = join(fleet.dir, 'home');
  oldest = await fleet.crl();
  await start('dev1.devco.net');
  await start('dev2.devco.net');
  await start('dev3.devco.net', { agents: [probeAgent] });
  await start('dev4.devco.net', { policies: { default: allowRip, crl: 'policy default deny\n' } });
  await mkdir(join(home, '.config/mco-deploy'), { recursive: true });
  const { certificate, key, ca, directory } = rip.files;
  const list = nodes.map(placeOf);
  await writeFile(join(home, 'nodes.json'), JSON.stringify(list));
  await writeFile(
    join(home, '.config/mco-deploy/client.yaml'),
    `tls: { certificate: ${certificate}, key: ${key}, ca: ${ca}, crl: ${join(directory, 'crl.pem')} }\n` +
      `discovery: { method: file, file: ${join(home, 'nodes.json')} }\n`,
  );
});

after(async () => {
  for (const node of nodes) await node[Symbol.asyncDispose]();
  await Promise.all([fleet.remove(), foreign.remove()]);
});

describe('a revocation list', () => {
  test('reaches all nodes that take it with 50,000 serials', async () => {
    const serials = Array.from({ length: 50_000 }, (_, index) =>
      `4D${(2 ** 40 + index).toString(16).padStart(32, '0')}`.toUpperCase(),
    );
    const revoked = serials.map((serial) => ({ serial, at: Date.now(), reason: 'superseded' as const }));
    await using large = await makeFleet();
    const caller = await large.operator('rip@devco.net');
    await using node = await startTestNode(large, { name: 'dev2.devco.net', agents: withCrl });
    const policies = { default: allowRip, crl: 'policy default deny\n' };
    await using denying = await startTestNode(large, { name: 'dev4.devco.net', agents: withCrl, policies });
    const place = await makeHome(join(large.dir, 'home'), caller, [node, denying]);
    const list = { revoked, number: 1, now: Date.now(), days: 30 };
    await writeFile(join(place, 'list.pem'), makeRevocationList(list, large.authority));
    const { code, out, err } = await runInProcess(
      ['ca', 'push-crl', '--file', join(place, 'list.pem'), '--json'],
      place,
    );
    assert.equal(code, 2, [...out, ...err].join('\n'));
    const { lists, nodes: told } = JSON.parse(out.join('\n')) as {
      lists: { revoked: number }[];
      nodes: { state: string }[];
    };
    assert.deepEqual([lists[0]?.revoked, told.map(({ state }) => state)], [50_000, ['taken', 'unknown']]);
    const parts = async (one: TestNode) => (await one.records()).filter(({ kind }) => kind === 'intent').length;
    assert.ok((await parts(node)) > 10);
    assert.equal(await parts(denying), 1, 'a node that refuses one part receives no other');
  });

  test('is delivered to the nodes, which keep and enforce it; the report lists who has it, who does not, and why', async () => {
    const before = await push(oldest, '--check', '-I', 'dev1.devco.net');
    assert.deepEqual(
      [before.code, before.out[0]?.replace(/ +/, ' ')],
      [2, 'dev1.devco.net does not have it: it has none'],
    );
    const { code, out } = await push(oldest);
    assert.equal(code, 2);
    assert.deepEqual(
      out.map((line) => line.replace(/ +/, ' ')),
      [
        'dev1.devco.net took it',
        'dev2.devco.net took it',
        'dev3.devco.net it does not run the agent crl: enable it in node.yaml',
        'dev4.devco.net cert=rip@devco.net may not crl.install on dev4.devco.net',
        'revocation list 1 is in force on 2 / 4 nodes',
      ],
    );
    assert.equal(await numberOn(nodeOf('dev1')), 1);
    assert.equal(await readFile(join(rip.files.directory, 'crl.pem'), 'utf8'), oldest, 'and to this operator');
    const refused = (await nodeOf('dev4').records()).at(-1);
    assert.ok(refused?.kind === 'outcome');
    assert.deepEqual([refused.outcome, refused.code], ['refused', 'policy-denied']);

    const both = ['-I', 'dev1.devco.net', '-I', 'dev2.devco.net'];
    const again = await push(oldest, ...both);
    assert.deepEqual([again.code, again.out[0]?.replace(/ +/, ' ')], [0, 'dev1.devco.net has it']);
    const checked = await push(oldest, '--check', '--json', ...both);
    assert.deepEqual(
      JSON.parse(checked.out.join('\n')).nodes.map(({ state }: { state: string }) => state),
      ['current', 'current'],
    );
  });

  test('replaces one with a lower number, never one with a higher', async () => {
    const newer = await fleet.crl();
    const dev1 = nodeOf('dev1');
    const dry = await dev1.call(rip, { agent: 'crl', action: 'install', input: { crl: newer }, dryRun: true });
    assert.equal(JSON.parse(dry.data.toString()).changed, true);
    assert.equal(await numberOn(dev1), 1, 'a dry run changes nothing');
    assert.equal((await install(dev1, newer)).outcome, 'ok');
    assert.equal(await numberOn(dev1), 2);
    const old = await install(dev1, oldest);
    assert.deepEqual([old.outcome, old.code], ['failed', 'old-crl']);
    const record = (await dev1.records()).at(-1);
    assert.ok(record?.kind === 'outcome');
    assert.equal(record.code, 'old-crl');
    assert.equal(await numberOn(dev1), 2);
    const told = await push(oldest, '-I', 'dev1.devco.net');
    assert.deepEqual([told.code, told.out[0]?.includes('has another list: ')], [2, true]);
  });

  test('has no effect if the fleet’s CA did not sign it, or it was changed since', async () => {
    const dev1 = nodeOf('dev1');
    const pem = await fleet.crl();
    const bytes = Buffer.from(pem.replaceAll(/-----.*-----/g, ''), 'base64');
    bytes.writeUInt8(bytes.readUInt8(60) ^ 1, 60);
    const changed = `-----BEGIN X509 CRL-----\n${bytes.toString('base64')}\n-----END X509 CRL-----\n`;
    for (const [crl, code] of [
      [await foreign.crl(), 'foreign-crl'],
      [changed, 'foreign-crl'],
      ['nonsense', 'bad-crl'],
      [oldest.repeat(17), 'bad-crl'],
      [makeRevocationList({ revoked: [], number: 2, now: Date.now(), days: 3 }, fleet.authority), 'old-crl'],
      [`-----BEGIN X509 CRL-----\n${'A'.repeat(400_000)}\n-----END X509 CRL-----\n`, 'bad-crl'],
    ] as const) {
      const reply = await install(dev1, crl);
      assert.deepEqual([reply.outcome, reply.code], ['failed', code]);
    }
    assert.equal((await install(dev1, 'A'.repeat(900_001))).code, 'invalid-input');
    assert.equal(await numberOn(dev1), 2);
    assert.equal((await push(await foreign.crl())).code, 64, 'nor does it leave the client');
  });
});

describe('a revocation list on a node', () => {
  test('excludes a revoked operator during a run, and closes the connections', async () => {
    const mallory = await fleet.operator('mallory@devco.net');
    const node = nodeOf('dev2');
    const connection = await node.dial(mallory);
    await connection.call(sealRequest(orderFor(node.name), mallory.credentials, Date.now()), () => {}, signal);
    assert.equal(await askHealth(fleet, node, mallory), 'SERVING');
    const idle = connectTls({
      host: '127.0.0.1',
      port: node.daemon.port,
      ca: fleet.caPem,
      cert: mallory.certificatePem,
      key: mallory.keyPem,
      servername: node.name,
      ALPNProtocols: ['h2'],
    });
    const ended = new Promise((resolve) => idle.on('error', () => {}).once('close', resolve));
    await new Promise((resolve) => idle.once('secureConnect', resolve));
    idle.resume();

    fleet.revoke(mallory);
    assert.equal((await push(await fleet.crl(), '-I', node.name)).code, 0);
    const signed = sealRequest(orderFor(node.name), mallory.credentials, Date.now());
    const refused = { code: 'revoked-certificate' };
    await assert.rejects(
      connection.call(signed, () => {}, signal),
      refused,
    );
    await assert.rejects(connection.result(signed, signal), refused);
    await assert.rejects(connection.describe(noFilter, signal), refused);
    await assert.rejects(askHealth(fleet, node, mallory), /was revoked/);
    await ended;
    connection.close();
    const record = (await node.records()).findLast((one) => one.kind === 'outcome');
    assert.equal(record?.code, 'revoked-certificate');
    await putOnDisk(node.directory, oldest);
    await node.restart();
    await assert.rejects(askHealth(fleet, node, mallory), /was revoked/, 'nor after a restart, whatever was put there');
  });

  test('is read from the disk without a signal, and is not replaced by an older one', async () => {
    const node = nodeOf('dev3');
    const eve = await fleet.operator('eve@devco.net');
    const connection = await node.dial(eve);
    await connection.describe(noFilter, signal);
    fleet.revoke(eve);
    await putOnDisk(node.directory, await fleet.crl());
    await untilRejected(() => connection.describe(noFilter, signal), 'revoked-certificate');
    await putOnDisk(node.directory, oldest);
    await node.daemon.reload();
    await untilRejected(() => connection.describe(noFilter, signal), 'revoked-certificate');
    connection.close();
    const other = await node.dial(rip);
    assert.match((await other.describe(noFilter, signal)).warnings.join(), /older than list \d+, which stays in force/);
    other.close();
  });

  test('keeps a client away from a revoked node, also during a connection', async () => {
    const { files } = await fleet.operator('ops@devco.net');
    const crl = join(files.directory, 'crl.pem');
    const live = await startCredentials({
      files: { ...files, crl },
      kind: 'operator',
      readRevocations,
      now: Date.now,
      onReload: () => {},
      onFault: (fault) => assert.fail(fault),
    });
    const node = nodeOf('dev1');
    const dial = () =>
      createDial(live.current, 5000)(node.name, [{ host: '127.0.0.1', port: node.daemon.port }], signal);
    const connection = await dial();
    await connection.describe(noFilter, signal);
    fleet.revoke({ certificate: parseCertificate(await readFile(join(node.directory, 'node.crt'))) });
    await putOnDisk(files.directory, await fleet.crl());
    await untilRejected(() => connection.describe(noFilter, signal), 'revoked-certificate');
    const signed = sealRequest(orderFor(node.name), live.current().credentials, Date.now());
    await assert.rejects(
      connection.call(signed, () => {}, signal),
      { code: 'revoked-certificate' },
    );
    await assert.rejects(dial(), { code: 'revoked-certificate' });
    connection.close();
    live.stop();
  });

  test('is reported if it cannot be written', async () => {
    await start('dev6.devco.net');
    await mkdir(join(nodeOf('dev6').directory, 'state', 'crl.pem'));
    const reply = await install(nodeOf('dev6'), oldest);
    assert.deepEqual([reply.outcome, reply.code], ['failed', 'unwritable-file']);
  });
});
