import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { actionOf } from '../../../../src/core/ddl/ddl.ts';
import type { ActionDdl } from '../../../../src/core/ddl/ddl.ts';
import { readInput } from '../../../../src/client/cli/read-input.ts';
import { readTargetOptions } from '../../../../src/client/cli/target-options.ts';
import { labDdl } from '../../../support/fleet/playbook.ts';
import { codeOf, thrownBy } from '../../../support/thrown.ts';

describe('the inputs of an action as words', () => {
  const read = (...words: string[]) => readInput(labDdl, 'change', actionOf(labDdl, 'change') as ActionDdl, words);

  test('have the types of the description, and their texts may contain anything', () => {
    assert.deepEqual(read('to=b', 'count=3'), { to: 'b', count: 3 });
    assert.deepEqual(read('to=b', 'token=a=b c'), { to: 'b', token: 'a=b c' });
  });

  test('are refused if one is wrong, unknown, given twice or not a pair', () => {
    for (const [words, code, what] of [
      [['to=b', 'to=c'], 'usage', /“to” is given twice/],
      [['to=b', 'tokn=x'], 'usage', /no input “tokn”/],
      [['to'], 'usage', /“to” is not a valid input/],
      [['=b'], 'usage', /not a valid input/],
      [['to=b', 'count=x'], 'usage', /count=x: it must be of type integer/],
      [['to=B'], 'invalid-input', /to/],
      [[], 'invalid-input', /to/],
    ] as const) {
      const { code: found, message } = thrownBy(() => read(...words));
      assert.equal(found, code, words.join());
      assert.match(message, what);
    }
  });

  test('repeat no sensitive value in a message', () => {
    const ddl = structuredClone(labDdl) as unknown as {
      actions: { change: { input: { properties: { token: object } } } };
    };
    ddl.actions.change.input.properties.token = { type: 'integer', minimum: 10, 'x-sensitive': true };
    const description = ddl.actions.change as unknown as ActionDdl;
    for (const words of [
      ['to=b', 'token=hunter2'],
      ['to=b', 'token=4'],
      ['to=b', 'token=hunter2', 'token=4711'],
    ]) {
      const { message, hint } = thrownBy(() => readInput(ddl as never, 'change', description, words));
      assert.match(message, /token/);
      assert.doesNotMatch(`${message} ${hint}`, /hunter2|4711/);
    }
    assert.equal(
      codeOf(() => readInput(ddl as never, 'change', description, ['token=x'])),
      'usage',
    );
  });
});

describe('the options that name nodes', () => {
  test('are joined, each kind on its own, with the agent of the call', () => {
    const { filter } = readTargetOptions(
      {
        ...{ wf: ['a=1'], withFact: ['b=2'], wc: ['c'], withClass: ['d'], wa: ['e'], withAgent: ['f'] },
        ...{ wi: ['g'], withIdentity: ['h'], with: ['i'], select: 'j' },
      },
      'rpcutil',
    );
    assert.deepEqual(filter, {
      facts: ['a=1', 'b=2'],
      classes: ['c', 'd'],
      agents: ['e', 'f', 'rpcutil'],
      identities: ['g', 'h'],
      with: ['i'],
      select: 'j',
    });
  });

  test('call one node with -1, whatever --limit says, and take a list only where the command does', () => {
    assert.equal(readTargetOptions({ limit: '20%' }).limit, '20%');
    assert.equal(readTargetOptions({ one: true }).limit, '1');
    assert.equal(readTargetOptions({ one: true, limit: '20%' }).limit, '1');
    assert.deepEqual(
      [{ takesList: true }, { takesList: false }, {}].map((one) => readTargetOptions(one).takesList),
      [true, false, false],
    );
  });
});
