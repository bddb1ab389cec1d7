import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { makeBody } from '../../../../../src/agents/angelia/channels/body.ts';
import type { EndpointConfig } from '../../../../../src/agents/angelia/config.ts';

const values = {
  id: 'f765',
  subject: 'app <!channel>',
  message: 'revision 20 & @channel "serves"',
  recipient: 'ntfy:deploys',
  address: 'deploys',
  priority: 'high',
  node: 'notify1.devco.net',
  caller: 'cert=rip@devco.net',
  time: '2012-10-27T21:14:02.000Z',
} as const;

function bodyFor(format: EndpointConfig['format'], token = '') {
  const { type, text } = makeBody({ url: 'https://x', ...(format === undefined ? {} : { format }) }, values, token);
  return type === 'application/json' ? JSON.parse(text) : Object.fromEntries(new URLSearchParams(text));
}

describe('the format of each service', () => {
  test('slack: its own markup, in which a message mentions nobody', () => {
    assert.deepEqual(bodyFor('slack'), {
      text: '*app &lt;!channel&gt;*\nrevision 20 &amp; @channel "serves"',
    });
  });

  test('mattermost: Markdown, in which a message mentions nobody', () => {
    assert.deepEqual(bodyFor('mattermost'), {
      text: '**app <!channel>**\nrevision 20 & @\u200bchannel "serves"',
    });
  });

  test('teams: a card with a heading and a text', () => {
    const [attachment] = bodyFor('teams').attachments;
    assert.equal(attachment.contentType, 'application/vnd.microsoft.card.adaptive');
    assert.deepEqual(
      attachment.content.body.map(({ text }: { text: string }) => text),
      [values.subject, values.message],
    );
  });

  test('ntfy: a topic and a priority on its own scale', () => {
    const { subject: title, message } = values;
    assert.deepEqual(bodyFor('ntfy'), { topic: 'deploys', title, message, priority: 4 });
  });

  test('pushover and boxcar: forms with the recipient', () => {
    const { subject, message } = values;
    assert.deepEqual(bodyFor('pushover', 'app-token'), {
      token: 'app-token',
      user: 'deploys',
      title: subject,
      message,
      priority: '1',
    });
    assert.deepEqual(bodyFor('boxcar'), {
      user_credentials: 'deploys',
      'notification[title]': subject,
      'notification[long_message]': message,
    });
  });
});
