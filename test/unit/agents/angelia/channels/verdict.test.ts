import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DeliveryFailure } from '../../../../../src/agents/angelia/channels/failure.ts';
import { type Answer, judge } from '../../../../../src/agents/angelia/channels/judge-answer.ts';
import type { EndpointConfig } from '../../../../../src/agents/angelia/config.ts';

type Format = NonNullable<EndpointConfig['format']>;
const now = Date.parse('2026-11-28T12:00:00Z');
const verdict = (format: Format, answer: Partial<Answer>): 'delivered' | DeliveryFailure => {
  try {
    judge({ url: 'https://x', format }, { status: 200, retryAfter: '', body: '', ...answer }, now);
    return 'delivered';
  } catch (error) {
    assert.ok(error instanceof DeliveryFailure);
    return error;
  }
};
const teams429 =
  'Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with ContextId tcid=0';

describe('a reply to a webhook', () => {
  const delivered: [Format, number, string][] = [
    ['json', 200, 'whatever'],
    ['form', 204, ''],
    ['boxcar', 201, ''],
    ['slack', 200, 'ok'],
    ['slack', 200, '{"ok":true,"ts":"1"}'],
    ['mattermost', 200, 'ok\n'],
    ['teams', 200, '1'],
    ['teams', 202, ''],
    ['ntfy', 200, '{"id":"sPs71M8A2T","event":"message"}'],
    ['pushover', 200, '{"status":1,"request":"647d2300"}'],
  ];
  for (const [format, status, body] of delivered) {
    test(`means delivered: ${format} ${status} ${body.trim()}`, () =>
      assert.equal(verdict(format, { status, body }), 'delivered'));
  }

  const failed: [Format, number, string, 'again' | 'never'][] = [
    ['teams', 200, teams429, 'again'],
    ['teams', 200, teams429.replace('429', '410'), 'never'],
    ['teams', 200, 'Summary or Text is required.', 'again'],
    ['teams', 200, '{"error":{"code":"Unauthorized"}}', 'again'],
    ['slack', 200, '{"ok":false,"error":"channel_not_found"}', 'never'],
    ['slack', 200, '{"ok":false,"error":"ratelimited"}', 'again'],
    ['slack', 404, 'no_service', 'never'],
    ['slack', 200, '<html>Sign in</html>', 'again'],
    ['mattermost', 200, '<html>maintenance</html>', 'again'],
    ['ntfy', 200, '<html>login</html>', 'again'],
    ['pushover', 200, '{"status":0,"errors":["user identifier is invalid"]}', 'again'],
    ['pushover', 400, '{"status":0}', 'never'],
    ['json', 429, '', 'again'],
    ['json', 503, '', 'again'],
    ['json', 302, '', 'never'],
  ];
  for (const [format, status, body, when] of failed) {
    test(`means not delivered, and ${when}: ${format} ${status} ${body.slice(0, 60)}`, () => {
      const failure = verdict(format, { status, body });
      assert.ok(failure instanceof DeliveryFailure);
      assert.equal(failure.permanent, when === 'never');
      assert.ok(body === '' || failure.message.includes(body.slice(0, 40)), failure.message);
    });
  }

  for (const [retryAfter, wait] of [
    ['30', 30_000],
    ['Sat, 28 Nov 2026 12:02:00 GMT', 120_000],
    ['Sat, 28 Nov 2026 11:00:00 GMT', 0],
    ['999999', 3600_000],
    ['soon', 0],
  ] as const) {
    test(`asks to wait by “Retry-After: ${retryAfter}”`, () => {
      const failure = verdict('json', { status: 429, retryAfter });
      assert.equal(failure instanceof DeliveryFailure && failure.wait, wait);
    });
  }
});
