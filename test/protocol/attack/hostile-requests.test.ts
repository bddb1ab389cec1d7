import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { agents as builtIn } from '../../../src/agents/index.ts';
import type { CallOptions } from '../../../src/core/request/request.ts';
import { type TestApplication, testApplication } from '../../support/agents/appmgr/application.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';

let fleet: Fleet;
let node: TestNode;
let rip: Member;
let application: TestApplication;
let haproxy: Server;
let marker: string;

/** The bytes of each connection to HAProxy's socket. */
const asked: string[] = [];

before(async () => {
  fleet = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
  application = testApplication();
  marker = join(fleet.dir, 'marker');
  const socket = join(fleet.dir, 'admin.sock');
  haproxy = createServer((connection) => {
    connection.on('data', (bytes) => {
      asked.push(bytes.toString());
      connection.end('\n');
    });
  }).listen(socket);
  const nrpe = join(fleet.dir, 'nrpe.cfg');
  writeFileSync(nrpe, `command[check_marker]=/usr/bin/touch ${marker}\n`);
  node = await startTestNode(fleet, {
    agents: builtIn.filter(({ ddl }) => ['appmgr', 'haproxy', 'nrpe'].includes(ddl.name)),
    sections: { appmgr: application.config(), haproxy: { sockets: [socket] }, nrpe: { config: nrpe } },
  });
  asked.length = 0;
});

after(async () => {
  await node[Symbol.asyncDispose]();
  haproxy.close();
  await fleet.remove();
});

/** Sends it; the code of the refusal must be the one in the audit log, beside what was asked. */
const refused = async (options: Partial<CallOptions>) => {
  const reply = await node.call(rip, options);
  const records = await node.records();
  const intent = records.findLast((record) => record.kind === 'intent');
  const outcome = records.findLast((record) => record.kind === 'outcome');
  assert.deepEqual(
    [intent?.caller, intent?.agent, intent?.action],
    ['cert=rip@devco.net', options.agent, options.action],
  );
  assert.deepEqual(intent?.arguments, options.input);
  assert.deepEqual([outcome?.intent, outcome?.outcome, outcome?.code], [intent?.sequence, reply.outcome, reply.code]);
  assert.notEqual(reply.outcome, 'ok', JSON.stringify(options));
  return reply.code;
};

const upgrade = (input: object) => refused({ agent: 'appmgr', action: 'upgrade', input: { ...input } });

const nothingTouched = () => {
  assert.deepEqual(readdirSync(application.root), []);
  assert.equal(existsSync(marker), false);
  assert.deepEqual(asked, []);
};

/** Requests of a client that checks nothing: each is correctly signed by an operator who may do anything. */
describe('a harmful request', () => {
  const noNames = ['../appmgr', 'appmgr/', 'appmgr\0', '.', '', '__proto__', 'constructor', 'Appmgr', 'appmgr;id'];

  for (const agent of noNames) {
    test(`is refused because the agent ${JSON.stringify(agent)} does not exist`, async () => {
      assert.equal(await refused({ agent, action: 'upgrade', input: { revision: '20' } }), 'unknown-agent');
      nothingTouched();
    });
  }

  for (const action of ['../upgrade', 'upgrade\0', '__proto__', '_x', 'upgrade ', '']) {
    test(`is refused because the action ${JSON.stringify(action)} does not exist`, async () => {
      assert.equal(await refused({ agent: 'appmgr', action, input: { revision: '20' } }), 'unknown-action');
      nothingTouched();
    });
  }

  for (const target of ['../dev2.devco.net', 'dev2.devco.net\0', 'DEV2.devco.net', 'dev2.devco.net/..', '', '*']) {
    test(`is refused as a request for another node: ${JSON.stringify(target)}`, async () => {
      assert.equal(
        await refused({ target, agent: 'appmgr', action: 'upgrade', input: { revision: '20' } }),
        'wrong-target',
      );
      nothingTouched();
    });
  }

  for (const revision of [
    '../../etc',
    '/etc',
    '20\0',
    '20/..',
    '-rf',
    '--help',
    '20;id',
    '$(id)',
    '`id`',
    '2\n0',
    "2'0",
    '2"0',
    '20 &',
    '.',
    '..',
  ]) {
    test(`is refused for the revision ${JSON.stringify(revision)}`, async () => {
      assert.equal(await upgrade({ revision }), 'invalid-input');
      assert.equal(await refused({ agent: 'appmgr', action: 'status', input: { revision } }), 'invalid-input');
      nothingTouched();
    });
  }

  for (const name of ['../app', 'app/..', 'app\0', '-app', 'app;id', '.hidden']) {
    test(`is refused for the application ${JSON.stringify(name)}`, async () => {
      assert.equal(await upgrade({ revision: '20', application: name }), 'invalid-input');
      nothingTouched();
    });
  }

  test('is refused if its releases would go through a symbolic link', async () => {
    const elsewhere = join(fleet.dir, 'elsewhere');
    symlinkSync(elsewhere, join(application.root, 'releases'));
    application.publish('20', [{ path: 'index.html', content: 'x' }]);
    assert.equal(await upgrade({ revision: '20' }), 'bad-layout');
    assert.equal(existsSync(elsewhere), false);
    rmSync(join(application.root, 'releases'));
    rmSync(join(application.root, '.staging'), { recursive: true, force: true });
  });
});

describe('a harmful request to NRPE or HAProxy', () => {
  const notChecks = [
    '../check_marker',
    'check_marker;id',
    'check_marker|id',
    'check_marker&',
    '$(id)',
    '`id`',
    '-h',
    'a\nb',
    "a'b",
    'a"b',
    'check_marker!x',
    'check marker',
    '',
  ];

  for (const command of notChecks) {
    test(`is refused for the check ${JSON.stringify(command)}`, async () => {
      assert.equal(await refused({ agent: 'nrpe', action: 'runcommand', input: { command } }), 'invalid-input');
      assert.equal(existsSync(marker), false);
    });
  }

  const notServers = ['web1;show info', 'web1\nshow info', '@1', 'web1 state maint', 'web1\\', 'web1\0', '#1', 'a/b'];

  for (const name of notServers) {
    test(`sends HAProxy nothing for the server or backend ${JSON.stringify(name)}`, async () => {
      const disable = { agent: 'haproxy', action: 'disable' };
      assert.equal(await refused({ ...disable, input: { backend: 'app', server: name } }), 'invalid-input');
      assert.equal(await refused({ ...disable, input: { backend: name, server: 'web1' } }), 'invalid-input');
      assert.deepEqual(asked, []);
    });
  }

  test('does not stop valid requests: HAProxy receives one command per connection', async () => {
    await node.call(rip, { agent: 'haproxy', action: 'status', input: { backend: 'app' } });
    assert.ok(asked.length > 0);
    for (const command of asked) assert.match(command, /^[a-z]+( [A-Za-z0-9_.:/-]+)*\n$/);
  });
});
