import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { temporaryDirectory } from '../../support/agents/agent-setup.ts';
import { startTestAngelia } from '../../support/agents/angelia/angelia.ts';
import { startHangingServer, startMailServer } from '../../support/agents/angelia/mail-server.ts';
import { startWebhookServer } from '../../support/agents/angelia/webhook-server.ts';
import { until } from '../../support/until.ts';

const child = join(import.meta.dirname, '../../support/agents/angelia/angelia-child.ts');
const id = 'f765badda50053d29025b28094342ecf';
const soon = { first: 0.02, longest: 0.05 };

function spawnAngelia(config: object, stateDirectory: string, recipient: string): ChildProcess {
  return spawn(process.execPath, [child, JSON.stringify(config), stateDirectory, recipient, id], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function kill(running: ChildProcess): Promise<void> {
  const exited = once(running, 'exit');
  running.kill('SIGKILL');
  await exited;
}

describe('a daemon that is killed', () => {
  test('delivers a message that it had accepted, once, after a restart', async () => {
    const stateDirectory = temporaryDirectory();
    const hanging = await startHangingServer();
    const smtp = (port: number) => ({ host: '127.0.0.1', port, from: 'mco-deploy@devco.net' });
    const running = spawnAngelia({ smtp: smtp(hanging.port) }, stateDirectory, 'mailto:a@devco.net');
    await hanging.connected();
    await kill(running);
    await hanging.stop();
    assert.deepEqual(readdirSync(join(stateDirectory, 'spool', 'queue')), [`${id}.json`]);
    const server = await startMailServer();
    const angelia = await startTestAngelia({ smtp: smtp(server.port), retry: soon }, stateDirectory);
    await server.arrived(1);
    assert.match(server.received[0]?.raw ?? '', new RegExp(`Message-ID: <${id}\\.`));
    await until('the queue is empty', async () => (await angelia.status()).queued === 0, 0);
    assert.deepEqual(await angelia.send('mailto:a@devco.net', id), { id, delivered: true, queued: false });
    await angelia.stop();
    const again = await startTestAngelia({ smtp: smtp(server.port), retry: soon }, stateDirectory);
    assert.deepEqual(await again.status(), { queued: 0, delivered: 1, dead: 0, oldest: 0 });
    assert.equal(server.received.length, 1);
    await again.stop();
    await server.stop();
  });

  // Whatever the mail server had heard by then; only after the text may there be two, and then of one id.
  for (const [moment, copies] of [
    ['onConnect', 1],
    ['onMailFrom', 1],
    ['onRcptTo', 1],
    ['onData', 2],
  ] as const) {
    test(`loses no message while a mail server is at ${moment}`, async () => {
      const stateDirectory = temporaryDirectory();
      const smtp = (port: number) => ({ host: '127.0.0.1', port, from: 'mco-deploy@devco.net' });
      let reached = () => {};
      const there = new Promise<void>((resolve) => {
        reached = resolve;
      });
      const seen: string[] = [];
      const dying = await startMailServer({
        ...(moment === 'onData'
          ? {
              onData: (stream) => {
                text(stream).then((raw) => {
                  seen.push(raw);
                  reached();
                }, reached);
              },
            }
          : { [moment]: () => reached() }),
      });
      const running = spawnAngelia({ smtp: smtp(dying.port) }, stateDirectory, 'mailto:a@devco.net');
      await there;
      await kill(running);
      await dying.stop();
      const server = await startMailServer();
      const angelia = await startTestAngelia({ smtp: smtp(server.port), retry: soon }, stateDirectory);
      await server.arrived(1);
      await until('the queue is empty', async () => (await angelia.status()).queued === 0, 0);
      seen.push(...server.received.map(({ raw }) => raw));
      assert.equal(seen.length, copies);
      for (const raw of seen) assert.match(raw, new RegExp(`^Message-ID: <${id}\\.mco-deploy@devco\\.net>\\r$`, 'm'));
      await angelia.stop();
      await server.stop();
    });
  }

  test('sends a message again under the same key if the receiver accepted it but did not reply', async () => {
    const stateDirectory = temporaryDirectory();
    const server = await startWebhookServer([undefined, 200]);
    const config = { webhooks: { ops: server.url }, retry: soon };
    const running = spawnAngelia(config, stateDirectory, 'webhook:ops');
    await server.arrived(1);
    await kill(running);
    const angelia = await startTestAngelia(config, stateDirectory);
    await server.arrived(2);
    assert.deepEqual(
      server.received.map(({ headers }) => headers['idempotency-key']),
      [id, id],
    );
    await angelia.stop();
    await server.stop();
  });

  test('does not send a delivered message again', async () => {
    const stateDirectory = temporaryDirectory();
    const server = await startWebhookServer();
    const config = { webhooks: { ops: server.url }, retry: soon };
    const running = spawnAngelia(config, stateDirectory, 'webhook:ops');
    let output = '';
    for await (const chunk of running.stdout ?? []) {
      output += String(chunk);
      if (output.includes('sent')) break;
    }
    assert.match(output, /"delivered":true/);
    await kill(running);
    const angelia = await startTestAngelia(config, stateDirectory);
    assert.deepEqual(await angelia.send('webhook:ops', id), { id, delivered: true, queued: false });
    assert.equal(server.received.length, 1);
    await angelia.stop();
    await server.stop();
  });
});
