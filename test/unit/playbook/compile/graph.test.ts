import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ancestorsOf, findGraphFault, sortByNeeds } from '../../../../src/playbook/compile/graph.ts';

/** `a<b,c` is a step that needs b and c. */
const graph = (...steps: string[]) =>
  steps.map((step) => {
    const [id = '', needs = ''] = step.split('<');
    return { id, needs: needs === '' ? [] : needs.split(',') };
  });
const idsOf = (nodes: readonly { readonly id: string }[]) => nodes.map(({ id }) => id).join();

describe('the steps of a playbook', () => {
  test('are sorted after all that they need, and otherwise stay in their order', () => {
    assert.equal(idsOf(sortByNeeds(graph('a<c', 'b', 'c<d', 'd', 'e'))), 'd,c,a,b,e');
    assert.equal(idsOf(sortByNeeds(graph('a', 'b<a', 'c<a,b'))), 'a,b,c');
    assert.equal(idsOf(sortByNeeds(graph('a<gone', 'b'))), 'a,b', 'what is not there is left out');
  });

  test('have as ancestors what they need over others, too', () => {
    const ancestors = ancestorsOf(graph('d', 'c<d', 'a<c', 'b'));
    assert.deepEqual(
      [...ancestors].map(([id, above]) => [id, [...above].join()]),
      [
        ['d', ''],
        ['c', 'd'],
        ['a', 'c,d'],
        ['b', ''],
      ],
    );
  });

  test('may not need each other in a circle, or an unknown step', () => {
    assert.equal(findGraphFault(graph('a', 'b<a', 'c<a,b', 'd<c,b,a')), undefined);
    assert.deepEqual(findGraphFault(graph('x<a', 'a<b', 'b<c', 'c<a')), {
      id: 'x',
      message: 'the steps need each other in a circle: a → b → c → a',
    });
    assert.equal(findGraphFault(graph('a', 'b<b'))?.message, 'the steps need each other in a circle: b → b');
    const { id, message } = findGraphFault(graph('first', 'a<first,frist')) ?? { id: '', message: '' };
    assert.equal(id, 'a');
    assert.match(message, /^it needs an unknown step “frist”: .*first/);
  });
});
