import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { convertDdl } from '../../../../src/agents/external/convert.ts';
import { applyOverrides } from '../../../../src/agents/external/overrides.ts';
import { actionOf, sensitiveInputs } from '../../../../src/core/ddl/ddl.ts';

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
  ];
  for (const [what, marks, message] of wrong) {
    test(`cannot contain ${what}`, () => {
      assert.throws(() => applyOverrides(theirs, marks as never, 'puppet.site.json'), { code: 'bad-ddl', message });
    });
  }
});
