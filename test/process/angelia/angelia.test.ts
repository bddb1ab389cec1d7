import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { temporaryDirectory } from '../../support/agents/agent-setup.ts';
import { startTestAngelia } from '../../support/agents/angelia/angelia.ts';
import { startHangingServer, startMailServer } from '../../support/agents/angelia/mail-server.ts';
import { startWebhookServer } from '../../support/agents/angelia/webhook-server.ts';

const id = 'f765badda50053d29025b28094342ecf';
const soon = { first: 0.02, longest: 0.05 };

function smtp(port: number, more: object = {}) {
  return { host: '127.0.0.1', port, from: 'mco-deploy@devco.net', ...more };
}

/** A certificate for 127.0.0.1, as openssl makes one. */
function selfSigned() {
  const directory = temporaryDirectory();
  const [key, certificate] = [join(directory, 'key.pem'), join(directory, 'certificate.pem')];
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const make = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'];
  execFileSync('openssl', [...make, ...subject, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
  return { key: readFileSync(key), cert: readFileSync(certificate), certificate, directory };
}

describe('mail', () => {
  test('is delivered at once, with an id that both notification nodes share', async () => {
    const server = await startMailServer();
    const angelia = await startTestAngelia({ smtp: smtp(server.port) });
    const subject = 'Ausrollen für “app”';
    assert.deepEqual(await angelia.send('mailto:ops@devco.net', id, { subject, message: 'one\n.\n..two' }), {
      id,
      delivered: true,
      queued: false,
    });
    const [mail] = server.received;
    assert.deepEqual(mail?.to, ['ops@devco.net']);
    assert.match(mail?.raw ?? '', new RegExp(`^Message-ID: <${id}.mco-deploy@devco.net>\r$`, 'm'));
    assert.match(mail?.raw ?? '', /^Auto-Submitted: auto-generated\r$/m);
    assert.match(mail?.raw ?? '', /^Subject: =\?UTF-8\?/m);
    assert.match(mail?.raw ?? '', /\r\n\r\none\r\n\.\r\n\.\.two\r\n$/);
    // The other node, asked because nobody heard of this one's reply.
    const other = await startTestAngelia({ smtp: smtp(server.port) });
    await other.send('mailto:ops@devco.net', id, { subject, message: 'one\n.\n..two' });
    const ids = server.received.map(({ raw }) => /^Message-ID: (.*)\r$/m.exec(raw)?.[1]);
    assert.deepEqual(ids, [ids[0], ids[0]]);
    await other.stop();
    await angelia.stop();
    await server.stop();
  });

  test('is sent once however often the same call comes, also after a restart', async () => {
    const server = await startMailServer();
    const first = await startTestAngelia({ smtp: smtp(server.port) });
    await Promise.all([first.send('mailto:a@devco.net', id), first.send('mailto:a@devco.net', id)]);
    await server.arrived(1);
    await first.stop();
    const second = await startTestAngelia({ smtp: smtp(server.port) }, first.stateDirectory);
    assert.deepEqual(await second.send('mailto:a@devco.net', id), { id, delivered: true, queued: false });
    await assert.rejects(second.send('mailto:b@devco.net', id), { code: 'id-reused' });
    assert.equal(server.received.length, 1);
    await second.stop();
    await server.stop();
  });

  test('is interrupted if the daemon stops, and stays in the spool', async () => {
    const server = await startHangingServer();
    const angelia = await startTestAngelia({ smtp: smtp(server.port), timeout: 60 });
    const sending = angelia.send('mailto:a@devco.net', id);
    await server.connected();
    await angelia.stop();
    assert.equal((await sending).queued, true);
    await server.stop();
    const working = await startMailServer();
    const again = await startTestAngelia({ smtp: smtp(working.port), retry: soon }, angelia.stateDirectory);
    await working.arrived(1);
    assert.deepEqual(working.received[0]?.to, ['a@devco.net']);
    await again.stop();
    await working.stop();
  });
});

describe('mail that cannot be sent at once', () => {
  test('fails the call if the server refuses it permanently, and is kept as a dead letter', async () => {
    const server = await startMailServer({
      onRcptTo: (_address, _session, done) => done(Object.assign(new Error('no such user'), { responseCode: 550 })),
    });
    const angelia = await startTestAngelia({ smtp: smtp(server.port) });
    for (let time = 0; time < 2; time++) {
      await assert.rejects(angelia.send('mailto:nobody@devco.net', id), {
        code: 'undeliverable',
        message: /no such user/,
      });
    }
    assert.deepEqual(await angelia.status(), { queued: 0, delivered: 0, dead: 1, oldest: 0 });
    await angelia.stop();
    await server.stop();
  });

  test('is sent again if the server refuses it temporarily', async () => {
    let refusals = 2;
    const server = await startMailServer({
      onRcptTo: (_address, _session, done) =>
        refusals-- > 0 ? done(Object.assign(new Error('greylisted'), { responseCode: 451 })) : done(),
    });
    const angelia = await startTestAngelia({ smtp: smtp(server.port), retry: soon });
    assert.deepEqual(await angelia.send('mailto:a@devco.net', id), { id, delivered: false, queued: true });
    await server.arrived(1);
    assert.equal(server.received.length, 1);
    await angelia.stop();
    await server.stop();
  });

  test('waits while the server is down, and becomes a dead letter when it is too old', async () => {
    const server = await startMailServer();
    await server.stop();
    const angelia = await startTestAngelia({ smtp: smtp(server.port), retry: { ...soon, age: 0.001 } });
    await assert.rejects(angelia.send('mailto:a@devco.net', id), { code: 'undeliverable', message: /ECONNREFUSED/ });
    await angelia.stop();
    const patient = await startTestAngelia({ smtp: smtp(server.port) });
    assert.equal((await patient.send('mailto:a@devco.net', id)).queued, true);
    assert.equal((await patient.status()).queued, 1);
    await patient.stop();
  });

  for (const [what, greeting] of [
    ['says nothing', ''],
    ['greets and then says nothing', '220 hello\r\n'],
    ['babbles without an end', '220-'.repeat(1000)],
  ] as const) {
    test(`costs only its own try with a server that ${what}`, async () => {
      const server = await startHangingServer(greeting);
      const hook = await startWebhookServer();
      const angelia = await startTestAngelia({
        smtp: smtp(server.port),
        webhooks: { ops: hook.url },
        timeout: 3,
      });
      assert.deepEqual(await angelia.send('mailto:a@devco.net', id), { id, delivered: false, queued: true });
      assert.equal((await angelia.send('webhook:ops', 'b1')).delivered, true);
      assert.deepEqual(
        (await angelia.queue()).queued.map((one) => one.id),
        [id],
      );
      await angelia.stop();
      await hook.stop();
      await server.stop();
    });
  }
});

describe('mail over TLS', () => {
  test('is sent over TLS with the configured password, to a server with a valid certificate', async () => {
    const { key, cert, certificate, directory } = selfSigned();
    const password = join(directory, 'password');
    writeFileSync(password, 'geheim\n');
    const server = await startMailServer({
      key,
      cert,
      onAuth: (auth, _session, done) =>
        auth.password === 'geheim' ? done(null, { user: auth.username }) : done(new Error('wrong password')),
    });
    const account = { tls: 'required', user: 'mco', password_file: password };
    const good = await startTestAngelia({ smtp: smtp(server.port, { ...account, ca_file: certificate }) });
    assert.equal((await good.send('mailto:a@devco.net', id)).delivered, true);
    assert.deepEqual([server.received[0]?.secure, server.received[0]?.user], [true, 'mco']);
    await good.stop();
    const distrustful = await startTestAngelia({ smtp: smtp(server.port, account) });
    assert.equal((await distrustful.send('mailto:a@devco.net', id)).queued, true);
    await distrustful.stop();
    writeFileSync(password, 'falsch\n');
    const wrong = await startTestAngelia({ smtp: smtp(server.port, { ...account, ca_file: certificate }) });
    assert.equal((await wrong.send('mailto:a@devco.net', id)).queued, true);
    await wrong.stop();
    const any = await startTestAngelia({ smtp: smtp(server.port) });
    assert.equal((await any.send('mailto:a@devco.net', id)).delivered, true);
    assert.equal(server.received[1]?.secure, true);
    await any.stop();
    assert.equal(server.received.length, 2);
    await server.stop();
  });

  test('is not sent without the required TLS', async () => {
    const server = await startMailServer();
    const angelia = await startTestAngelia({ smtp: smtp(server.port, { tls: 'required' }) });
    assert.equal((await angelia.send('mailto:a@devco.net', id)).queued, true);
    assert.equal(server.received.length, 0);
    await angelia.stop();
    await server.stop();
    const account = { user: 'mco', password_file: '/nonexistent' };
    await assert.rejects(startTestAngelia({ smtp: smtp(25, account) }), { code: 'bad-smtp-configuration' });
    await assert.rejects(startTestAngelia({ smtp: smtp(25, { user: 'mco' }) }), { code: 'bad-smtp-configuration' });
  });
});

describe('a webhook', () => {
  test('receives JSON with an idempotency key and a signature', async () => {
    const server = await startWebhookServer();
    const secret = join(temporaryDirectory(), 'secret');
    writeFileSync(secret, 'geheim');
    const ops = { url: server.url, secret_file: secret, token_file: secret, headers: { 'X-Team': 'ops' } };
    const angelia = await startTestAngelia({ webhooks: { ops } });
    assert.equal((await angelia.send('webhook:ops', id)).delivered, true);
    const [got] = server.received;
    const body = JSON.parse(got?.body ?? '');
    assert.equal(body.message, 'revision 20 serves');
    assert.equal(body.node, 'dev2.devco.net');
    assert.equal(body.caller, 'cert=rip@devco.net');
    assert.equal(got?.headers['idempotency-key'], id);
    assert.equal(got?.headers['x-team'], 'ops');
    assert.equal(got?.headers.authorization, 'Bearer geheim');
    const mac = createHmac('sha256', 'geheim')
      .update(got?.body ?? '')
      .digest('hex');
    assert.equal(got?.headers['x-mco-signature'], `sha256=${mac}`);
    await angelia.stop();
    await server.stop();
  });

  test('needs a valid certificate over TLS, and receives nothing otherwise', async () => {
    const { key, cert, certificate } = selfSigned();
    const server = await startWebhookServer([], {}, { key, cert });
    const good = await startTestAngelia({ webhooks: { ops: { url: server.url, ca_file: certificate } } });
    assert.equal((await good.send('webhook:ops', id)).delivered, true);
    await good.stop();
    const distrustful = await startTestAngelia({ webhooks: { ops: server.url } });
    assert.equal((await distrustful.send('webhook:ops', id)).queued, true);
    await distrustful.stop();
    assert.equal(server.received.length, 1);
    await server.stop();
  });

  test('passes the seed’s recipient to a push service', async () => {
    const server = await startWebhookServer();
    const fields = { 'notification[to]': '{address}', 'notification[message]': '{message}' };
    const angelia = await startTestAngelia({ push: { boxcar: { url: server.url, format: 'form', fields } } });
    assert.equal((await angelia.send('boxcar://rip@devco.net', id)).delivered, true);
    assert.equal(new URLSearchParams(server.received[0]?.body).get('notification[to]'), 'rip@devco.net');
    await angelia.stop();
    await server.stop();
  });

  test('is called again if it is busy or broken, as late as it asks', async () => {
    const server = await startWebhookServer([503, 429, 408, 500]);
    const angelia = await startTestAngelia({ webhooks: { ops: server.url }, retry: soon });
    assert.equal((await angelia.send(server.url, id)).queued, true);
    await server.arrived(5);
    assert.deepEqual(new Set(server.received.map(({ headers }) => headers['idempotency-key'])), new Set([id]));
    await angelia.stop();
    await server.stop();
    const slow = await startWebhookServer([503], { 'retry-after': '3600' });
    const patient = await startTestAngelia({ webhooks: { ops: slow.url }, retry: { ...soon, age: 1800 } });
    await assert.rejects(patient.send('webhook:ops', id), { code: 'undeliverable' });
    await patient.stop();
    await slow.stop();
  });

  test('counts as failed for Teams, and is called again, if it returns 200 with an error in the body', async () => {
    const error = 'Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429';
    const server = await startWebhookServer([], {}, undefined, error);
    const ops = { url: server.url, format: 'teams' as const };
    const angelia = await startTestAngelia({ webhooks: { ops }, retry: soon });
    assert.equal((await angelia.send('webhook:ops', id)).queued, true);
    await server.arrived(2);
    await angelia.stop();
    await server.stop();
  });

  test('fails the call if it refuses or redirects; redirects are not followed', async () => {
    for (const status of [302, 400, 401, 404]) {
      const server = await startWebhookServer([status], { location: 'http://169.254.169.254/' });
      const angelia = await startTestAngelia({ webhooks: { ops: server.url } });
      await assert.rejects(angelia.send('webhook:ops', id), {
        code: 'undeliverable',
        message: new RegExp(String(status)),
      });
      assert.equal(server.received.length, 1);
      await angelia.stop();
      await server.stop();
    }
  });

  test('costs only its own try if it accepts the message and never replies', async () => {
    const server = await startWebhookServer([undefined]);
    const angelia = await startTestAngelia({ webhooks: { ops: server.url }, timeout: 3 });
    assert.equal((await angelia.send('webhook:ops', id)).queued, true);
    assert.equal((await angelia.send('webhook:ops', 'b1')).delivered, true);
    assert.deepEqual(
      (await angelia.queue()).queued.map((one) => one.id),
      [id],
    );
    await angelia.stop();
    await server.stop();
  });
});

describe('sendmsg', () => {
  test('reports in a dry run that it could send, and stores nothing', async () => {
    const server = await startWebhookServer();
    const angelia = await startTestAngelia({ webhooks: { ops: server.url } });
    assert.deepEqual(await angelia.send('webhook:ops', id, { dryRun: true }), { id, delivered: false, queued: false });
    await assert.rejects(angelia.send('webhook:opz', id, { dryRun: true }), { code: 'unknown-recipient' });
    assert.equal((await angelia.status()).queued, 0);
    assert.equal(server.received.length, 0);
    await angelia.stop();
    await server.stop();
  });

  test('refuses more messages than may wait, and an invalid id', async () => {
    const server = await startHangingServer();
    const angelia = await startTestAngelia({ smtp: smtp(server.port), timeout: 0.1, max_queued: 1 });
    await angelia.send('mailto:a@devco.net', 'a1');
    await assert.rejects(angelia.send('mailto:a@devco.net', 'a2'), { code: 'queue-full' });
    await assert.rejects(angelia.send('mailto:a@devco.net', '../a'), { code: 'bad-id' });
    await angelia.stop();
    await server.stop();
  });
});
