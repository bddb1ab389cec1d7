import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { DeliveryFailure } from '../../../../../src/agents/angelia/channels/failure.ts';
import { messageIdOf, sendMail } from '../../../../../src/agents/angelia/channels/mail.ts';
import type { SmtpConfig } from '../../../../../src/agents/angelia/config.ts';
import type { Message } from '../../../../../src/agents/angelia/message.ts';
import { temporaryDirectory } from '../../../../support/agents/agent-setup.ts';
import { startHangingServer, startMailServer } from '../../../../support/agents/angelia/mail-server.ts';
import { type Fleet, makeFleet } from '../../../../support/fleet/fleet.ts';

const message: Message = {
  ...{ id: 'a1', recipient: 'mailto:a@devco.net', subject: 'Revision 20', message: 'serves\nall', priority: 'normal' },
  ...{ caller: 'cert=rip', acceptedAt: Date.UTC(2026, 0, 2), attempts: 0, nextAt: 0, lastError: '' },
};
const { signal } = new AbortController();
const to = 'a@devco.net';
const config = (port: number, more: Partial<SmtpConfig> = {}): SmtpConfig => ({
  ...{ host: 'localhost', port, from: 'mco@nodes.devco.net', tls: 'none' },
  ...more,
});

const fails = (words: RegExp, permanent: boolean) => (error: unknown) => {
  assert.ok(error instanceof DeliveryFailure, String(error));
  assert.match(error.message, words);
  assert.equal(error.permanent, permanent, error.message);
  return true;
};

type Options = NonNullable<Parameters<typeof startMailServer>[0]>;

describe('a mail', () => {
  const servers: { stop: () => Promise<void> }[] = [];
  let fleet: Fleet;
  let tls: Options;
  let ca_file: string;
  before(async () => {
    fleet = await makeFleet();
    const { keyPem: key, certificatePem: cert } = await fleet.node('localhost');
    tls = { key, cert };
    ca_file = join(fleet.dir, 'ca.crt');
  });
  after(async () => {
    await Promise.all(servers.map(({ stop }) => stop()));
    await fleet.remove();
  });
  const start = async (options: Options = {}) => {
    const server = await startMailServer(options);
    servers.push(server);
    return server;
  };
  const password = (text = 'secret') => {
    const password_file = join(temporaryDirectory(), 'password');
    writeFileSync(password_file, text);
    return { user: 'mco', password_file };
  };

  test('has its text, its sender and an id that is the same on each node', async () => {
    const { port, received } = await start();
    await sendMail(config(port), to, message, signal);
    const [{ from, to: recipients, raw } = { from: '', to: [], raw: '' }] = received;
    assert.deepEqual([from, recipients], ['mco@nodes.devco.net', [to]]);
    for (const line of [
      'Subject: Revision 20',
      'Message-ID: <a1.mco-deploy@nodes.devco.net>',
      'Date: Fri, 02 Jan 2026 00:00:00 +0000',
      'Auto-Submitted: auto-generated',
      'X-Mco-Caller: cert=rip',
    ]) {
      assert.ok(raw.includes(`${line}\r\n`), `${line} in ${raw}`);
    }
    assert.match(raw, /\r\n\r\nserves\r\nall\r\n$/);
    assert.doesNotMatch(raw, /Priority|Importance/);
    assert.equal(messageIdOf(message, { from: 'mco@nodes.devco.net' }), '<a1.mco-deploy@nodes.devco.net>');
  });

  test('says how important it is', async () => {
    const { port, received } = await start();
    await sendMail(config(port), to, { ...message, priority: 'high' }, signal);
    await sendMail(config(port), to, { ...message, priority: 'low' }, signal);
    assert.match(received[0]?.raw ?? '', /Importance: high\r\nX-Priority: 1\r\n/);
    assert.match(received[1]?.raw ?? '', /Importance: low\r\nX-Priority: 5\r\n/);
  });

  test('goes over TLS as configured, to a server that is verified if it must be', async () => {
    const { port, received } = await start(tls);
    const foreign = await makeFleet();
    const otherCa = join(foreign.dir, 'ca.crt');
    await sendMail(config(port, { tls: 'none' }), to, message, signal);
    await sendMail(config(port, { tls: 'opportunistic' }), to, message, signal);
    await sendMail(config(port, { tls: 'required', ca_file }), to, message, signal);
    assert.deepEqual(
      received.map(({ secure }) => secure),
      [false, true, true],
    );
    await assert.rejects(
      sendMail(config(port, { tls: 'required', ca_file: otherCa }), to, message, signal),
      fails(/certificate/, false),
    );
    const plain = await start();
    await assert.rejects(
      sendMail(config(plain.port, { tls: 'required', ca_file }), to, message, signal),
      fails(/STARTTLS|TLS/, false),
    );
    await sendMail(config(plain.port, { tls: 'opportunistic' }), to, message, signal);
    const implicit = await start({ ...tls, secure: true });
    await sendMail(config(implicit.port, { tls: 'implicit', ca_file }), to, message, signal);
    assert.deepEqual([plain.received.length, implicit.received[0]?.secure, received.length], [1, true, 3]);
    await foreign.remove();
  });

  test('is sent with the password of its file, which may be wrong for now', async () => {
    const { port, received } = await start({
      ...tls,
      authOptional: false,
      onAuth: ({ username, password: given }, _session, done) =>
        given === 'secret' ? done(null, { user: username }) : done(new Error('Invalid password')),
    });
    const required = { tls: 'required', ca_file } as const;
    await sendMail(config(port, { ...required, ...password() }), to, message, signal);
    assert.equal(received[0]?.user, 'mco');
    await assert.rejects(
      sendMail(config(port, { ...required, ...password('old') }), to, message, signal),
      fails(/Invalid/, false),
    );
    const none = sendMail(config(port, { ...required, user: 'mco', password_file: '/nowhere' }), to, message, signal);
    await assert.rejects(none, fails(/^\/nowhere cannot be read/, false));
    assert.equal(received.length, 1);
  });

  test('is refused for good by a reply from 500 on, and for now by one below', async () => {
    let responseCode = 0;
    const { port } = await start({
      onRcptTo: (_address, _session, done) => done(Object.assign(new Error('no such user'), { responseCode })),
    });
    for (responseCode of [500, 550, 599]) {
      await assert.rejects(
        sendMail(config(port), to, message, signal),
        fails(/^the mail server localhost:\d+: .*no such user/, true),
      );
    }
    for (responseCode of [421, 450, 499]) {
      await assert.rejects(sendMail(config(port), to, message, signal), fails(/no such user/, false));
    }
    await assert.rejects(sendMail(config(port), 'a b@devco.net\r\nx', message, signal), fails(/./, true));
  });

  test('fails for now if nothing answers, or not in time', async () => {
    const hanging = await startHangingServer();
    servers.push(hanging);
    const stop = new AbortController();
    const sending = sendMail(config(hanging.port), to, message, stop.signal);
    await hanging.connected();
    stop.abort();
    await assert.rejects(sending, fails(/: no answer in time$/, false));
    await assert.rejects(sendMail(config(hanging.port), to, message, AbortSignal.abort()), fails(/in time/, false));
    const gone = await startMailServer();
    await gone.stop();
    await assert.rejects(sendMail(config(gone.port), to, message, signal), fails(/ECONNREFUSED/, false));
  });
});
