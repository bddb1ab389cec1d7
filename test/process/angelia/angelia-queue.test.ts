import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryDirectory } from '../../support/agents/agent-setup.ts';
import { startTestAngelia } from '../../support/agents/angelia/angelia.ts';
import { startHangingServer, startMailServer } from '../../support/agents/angelia/mail-server.ts';
import { startWebhookServer } from '../../support/agents/angelia/webhook-server.ts';
import { until } from '../../support/until.ts';

const id = 'f765badda50053d29025b28094342ecf';
const other = 'a1';

describe('the queue', () => {
  test('lists waiting messages and dead letters, with the reasons and without the text', async (context) => {
    context.mock.timers.enable({ apis: ['Date'], now: Date.now() });
    const server = await startWebhookServer([503, 404]);
    const angelia = await startTestAngelia({ webhooks: { ops: server.url } });
    await angelia.send('webhook:ops', id, { message: 'a secret' });
    await assert.rejects(angelia.send('webhook:ops', other), { code: 'undeliverable' });
    const listed = await angelia.queue();
    const { next, ...waiting } = listed.queued[0] as { id: string; reason: string; next: number };
    assert.deepEqual(waiting, {
      id,
      recipient: 'webhook:ops',
      subject: 'deploy',
      age: 0,
      attempts: 1,
      reason: 'the receiver answered with status 503',
    });
    assert.ok(next > 0 && next <= 900);
    assert.deepEqual(
      listed.dead.map((one) => [one.id, one.reason]),
      [[other, 'the receiver answered with status 404']],
    );
    assert.doesNotMatch(JSON.stringify(listed), /secret/);
    await angelia.stop();
    await server.stop();
  });

  test('tries again at once on request; a dry run only reports what it would try', async () => {
    const server = await startWebhookServer([503]);
    const angelia = await startTestAngelia({ webhooks: { ops: server.url } });
    await angelia.send('webhook:ops', id);
    assert.deepEqual(await angelia.retry(undefined, { dryRun: true }), { retried: [id] });
    assert.equal(server.received.length, 1);
    assert.deepEqual(await angelia.retry(), { retried: [id] });
    await server.arrived(2);
    await angelia.stop();
    await server.stop();
  });

  test('requeues a dead letter by its id, once the cause is fixed, also after a restart', async () => {
    const server = await startWebhookServer([404]);
    const before = await startTestAngelia({ webhooks: { ops: server.url } });
    await assert.rejects(before.send('webhook:ops', id), { code: 'undeliverable' });
    await before.stop();
    const angelia = await startTestAngelia({ webhooks: { ops: server.url } }, before.stateDirectory);
    assert.deepEqual(await angelia.retry(id, { dryRun: true }), { retried: [id] });
    assert.equal((await angelia.queue()).dead.length, 1);
    await angelia.retry(id);
    await server.arrived(2);
    await until('the queue is empty', async () => (await angelia.queue()).queued.length === 0, 0);
    assert.deepEqual(await angelia.status(), { queued: 0, delivered: 1, dead: 0, oldest: 0 });
    await assert.rejects(angelia.retry(id), { code: 'already-delivered' });
    await assert.rejects(angelia.retry('b2'), { code: 'unknown-message' });
    await angelia.stop();
    await server.stop();
  });

  test('does not delay a call while a mail server hangs, and reports that the message waits', async () => {
    const server = await startHangingServer('220 hello\r\n');
    const angelia = await startTestAngelia({
      smtp: { host: '127.0.0.1', port: server.port, from: 'mco-deploy@devco.net' },
      timeout: 0.2,
    });
    assert.deepEqual(await angelia.send('mailto:a@devco.net', id), { id, delivered: false, queued: true });
    assert.match((await angelia.queue()).queued[0]?.reason ?? '', /no answer in time/);
    await angelia.stop();
    await server.stop();
  });
});

describe('a priority', () => {
  test('appears in the headers of a mail', async () => {
    const server = await startMailServer();
    const smtp = { host: '127.0.0.1', port: server.port, from: 'mco-deploy@devco.net' };
    const angelia = await startTestAngelia({ smtp });
    await angelia.send('mailto:a@devco.net', id, { priority: 'high' });
    assert.match(server.received[0]?.raw ?? '', /^Importance: high\r$/m);
    await angelia.stop();
    await server.stop();
  });
});

describe('a notification program', () => {
  /** A script that keeps its input and its arguments, and ends as `end` says. */
  const script = (end: string) => {
    const directory = temporaryDirectory();
    const file = join(directory, 'notify');
    writeFileSync(file, `#!/bin/sh\ncat >> ${directory}/input\necho "$*" >> ${directory}/args\n${end}\n`);
    chmodSync(file, 0o755);
    return { file, input: () => readFileSync(join(directory, 'input'), 'utf8'), directory };
  };

  test('receives the message as JSON on its input, and nothing of it in its arguments', async () => {
    const { file, input, directory } = script('exit 0');
    const angelia = await startTestAngelia({ commands: { page: { argv: [file, '--urgent'] } } });
    const message = '$(reboot); `id`\n--help';
    assert.equal((await angelia.send('exec:page', id, { message, priority: 'high' })).delivered, true);
    const { time, ...got } = JSON.parse(input());
    assert.match(time, /^\d{4}-/);
    assert.deepEqual(got, {
      id,
      subject: 'deploy',
      message,
      recipient: 'exec:page',
      address: 'page',
      priority: 'high',
      node: 'dev2.devco.net',
      caller: 'cert=rip@devco.net',
    });
    assert.equal(readFileSync(join(directory, 'args'), 'utf8'), '--urgent\n');
    await angelia.stop();
  });

  test('runs again after a temporary failure, and not after a permanent one', async () => {
    const failing = script('echo "no network" >&2; exit 75');
    const angelia = await startTestAngelia({ commands: { page: { argv: [failing.file] } } });
    assert.equal((await angelia.send('exec:page', id)).queued, true);
    assert.match((await angelia.queue()).queued[0]?.reason ?? '', /notify failed \(exit code 75\): no network$/);
    await angelia.stop();
    const refusing = script('exit 67');
    const strict = await startTestAngelia({ commands: { page: { argv: [refusing.file] } } });
    await assert.rejects(strict.send('exec:page', id), { code: 'undeliverable', message: /exit code 67/ });
    await assert.rejects(strict.send('exec:none', other), { code: 'unknown-recipient' });
    await strict.stop();
  });

  test('is killed if it hangs, and runs again', async () => {
    const { file } = script('sleep 60');
    const angelia = await startTestAngelia({ commands: { page: { argv: [file] } }, timeout: 0.2 });
    assert.equal((await angelia.send('exec:page', id)).queued, true);
    assert.match((await angelia.queue()).queued[0]?.reason ?? '', /failed \((timeout|cancelled)\)/);
    await angelia.stop();
  });
});

test('extra fields on a known service make the configuration invalid', async () => {
  const ops = { url: 'https://chat.example.net/', format: 'slack', fields: { text: '{message}' } };
  await assert.rejects(startTestAngelia({ webhooks: { ops } }), { code: 'bad-endpoint', message: /format: slack/ });
});
