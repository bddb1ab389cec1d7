import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AngeliaConfig } from '../../../../src/agents/angelia/config.ts';
import { angeliaConfigSchema } from '../../../../src/agents/angelia/config.ts';
import { angeliaDdl } from '../../../../src/agents/angelia/ddl.ts';
import { parseRecipient } from '../../../../src/agents/angelia/recipient.ts';
import { validatorOf } from '../../../../src/core/ddl/validators.ts';

function configure(value: object): AngeliaConfig {
  const validate = validatorOf('agent/angelia/config', angeliaConfigSchema);
  if (!validate(value)) throw new Error(JSON.stringify(validate.errors));
  return value as AngeliaConfig;
}

const config = configure({
  smtp: { host: '127.0.0.1', from: 'mco-deploy@devco.net', domains: ['devco.net'] },
  webhooks: {
    ops: 'https://ops.devco.net/hook',
    chat: { url: 'https://chat.devco.net/x', fields: { text: '{message}' } },
  },
  push: { boxcar: { url: 'https://push.devco.net/' } },
});

describe('a recipient', () => {
  test('is a mail address, a webhook by its name or its exact URL, or one of a push service', () => {
    assert.equal(parseRecipient('mailto:ops+deploy@devco.net', config).address, 'ops+deploy@devco.net');
    const ops = parseRecipient('webhook:ops', config);
    assert.equal(ops.kind === 'post' && ops.endpoint.url, 'https://ops.devco.net/hook');
    assert.equal(parseRecipient('https://ops.devco.net/hook', config).kind, 'post');
    assert.equal(parseRecipient('boxcar://rip@devco.net', config).address, 'rip@devco.net');
  });

  const refused: [string, string][] = [
    ['mailto:', 'bad-recipient'],
    ['mailto:ops', 'bad-recipient'],
    ['mailto:a@b,c@d', 'bad-recipient'],
    ['mailto:a@devco.net?bcc=x@y.z', 'bad-recipient'],
    ['mailto:a%0d%0aBcc:x@devco.net', 'bad-recipient'],
    ['mailto:a@devco.net\r\nBcc: x@y.z', 'bad-recipient'],
    ['mailto:<a@devco.net>', 'bad-recipient'],
    ['mailto:"a b"@devco.net', 'bad-recipient'],
    ['mailto:a@-devco.net', 'bad-recipient'],
    ['mailto:a@devco..net', 'bad-recipient'],
    ['mailto:a@elsewhere.net', 'recipient-denied'],
    ['https://ops.devco.net/hook?x', 'recipient-denied'],
    ['https://ops.devco.net/hook/../admin', 'recipient-denied'],
    ['https://OPS.devco.net/hook', 'recipient-denied'],
    ['http://169.254.169.254/latest/meta-data', 'recipient-denied'],
    ['webhook:nosuch', 'unknown-recipient'],
    ['webhook:constructor', 'unknown-recipient'],
    ['__proto__:x', 'unknown-recipient'],
    ['file:///etc/passwd', 'unknown-recipient'],
    ['boxcar://', 'bad-recipient'],
    ['nothing', 'bad-recipient'],
    ['', 'bad-recipient'],
  ];
  for (const [recipient, code] of refused) {
    test(`${JSON.stringify(recipient)} is refused`, () =>
      assert.throws(() => parseRecipient(recipient, config), { code }));
  }

  test('is checked in linear time, however long its name is', () => {
    assert.throws(() => parseRecipient(`mailto:a@${'a-'.repeat(50_000)}`, config), { code: 'bad-recipient' });
  });

  test('is refused if nothing is configured', () => {
    const bare = configure({});
    for (const recipient of ['mailto:a@devco.net', 'webhook:ops', 'boxcar://x']) {
      assert.throws(() => parseRecipient(recipient, bare), { code: 'unknown-recipient' }, recipient);
    }
  });
});

describe('the DDL of angelia', () => {
  const validate = validatorOf('agent/angelia/sendmsg/input', angeliaDdl.actions.sendmsg.input);
  const good = { message: 'one\n\ttwo — “three”', subject: 'Ünïcode', recipient: 'mailto:a@devco.net' };

  test('accepts text of several lines and fills in a missing subject', () => {
    assert.ok(validate({ ...good }));
    const bare: { message: string; recipient: string; subject?: string } = { message: 'x', recipient: 'webhook:ops' };
    assert.ok(validate(bare));
    assert.equal(bare.subject, 'mco-deploy');
  });

  test('refuses line breaks in subject and recipient, and control characters everywhere', () => {
    for (const wrong of [
      { subject: 'a\r\nBcc: x@y.z' },
      { subject: 'a\nb' },
      { subject: 'a\u2028b' },
      { subject: 'a\u0085b' },
      { recipient: 'mailto:a@devco.net\n' },
      { recipient: 'mailto:a b@devco.net' },
      { recipient: 'MAILTO:a@devco.net' },
      { message: 'a\0b' },
      { message: '\u001b[2J' },
      { message: '' },
      { message: 'x'.repeat(32769) },
      { bcc: 'x@y.z' },
    ]) {
      assert.equal(validate({ ...good, ...wrong }), false, JSON.stringify(wrong).slice(0, 60));
    }
  });
});
