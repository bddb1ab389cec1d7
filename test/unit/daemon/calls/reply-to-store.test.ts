import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { actionOf, defineDdl } from '../../../../src/core/ddl/ddl.ts';
import type { JsonObject } from '../../../../src/core/json.ts';
import { okReply, type ReplyContent } from '../../../../src/core/request/reply.ts';
import { replyToStore } from '../../../../src/daemon/calls/reply-to-store.ts';

const text = { type: 'string', maxLength: 100 } as const;
const ddl = defineDdl({
  name: 'vault',
  description: 'for tests',
  author: 'mco-deploy',
  license: 'Apache-2.0',
  version: '0.1.0',
  url: '',
  actions: {
    open: {
      kind: 'change',
      description: 'for tests',
      repeatable: true,
      timeout: 5,
      display: 'always',
      dryRun: false,
      input: {
        type: 'object',
        additionalProperties: false,
        properties: { name: text, pin: { 'x-sensitive': true } },
      },
      output: {
        type: 'object',
        additionalProperties: false,
        properties: { state: text, key: { type: 'string', 'x-sensitive': true } },
      },
    },
  },
} as never);
const action = actionOf(ddl, 'open');

const store = (data: JsonObject, input: JsonObject = {}, changes: Partial<ReplyContent> = {}) =>
  replyToStore({ ...okReply(data), ...changes }, { action, input });

describe('a reply that is stored', () => {
  test('has no sensitive output, and everything else unchanged', () => {
    const data = { state: 'open', key: 'k1', more: [1, true, null, { deep: 'x' }] };
    assert.deepEqual(store(data, { name: 'safe' }), okReply({ ...data, key: '(hidden)' }));
  });

  test('has no sensitive input, wherever and however often it repeats it', () => {
    const said = { message: 'pin 4711, again 4711', hint: 'not 4711' };
    const data = { state: 'x4711x', list: ['4711', { 4711: 'a 4711' }], number: 4711, other: 12 };
    const hidden = {
      state: 'x(hidden)x',
      list: ['(hidden)', { '(hidden)': 'a (hidden)' }],
      number: '(hidden)',
      other: 12,
    };
    assert.deepEqual(store(data, { pin: '4711', name: 'x' }, said), {
      ...okReply(hidden),
      message: 'pin (hidden), again (hidden)',
      hint: 'not (hidden)',
    });
  });

  test('has none of the texts and numbers of a sensitive input that is a list or an object', () => {
    for (const pin of [['one', 22], { a: 'one', b: [22, true, null] }, [{ x: ['one'] }, 22]]) {
      assert.deepEqual(store({ state: 'one two 22' }, { pin } as JsonObject).data, { state: '(hidden) two (hidden)' });
    }
    for (const pin of ['', [], {}, true, null, ['']]) {
      assert.deepEqual(store({ state: 'true null' }, { pin } as JsonObject).data, { state: 'true null' }, String(pin));
    }
    assert.deepEqual(store({ state: 'safe' }, { name: 'safe' }).data, { state: 'safe' }, 'what is not sensitive');
  });

  test('does not grow with repeated secrets that are in what stands for them, and has no rest of a longer one', () => {
    const pin = [...Array.from({ length: 40 }, () => 'd'), ...'(hidden)'];
    assert.equal(store({ state: 'od' }, { pin }).data.state, 'o(hidden)');
    assert.deepEqual(store({ state: '4711' }, { pin: ['47', '4711'] }).data, { state: '(hidden)' });
  });

  test('is hidden as a whole with more than a thousand secrets', () => {
    const pin = (count: number) => Array.from({ length: count }, (_, index) => `p${index}q`);
    assert.deepEqual(store({ state: 'x', list: ['p0q'] }, { pin: pin(1000) }).data, { state: 'x', list: ['(hidden)'] });
    const { data, message } = store({ state: 'x' }, { pin: pin(1001) });
    assert.deepEqual([data, message], [{ state: '(hidden)' }, '']);
  });

  test('has no data if the action is unknown', () => {
    const content = { ...okReply({ state: 'open' }), message: 'it says' };
    assert.deepEqual(replyToStore(content, { action: undefined, input: {} }), { ...content, data: {} });
  });
});
