import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { backoff } from '../../../../../src/agents/angelia/channels/backoff.ts';
import { makeBody } from '../../../../../src/agents/angelia/channels/body.ts';

const values = {
  id: 'f765',
  subject: 'done {message}',
  message: '"}&x=1\n{id} {constructor}',
  recipient: 'boxcar://rip@devco.net',
  address: 'rip@devco.net',
  priority: 'high',
  node: 'notify1.devco.net',
  caller: 'cert=rip@devco.net',
  time: '2012-10-27T21:14:02.000Z',
} as const;

describe('the body of a webhook', () => {
  test('has every value as JSON if no fields are named', () => {
    const { type, text } = makeBody({ url: 'http://x' }, values);
    assert.equal(type, 'application/json');
    const { address: _, ...rest } = values;
    assert.deepEqual(JSON.parse(text), rest);
  });

  test('is filled in once, so that a message adds no placeholders and leaves no field', () => {
    const fields = { text: '{subject}: {message}', who: '{address} {nosuch} {toString}' };
    assert.deepEqual(JSON.parse(makeBody({ url: 'http://x', fields }, values).text), {
      text: `${values.subject}: ${values.message}`,
      who: 'rip@devco.net {nosuch} {toString}',
    });
  });

  test('can be a form', () => {
    const fields = { 'notification[message]': '{message}' };
    const { type, text } = makeBody({ url: 'http://x', format: 'form', fields }, values);
    assert.equal(type, 'application/x-www-form-urlencoded');
    assert.deepEqual([...new URLSearchParams(text)], [['notification[message]', values.message]]);
  });
});

describe('the time to the next try', () => {
  const policy = { first: 5, longest: 900, age: 86400 };

  test('doubles up to the limit', () => {
    assert.deepEqual(
      [1, 2, 3, 9, 1000].map((attempts) => backoff(attempts, policy, 1)),
      [5000, 10000, 20000, 900000, 900000],
    );
  });

  test('is spread over the upper half', () => {
    assert.equal(backoff(3, policy, 0), 10000);
    assert.equal(backoff(3, policy, 0.5), 15000);
  });
});
