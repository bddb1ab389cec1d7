import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { agents as builtIn } from '../../../src/agents/index.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { startHangingServer } from '../../support/agents/angelia/mail-server.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';
import { startWebhookServer } from '../../support/agents/angelia/webhook-server.ts';

let fleet: Fleet;
let node: TestNode;
let rip: Member;
let marker: string;
let mail: Awaited<ReturnType<typeof startHangingServer>>;
let hook: Awaited<ReturnType<typeof startWebhookServer>>;

before(async () => {
  fleet = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
  marker = join(fleet.dir, 'marker');
  mail = await startHangingServer('220 hello\r\n');
  hook = await startWebhookServer();
  const config = join(fleet.dir, 'nrpe.cfg');
  const lines = [
    'dont_blame_nrpe=1',
    'command[long]=/usr/bin/head -c 100000000 /dev/zero',
    `command[piped]=/bin/echo x | /usr/bin/tee ${marker}`,
    `command[given]=/usr/bin/touch $ARG1$ ${marker}`,
    '',
  ];
  writeFileSync(config, lines.join('\n'));
  node = await startTestNode(fleet, {
    agents: builtIn.filter(({ ddl }) => ['angelia', 'nrpe', 'rpcutil'].includes(ddl.name)),
    sections: {
      nrpe: { config, arguments: { given: ['[a-z/]+'] } },
      angelia: {
        smtp: { host: '127.0.0.1', port: mail.port, from: 'mco-deploy@devco.net', domains: ['devco.net'] },
        webhooks: { ops: hook.url },
        commands: { mark: { argv: ['/usr/bin/touch', marker] } },
        timeout: 0.3,
      },
    },
  });
});

after(async () => {
  await node[Symbol.asyncDispose]();
  await mail.stop();
  await hook.stop();
  await fleet.remove();
});

/** The outcome, which must be the one in the audit log. */
const call = async (agent: string, action: string, input: JsonObject) => {
  const reply = await node.call(rip, { agent, action, input });
  const records = await node.records();
  const intent = records.findLast((record) => record.kind === 'intent');
  const outcome = records.findLast((record) => record.kind === 'outcome');
  assert.deepEqual([intent?.agent, intent?.action, intent?.arguments], [agent, action, input]);
  assert.deepEqual([outcome?.intent, outcome?.outcome, outcome?.code], [intent?.sequence, reply.outcome, reply.code]);
  return { ...reply, output: JSON.parse(reply.data.toString()) as JsonObject };
};

const untouched = () => {
  assert.ok(!existsSync(marker), 'nothing was run');
  assert.equal(hook.received.length, 0, 'nothing was sent');
  assert.deepEqual(readdirSync(join(node.directory, 'state', 'angelia', 'spool', 'queue')), []);
};

const send = (input: JsonObject) => call('angelia', 'sendmsg', { message: 'x', recipient: 'webhook:ops', ...input });

/** Inputs that are meant to do harm, and surroundings that fail, of the agents nrpe, angelia and rpcutil: as a node sees them. */
describe('an agent with harmful requests', () => {
  for (const [what, input] of [
    ['a recipient with a newline', { recipient: 'mailto:a@devco.net\r\nBcc: b@devco.net' }],
    ['a recipient with a blank', { recipient: 'mailto:a@devco.net b@devco.net' }],
    ['a recipient without a scheme', { recipient: '../../etc/passwd' }],
    ['a subject of two lines', { subject: 'a\nBcc: b@devco.net' }],
    ['a message with a NUL', { message: 'a\0b' }],
    ['a message without an end', { message: 'x'.repeat(32_769) }],
    ['a priority that is none', { priority: '__proto__' }],
    ['a header of its own', { headers: { Bcc: 'b@devco.net' } }],
  ] as const)
    test(`sends nothing for ${what}`, async () => {
      const { outcome, code } = await send(input);
      assert.deepEqual([outcome, code], ['refused', 'invalid-input']);
      untouched();
    });

  for (const [recipient, code] of [
    ['http://169.254.169.254/latest/', 'recipient-denied'],
    ['https://evil.example.net/', 'recipient-denied'],
    ['file:///etc/passwd', 'unknown-recipient'],
    ['webhook:__proto__', 'unknown-recipient'],
    ['webhook:../ops', 'unknown-recipient'],
    ['exec:/bin/sh', 'unknown-recipient'],
    ['exec:constructor', 'unknown-recipient'],
    ['mailto:root@elsewhere.net', 'recipient-denied'],
    ['mailto:"a>b"@devco.net', 'bad-recipient'],
    ['mailto:a@devco.net,b@devco.net', 'bad-recipient'],
    ['mailto:a@devco.net?bcc=b@devco.net', 'bad-recipient'],
  ] as const)
    test(`sends nothing to ${recipient}`, async () => {
      const reply = await send({ recipient });
      assert.deepEqual([reply.outcome, reply.code], ['failed', code], reply.message);
      untouched();
    });

  for (const id of ['../a', 'a/b', 'a.json', '', 'x'.repeat(65)])
    test(`does not retry a message with the id ${JSON.stringify(id.slice(0, 10))}`, async () => {
      const { outcome, code } = await call('angelia', 'retry', { id });
      assert.deepEqual([outcome, code], ['refused', 'invalid-input']);
    });

  test('runs nothing for a definition that needs a shell, nor with an argument that no pattern allows', async () => {
    const piped = await call('nrpe', 'runcommand', { command: 'piped' });
    assert.deepEqual([piped.outcome, piped.code], ['failed', 'refused-command']);
    for (const args of ['A', '0', 'a!b', 'a b']) {
      const given = await call('nrpe', 'runcommand', { command: 'given', args });
      assert.deepEqual([given.outcome, given.code], ['failed', 'refused-arguments']);
    }
    const none = await call('nrpe', 'runcommand', { command: 'given' });
    assert.deepEqual([none.outcome, none.code], ['failed', 'refused-arguments']);
    untouched();
  });
});

describe('an agent in a failing environment', () => {
  test('limits the output of a plugin that prints 100 MB, and the node replies meanwhile', async () => {
    const long = node.call(rip, { agent: 'nrpe', action: 'runcommand', input: { command: 'long' } });
    assert.equal((await node.call(rip, { agent: 'rpcutil', action: 'ping', input: {} })).outcome, 'ok');
    const { outcome, data } = await long;
    assert.equal(outcome, 'ok');
    const { state, output } = JSON.parse(data.toString()) as { state: string; output: string };
    assert.equal(state, 'OK');
    assert.ok(output.length <= 64 * 1024);
    const records = await node.records();
    assert.equal(records.findLast((record) => record.kind === 'outcome')?.outcome, 'ok');
  });

  test('keeps a message for a mail server that hangs, and reports it', async () => {
    const { outcome, output } = await send({ recipient: 'mailto:ops@devco.net' });
    assert.equal(outcome, 'ok');
    assert.deepEqual([output.delivered, output.queued], [false, true]);
    const { output: queue } = await call('angelia', 'queue', {});
    const [waiting] = queue.queued as { recipient: string; reason: string }[];
    assert.equal(waiting?.recipient, 'mailto:ops@devco.net');
    assert.match(waiting?.reason ?? '', /no answer in time/);
  });

  test('returns no fact for a name of a prototype or a path', async () => {
    for (const fact of ['__proto__', 'constructor', 'os.__proto__', 'os.constructor.name'])
      assert.equal((await call('rpcutil', 'get_fact', { fact })).output.value, null, fact);
    for (const fact of ['../facts.d/site', 'a b', 'a;b', '/x/', ''])
      assert.equal((await call('rpcutil', 'get_fact', { fact })).code, 'invalid-input', fact);
    const { outcome, code } = await call('rpcutil', 'get_data', { source: 'file', query: 'x' });
    assert.deepEqual([outcome, code], ['refused', 'invalid-input']);
  });
});
