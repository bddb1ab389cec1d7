import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { convertDdl } from '../../../../src/agents/external/convert.ts';
import { applyOverrides } from '../../../../src/agents/external/overrides.ts';
import { actionOf, sensitiveInputs } from '../../../../src/core/ddl/ddl.ts';
import type { JsonObject } from '../../../../src/core/json.ts';

const metadata = { name: 'puppet', description: 'd', author: 'a', license: 'l', version: '1', timeout: 5 };
const inputs = {
  token: { type: 'string', optional: true },
  environment: { type: 'string', optional: true, validation: ':puppet_variable' },
};
/** A DDL as Choria writes it, which does not mark the actions that change something. */
const theirs = {
  metadata,
  actions: [
    { action: 'status', description: 's', input: {} },
    { action: 'runonce', description: 'r', input: inputs },
  ],
};
const site = {
  actions: { status: { kind: 'read', repeatable: true }, runonce: { repeatable: true, sensitive: ['token'] } },
  validators: { puppet_variable: '^[a-z]+$' },
};

/** The DDL of an agent with one action. */
const convert = (action: object, header: object = {}) =>
  convertDdl(
    { metadata: { ...metadata, ...header }, actions: [{ action: 'act', description: 's', ...action }] },
    'x.json',
  );
const actOf = (action: object) => actionOf(convert(action), 'act');
/** Its inputs, as JSON Schema. */
const inputsOf = (input: object) => (actOf({ input })?.input ?? {}) as { required?: unknown; properties?: JsonObject };

describe('a foreign DDL', () => {
  test('has an action that changes something and is not repeated, unless it reads', () => {
    const { url, actions } = convert({});
    assert.equal(url, '');
    assert.deepEqual(actions.act, {
      description: 's',
      kind: 'change',
      repeatable: false,
      timeout: 5,
      dryRun: false,
      display: 'failed',
      input: { type: 'object', additionalProperties: false, required: [], properties: {} },
      output: { type: 'object', properties: {} },
      aggregate: [],
    });
    const [read, never] = [actOf({ kind: 'read', display: 'ok' }), actOf({ kind: 'read', repeatable: false })];
    assert.deepEqual([read?.kind, read?.repeatable, read?.display], ['read', true, 'ok']);
    assert.deepEqual([never?.repeatable, actOf({ repeatable: true })?.repeatable], [false, true]);
  });

  test('requires each input that is not optional and has no default', () => {
    const type = 'string';
    const input = {
      needed: { type },
      nothing: { type, default: null },
      given: { type, default: 'x' },
      free: { type, optional: true },
    };
    assert.deepEqual(inputsOf(input).required, ['needed', 'nothing']);
  });

  test('has inputs of the same meaning as JSON Schema', () => {
    const string = { type: 'string', maxLength: 4096 };
    for (const [theirs, ours] of [
      [{ type: 'string' }, string],
      [{ type: 'string', maxlength: 0, validation: '.' }, string],
      [
        { type: 'string', maxlength: 7, validation: '^a+$' },
        { type: 'string', maxLength: 7, pattern: '^a+$' },
      ],
      [
        { type: 'string', validation: 'ipv4address' },
        { ...string, format: 'ipv4' },
      ],
      [
        { type: 'float', default: 1.5 },
        { type: 'number', default: 1.5 },
      ],
      [
        { type: 'hash', prompt: 'p', description: 'd' },
        { type: 'object', 'x-prompt': 'p', description: 'd' },
      ],
      [
        { type: 'list', list: ['a', 'b'] },
        { type: 'string', enum: ['a', 'b'] },
      ],
      [
        { type: 'list', enum: ['c'], list: ['a'] },
        { type: 'string', enum: ['c'] },
      ],
    ] as const) {
      assert.deepEqual(inputsOf({ one: theirs }).properties, { one: ours }, JSON.stringify(theirs));
    }
    const secret = { type: 'string', optional: true, sensitive: true };
    assert.deepEqual(inputsOf({ one: secret }).properties, { one: { ...string, 'x-sensitive': true } });
  });

  test('has outputs and summaries; what is not known is left out', () => {
    const output = {
      count: { type: 'integer', display_as: 'Count', description: 'd', default: 0 },
      other: { type: 'constructor', default: null },
      plain: { type: null },
    };
    const aggregate = ['boolean_summary', 'summary', 'average', 'sum', 'nagios_states', 'unknown'].map((how) => ({
      function: how,
      args: ['count'],
    }));
    const act = actOf({ output, aggregate: [...aggregate, { function: 'sum', args: [7] }] });
    assert.deepEqual(act?.output, {
      type: 'object',
      properties: {
        count: { type: 'integer', 'x-display-as': 'Count', description: 'd', default: 0 },
        other: {},
        plain: {},
      },
    });
    assert.deepEqual(
      act?.aggregate?.map((one) => one.function),
      ['summary', 'summary', 'average', 'sum', 'nagios_states'],
    );
    assert.deepEqual(
      act?.aggregate?.map((one) => one.output),
      ['count', 'count', 'count', 'count', 'count'],
    );
  });

  const wrong: [string, () => unknown, RegExp][] = [
    ['no timeout', () => convert({}, { timeout: undefined }), /^x\.json: metadata/],
    ['a timeout of 0', () => convert({}, { timeout: 0 }), /^x\.json: metadata\.timeout/],
    [
      'one action twice',
      () => convertDdl({ ...theirs, actions: [theirs.actions[0], theirs.actions[0]] } as never, 'x.json'),
      /^x\.json: the action status occurs twice$/,
    ],
    ['a list without values', () => convert({ input: { one: { type: 'list' } } }), /one is a list without values/],
    [
      'a default that its input refuses',
      () => convert({ input: { one: { type: 'integer', default: 'x' } } }),
      /^x\.json: the default of act\.one /,
    ],
  ];
  for (const [what, run, message] of wrong) {
    test(`is refused with ${what}`, () => assert.throws(run, { code: 'bad-ddl', message }));
  }
});

describe('local overrides of an agent with a foreign DDL', () => {
  test('set kind, repeatable, sensitive, and the patterns of validators', () => {
    assert.throws(() => convertDdl(theirs, 'puppet.json'), { message: /unknown validator/, hint: /NAME\.site\.json/ });
    const ddl = convertDdl(applyOverrides(theirs, site, 'puppet.site.json'), 'puppet.json');
    assert.deepEqual([ddl.actions.status?.kind, ddl.actions.status?.repeatable], ['read', true]);
    const runonce = actionOf(ddl, 'runonce');
    assert.ok(runonce !== undefined);
    assert.deepEqual([runonce.kind, runonce.repeatable, sensitiveInputs(runonce)], ['change', true, ['token']]);
    assert.match(JSON.stringify(runonce.input), /"pattern":"\^\[a-z\]\+\$"/);
  });

  const wrong: [string, object, RegExp][] = [
    ['an action that is not there', { actions: { run: {} } }, /no action “run”/],
    ['an input that is not there', { actions: { runonce: { sensitive: ['tokn'] } } }, /no input “tokn”/],
    ['a key that is not known', { action: {} }, /unknown key “action”/],
    ['a kind that is none', { actions: { status: { kind: 'look' } } }, /kind is read or change/],
    ['actions that are a list', { actions: [] }, /“actions” and “validators” are objects/],
    ['validators that are a list', { validators: [] }, /“actions” and “validators” are objects/],
    ['a validator that is a number', { validators: { one: 7 } }, /validator one is not a pattern/],
    ['an empty validator', { validators: { one: '' } }, /validator one is not a pattern/],
    ['a repeatable that is a word', { actions: { status: { repeatable: 'yes' } } }, /repeatable/],
    ['sensitive inputs that are not a list', { actions: { runonce: { sensitive: 'token' } } }, /sensitive/],
  ];
  for (const [what, marks, message] of wrong) {
    test(`cannot contain ${what}`, () => {
      assert.throws(() => applyOverrides(theirs, marks as never, 'puppet.site.json'), { code: 'bad-ddl', message });
    });
  }
});
