import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { agents as builtIn } from '../../../src/agents/index.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import { publish, release } from '../../support/agents/appmgr/application.ts';
import { type HaproxyProcess, startHaproxyProcess } from '../../support/agents/haproxy/haproxy.ts';
import type { ArchiveEntry } from '../../support/agents/appmgr/tar-archive.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';

let fleet: Fleet;
let node: TestNode;
let rip: Member;
let balancer: HaproxyProcess;
let gone: string;
let disk: string;
let artifacts: string;
const rootOf = (application: string) => join(fleet.dir, application);

/** An application that shares the others’ artifacts, under its own name. */
const application = (name: string, more: object = {}) => {
  const root = rootOf(name);
  mkdirSync(root, { recursive: true });
  return { root, artifacts: join(artifacts, 'app-{revision}.tar.gz'), ...more };
};

before(async () => {
  fleet = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
  artifacts = join(fleet.dir, 'artifacts');
  mkdirSync(artifacts);
  for (const revision of ['10', '20']) publish(artifacts, revision, release(revision));
  disk = join(fleet.dir, 'disk');
  mkdirSync(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
  const key = join(fleet.dir, 'release.pub');
  writeFileSync(key, generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }));
  balancer = await startHaproxyProcess(['server web1 127.0.0.1:1', 'server web2 127.0.0.1:2']);
  gone = join(fleet.dir, 'gone.sock');
  const hang = ['sh', '-c', 'test $MCO_REVISION = 10 || sleep 600'];
  node = await startTestNode(fleet, {
    agents: builtIn.filter(({ ddl }) => ['appmgr', 'haproxy'].includes(ddl.name)),
    sections: {
      appmgr: {
        applications: {
          app: application('app', { max_size: 1_000_000, max_entries: 50 }),
          hooked: application('hooked', { hooks: { before: hang }, hook_timeout: 2 }),
          late: application('late', { hooks: { after_switch: hang }, hook_timeout: 2 }),
          waiting: application('waiting', {
            hooks: { before: ['sh', '-c', `while [ ! -e ${join(fleet.dir, 'go')} ]; do sleep 0.05; done`] },
          }),
          full: { ...application('full'), root: disk },
          signed: application('signed', { signers: [key] }),
          away: application('away', { artifacts: 'https://127.0.0.1:1/app-{revision}.tar.gz' }),
        },
      },
      haproxy: { sockets: [balancer.socket] },
    },
  });
});

after(async () => {
  await node[Symbol.asyncDispose]();
  await balancer.stop();
  execFileSync('umount', [disk]);
  await fleet.remove();
});

/** The outcome, which must be the one in the audit log. */
const call = async (agent: string, action: string, input: JsonObject, dryRun = false) => {
  const reply = await node.call(rip, { agent, action, input, dryRun });
  const records = await node.records();
  const intent = records.findLast((record) => record.kind === 'intent');
  const outcome = records.findLast((record) => record.kind === 'outcome');
  assert.deepEqual(
    [intent?.caller, intent?.agent, intent?.action, intent?.arguments],
    ['cert=rip@devco.net', agent, action, input],
  );
  assert.deepEqual([outcome?.intent, outcome?.outcome, outcome?.code], [intent?.sequence, reply.outcome, reply.code]);
  return reply;
};

const codeOf = async (agent: string, action: string, input: JsonObject, dryRun = false) => {
  const reply = await call(agent, action, input, dryRun);
  assert.notEqual(reply.outcome, 'ok', `${agent}.${action} ${JSON.stringify(input)}`);
  return reply.code;
};

const succeeds = async (agent: string, action: string, input: JsonObject, dryRun = false) => {
  const reply = await call(agent, action, input, dryRun);
  assert.equal(reply.outcome, 'ok', `${reply.code}: ${reply.message}`);
  return JSON.parse(reply.data.toString()) as JsonObject;
};

const current = (name: string) => readlinkSync(join(name === 'full' ? disk : rootOf(name), 'current'));
const wrong = ['../../etc', '/etc', '20\0', '20/..', '-rf', '20;id', '$(id)', '2\n0', "2'0", '.', '..', ''];

/** Wrong requests to appmgr and haproxy, and environments in which they fail: reply and audit record. */
describe('a deploy that must be refused', () => {
  for (const revision of wrong) {
    test(`is refused for the revision ${JSON.stringify(revision)}, to, from or of it, before any check`, async () => {
      const input = { application: 'away', revision };
      for (const action of ['upgrade', 'fetch', 'rollback', 'status']) {
        assert.equal(await codeOf('appmgr', action, input), 'invalid-input', action);
      }
      assert.equal(await codeOf('appmgr', 'rollback', { application: 'away', from: revision }), 'invalid-input');
      assert.deepEqual(readdirSync(rootOf('away')), []);
    });
  }

  test('is refused by every action for an unknown application', async () => {
    for (const action of ['upgrade', 'fetch']) {
      assert.equal(await codeOf('appmgr', action, { application: 'ap', revision: '10' }), 'unknown-application');
    }
    for (const action of ['rollback', 'releases', 'restart', 'status']) {
      assert.equal(await codeOf('appmgr', action, { application: 'constructor' }), 'unknown-application', action);
      assert.equal(await codeOf('appmgr', action, { application: '../app' }), 'invalid-input', action);
      assert.equal(await codeOf('appmgr', action, {}), 'unknown-application', action);
    }
  });

  const archives: [string, readonly ArchiveEntry[], string][] = [
    ['climbs out', [{ path: '../../evil', content: 'x' }], 'unsafe-archive'],
    ['writes through a link', [{ path: 'l', type: '2', target: '/tmp' }, { path: 'l/evil' }], 'unsafe-archive'],
    ['has a device', [{ path: 'null', type: '3' }], 'unsafe-archive'],
    ['is a bomb', [{ path: 'zero', content: Buffer.alloc(5_000_000) }], 'archive-too-large'],
    ['has too many entries', Array.from({ length: 60 }, (_, index) => ({ path: `f${index}` })), 'archive-too-large'],
  ];

  test('leaves only the old release after an unexpected artifact', async () => {
    await succeeds('appmgr', 'upgrade', { application: 'app', revision: '10' });
    for (const [what, entries, code] of archives) {
      publish(artifacts, '30', entries);
      for (const action of ['upgrade', 'fetch']) {
        assert.equal(
          await codeOf('appmgr', action, { application: 'app', revision: '30' }),
          code,
          `${what}: ${action}`,
        );
      }
    }
    publish(artifacts, '30', release('30'));
    appendFileSync(join(artifacts, 'app-30.tar.gz'), 'x');
    for (const dryRun of [true, false]) {
      const code = await codeOf('appmgr', 'upgrade', { application: 'app', revision: '30' }, dryRun);
      assert.equal(code, 'bad-checksum');
    }
    assert.equal(current('app'), 'releases/10');
    assert.deepEqual(readdirSync(join(rootOf('app'), 'releases')).sort(), ['.10.json', '10']);
    assert.deepEqual(readdirSync(join(rootOf('app'), '.staging')), []);
    assert.ok(!existsSync('/tmp/evil') && !existsSync(join(fleet.dir, 'evil')));
  });
});

describe('a deploy in a failing environment', () => {
  test('leaves the old release if the disk fills up half-way', async () => {
    await succeeds('appmgr', 'upgrade', { application: 'full', revision: '10' });
    const large = [...release('40'), { path: 'large', content: Buffer.alloc(3_000_000) }];
    publish(artifacts, '40', large);
    // A second, empty gzip member declares a small size at the end: so the early check of the free space passes.
    const member = Buffer.from('H4sIAAAAAAAAAwMAAAAAAAAAAAA=', 'base64');
    publish(artifacts, '41', Buffer.concat([readFileSync(join(artifacts, 'app-40.tar.gz')), member]));
    for (const revision of ['40', '41']) {
      assert.equal(await codeOf('appmgr', 'upgrade', { application: 'full', revision }), 'no-space');
    }
    assert.equal(current('full'), 'releases/10');
    assert.deepEqual(readdirSync(join(disk, '.staging')), []);
  });

  test('ends a hook that hangs, before or after the switch', async () => {
    for (const [name, code] of [
      ['hooked', 'hook-failed'],
      ['late', 'unhealthy-release'],
    ] as const) {
      await succeeds('appmgr', 'upgrade', { application: name, revision: '10' });
      assert.equal(await codeOf('appmgr', 'upgrade', { application: name, revision: '20' }), code);
      assert.equal(current(name), 'releases/10');
    }
  });

  test('is refused if nobody signed the artifact, or its server is down', async () => {
    for (const dryRun of [true, false]) {
      for (const action of ['upgrade', 'fetch']) {
        const [signed, away] = ['signed', 'away'].map((name) => ({ application: name, revision: '10' }));
        assert.equal(await codeOf('appmgr', action, signed ?? {}, dryRun), 'bad-signature');
        assert.equal(await codeOf('appmgr', action, away ?? {}, dryRun), 'artifacts-unreachable');
      }
    }
    assert.equal(await codeOf('appmgr', 'rollback', { application: 'signed' }), 'no-previous');
  });

  test('is refused during another deploy of the same application', async () => {
    const order = { agent: 'appmgr', action: 'upgrade', input: { application: 'waiting', revision: '20' } };
    const fetch = { ...order, action: 'fetch' };
    const first = node.call(rip, order);
    let code = '';
    while (code !== 'busy') ({ code } = await node.call(rip, fetch));
    assert.equal(await codeOf('appmgr', 'rollback', { application: 'waiting' }), 'busy');
    writeFileSync(join(fleet.dir, 'go'), '');
    assert.equal((await first).outcome, 'ok');
    assert.equal(current('waiting'), 'releases/20');
  });
});

describe('a change of load balancers that must be refused', () => {
  test('sends HAProxy nothing for invalid weights, servers or backends', async () => {
    const before = await balancer.ask('show servers state app');
    const weight = { backend: 'app', server: 'web1', weight: '10' };
    for (const bad of ['-1', '1;show info', '1\n', '1 1', '1000', 'ten', '']) {
      assert.equal(await codeOf('haproxy', 'weight', { ...weight, weight: bad }), 'invalid-input', bad);
    }
    assert.equal(await codeOf('haproxy', 'weight', { ...weight, weight: '257' }), 'bad-weight');
    for (const bad of ['web1;show info', 'web1\nshow info', '@1', '#1', 'a/b', '']) {
      assert.equal(await codeOf('haproxy', 'weight', { ...weight, server: bad }), 'invalid-input', bad);
      assert.equal(await codeOf('haproxy', 'weight', { ...weight, backend: bad }), 'invalid-input', bad);
    }
    assert.equal(await codeOf('haproxy', 'weight', { ...weight, server: 'web9' }), 'unknown-server');
    assert.equal(await codeOf('haproxy', 'weight', { ...weight, backend: 'apq' }), 'unknown-backend');
    assert.equal(gist(await balancer.ask('show servers state app')), gist(before));
  });

  test('is refused if it would leave no server, and a dry run changes nothing', async () => {
    const both = { backend: 'app', server: 'web1,web2' };
    const before = await balancer.ask('show servers state app');
    for (const dryRun of [true, false]) {
      assert.equal(await codeOf('haproxy', 'weight', { ...both, weight: '0' }, dryRun), 'too-few-servers');
      assert.equal(await codeOf('haproxy', 'disable', { ...both, shutdown: true }, dryRun), 'too-few-servers');
    }
    await succeeds('haproxy', 'weight', { ...both, weight: '5' }, true);
    await succeeds('haproxy', 'disable', { ...both, min_available: 0, drain_timeout: 0, shutdown: true }, true);
    assert.equal(gist(await balancer.ask('show servers state app')), gist(before));
  });

  test('changes nothing on a load balancer whose second HAProxy process is dead', async () => {
    const before = await balancer.ask('show servers state app');
    const half = await startTestNode(fleet, {
      name: 'lb1.devco.net',
      agents: builtIn.filter(({ ddl }) => ddl.name === 'haproxy'),
      sections: { haproxy: { sockets: [balancer.socket, gone] } },
    });
    try {
      for (const [action, more] of [
        ['disable', {}],
        ['enable', {}],
        ['weight', { weight: '5' }],
      ] as const) {
        const input = { backend: 'app', server: 'web1', ...more };
        const { code } = await half.call(rip, { agent: 'haproxy', action, input });
        assert.equal(code, 'haproxy-unreachable', action);
        const outcome = (await half.records()).findLast((record) => record.kind === 'outcome');
        assert.deepEqual([outcome?.outcome, outcome?.code], ['failed', 'haproxy-unreachable']);
      }
    } finally {
      await half[Symbol.asyncDispose]();
    }
    assert.equal(gist(await balancer.ask('show servers state app')), gist(before));
  });
});

/** Servers with their admin state and weight, without what time changes. */
function gist(state: string): string {
  const lines = state.split('\n').slice(2);
  return lines.map((line) => [3, 6, 7].map((index) => line.split(' ')[index]).join(' ')).join('; ');
}
