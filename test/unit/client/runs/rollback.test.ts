import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  balancersCalled,
  inputsKept,
  revisionsBefore,
  revisionsBrought,
  upgraded,
} from '../../../../src/client/runs/recorded-releases.ts';
import type { JournalEntry } from '../../../../src/playbook/journal/entries.ts';

const about = { at: 1, runId: 'a'.repeat(32) };
const started = (inputs: object, dryRun = false) =>
  ({ ...about, type: 'run-started', playbook: 'p', inputs, dryRun }) as unknown as JournalEntry;

/** A call and what each node answered; undefined: it never did. */
function call(
  requestId: string,
  name: string,
  changes: boolean,
  answers: Record<string, object | undefined>,
  input = {},
) {
  const [agent = '', action = ''] = name.split('.');
  const made = { step: 's', requestId, try: 1, agent, action, changes, input, dryRun: false, batch: 1 };
  const replies = Object.entries(answers).flatMap(([node, data]) =>
    data === undefined ? [] : [{ ...about, type: 'outcome', step: 's', requestId, try: 1, node, outcome: 'ok', data }],
  );
  return [{ ...about, type: 'call', ...made, nodes: Object.keys(answers) }, ...replies] as unknown as JournalEntry[];
}

const looked = call('1', 'appmgr.status', false, {
  a: { revision: '10' },
  b: { revision: '5' },
  c: { revision: '10' },
});
const disabled = call('2', 'haproxy.disable', true, { lb: { changed: ['a', 'b', 'c'] } });
const update = call('3', 'appmgr.upgrade', true, { a: { previous: '10' }, b: undefined }, { revision: '20' });
const bravo = started({ cluster: 'bravo' });

describe('the releases before a run, by its journal', () => {
  test('are those that each server had in service, even if its upgrade never replied or started', () => {
    const entries = [
      bravo,
      ...looked,
      ...disabled,
      ...update,
      ...call('4', 'appmgr.status', false, { a: { revision: '20' } }),
    ];
    assert.deepEqual(Object.fromEntries(revisionsBefore(entries)), { a: '10', b: '5', c: '10' });
    assert.deepEqual(revisionsBrought(entries), ['20']);
  });

  test('are not those of another read, of one that failed, or of one after the first change', () => {
    const before = (...entries: readonly JournalEntry[]) => revisionsBefore([bravo, ...entries, ...disabled]).get('a');
    const read = (name: string, data: object = { revision: '7' }) => call('9', name, false, { a: data });
    assert.equal(before(...read('appmgr.status')), '7');
    assert.equal(before(...read('appmgr.list')), undefined);
    assert.equal(before(...read('other.status')), undefined);
    assert.equal(before(...read('appmgr.status', { revision: 7 })), undefined);
    assert.equal(before(...disabled, ...read('appmgr.status')), undefined);
    const [asked, replied] = read('appmgr.status');
    assert.equal(before(asked as JournalEntry, { ...replied, outcome: 'failed' } as JournalEntry), undefined);
    assert.equal(before({ ...asked, step: '' } as JournalEntry, replied as JournalEntry), undefined);
  });

  test('are those before the first of several upgrades, whether up or back', () => {
    const first = call('3', 'appmgr.rollback', true, { a: { previous: '20' } }, { revision: '10' });
    const second = call('4', 'appmgr.upgrade', true, { a: { previous: '10' } }, { revision: '30' });
    assert.deepEqual(Object.fromEntries(revisionsBefore([bravo, ...first, ...second])), { a: '20' });
    assert.deepEqual(revisionsBrought([...first, ...second, ...second]), ['10', '30']);
    assert.equal(revisionsBefore([bravo, ...call('3', 'appmgr.upgrade', true, { a: { previous: 10 } })]).get('a'), '');
    assert.equal(revisionsBefore([bravo, ...call('3', 'other.upgrade', true, { a: { previous: '1' } })]).size, 0);
  });

  test('are none if all that the run did was to notify somebody that it failed', () => {
    const notified = call('9', 'angelia.sendmsg', true, { n: {} });
    assert.equal(revisionsBefore([bravo, ...looked, ...notified]).size, 0);
    assert.equal(upgraded([bravo, ...looked, ...notified], 'bravo'), false);
    assert.equal(upgraded([bravo, ...looked, ...notified, ...disabled], 'bravo'), true);
  });

  test('are not changed by what an upgrade would do in a dry run', () => {
    const [asked, replied] = call('3', 'appmgr.upgrade', false, { a: { previous: '1' } }, { revision: '2' });
    const dry = [{ ...asked, dryRun: true }, replied] as JournalEntry[];
    assert.deepEqual([revisionsBefore([bravo, ...dry, ...disabled]).size, revisionsBrought(dry)], [0, []]);
  });

  test('are known for a run that was interrupted when it had only disabled servers', () => {
    assert.deepEqual(Object.fromEntries(revisionsBefore([bravo, ...looked, ...disabled])), {
      a: '10',
      b: '5',
      c: '10',
    });
    assert.deepEqual(revisionsBrought([bravo, ...looked, ...disabled]), []);
  });

  test('are those that the upgrade reported if none were read before, and empty if unknown', () => {
    assert.deepEqual(Object.fromEntries(revisionsBefore([bravo, ...update])), { a: '10', b: '' });
  });

  test('are missing for a run that changed nothing, a dry run, or one of another cluster', () => {
    assert.equal(revisionsBefore([bravo, ...looked]).size, 0);
    assert.equal(upgraded([bravo, ...looked, ...update], 'bravo'), true);
    assert.equal(upgraded([bravo, ...looked, ...update], 'alfa'), false);
    assert.equal(upgraded([bravo, ...looked, ...update], 'Bravo'), true, 'as the filter of a run compares it');
    assert.equal(upgraded([started({ cluster: 'bravo' }, true), ...looked, ...update], 'bravo'), false);
    assert.equal(upgraded([...looked, ...update], 'bravo'), false);
  });

  test('are those of the named application if the run had named one', () => {
    const shop = [started({ cluster: 'bravo', application: 'shop' }), ...looked, ...update];
    assert.equal(upgraded(shop, 'bravo', 'shop'), true);
    assert.equal(upgraded(shop, 'bravo'), true);
    assert.equal(upgraded(shop, 'bravo', 'api'), false);
    assert.equal(upgraded([bravo, ...looked, ...update], 'bravo', 'shop'), true);
    assert.equal(
      upgraded([started({ cluster: 'bravo', application: null }), ...looked, ...update], 'bravo', 'shop'),
      true,
    );
  });
});

test('come with the application, backends, checks and min_available of the run', () => {
  const given = { cluster: 'bravo', revision: '20', application: 'shop', backend: null, checks: [], min_available: 0 };
  assert.deepEqual(inputsKept([started(given)]), { application: 'shop', checks: [], min_available: 0 });
  assert.deepEqual(inputsKept([]), {});
});

test('the load balancers of a run are those that it called, each once, in order', () => {
  const called = ['lb2', 'lb1', 'lb2'].flatMap((name) => call('1', 'haproxy.status', false, { [name]: {} }));
  assert.deepEqual(balancersCalled([bravo, ...called, ...looked]), ['lb1', 'lb2']);
});
