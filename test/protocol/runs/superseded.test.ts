import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Machine, type StoredFleet, startStoredFleet } from '../../support/runs/stored-fleet.ts';

let stored: StoredFleet;

before(async () => {
  stored = await startStoredFleet({ without: ['dev3.devco.net'] });
});

after(() => stored[Symbol.asyncDispose]());

const run = async (machine: Machine, ...words: string[]) => {
  const begun = await machine.mco(['run', join(machine.home, 'two.yaml'), '--json', ...words]);
  return { ...begun, id: String(JSON.parse(begun.out[0] ?? '{}').run_id) };
};

/** A run that failed in its second step on one node. @returns its id */
const begin = async (machine: Machine, ...words: string[]) => {
  await stored.breakNode('dev2.devco.net', true);
  const { code, text, id } = await run(machine, 'what=old', ...words);
  await stored.breakNode('dev2.devco.net', false);
  assert.equal(code, 2, text);
  return id;
};

const changes = () => Promise.all(stored.nodes.map(({ name }) => stored.changes(name)));

describe('a failed run whose hosts a later run has changed', { timeout: 600_000 }, () => {
  for (const [where, later, journal] of [
    ['on this host', 'rip@devco.net', 'local'],
    ['on another host', 'eve@devco.net', 'auto'],
  ] as const)
    test(`is not resumed if the later run was ${where}, unless its operator insists`, async () => {
      const rip = await stored.machine('rip@devco.net');
      const id = await begin(rip, '--journal', journal);
      const other = later === 'rip@devco.net' ? rip : await stored.machine(later);
      const done = await run(other, 'what=new', '--journal', journal);
      assert.equal(done.code, 0, done.text);
      const before = await changes();
      for (const words of [[], ['--yes'], ['--force']]) {
        const { code, err } = await rip.mco(['resume', id, ...words]);
        assert.equal(code, 64, err.join('\n'));
        assert.equal(
          err.at(-1),
          `mco-deploy: a later run has changed dev1.devco.net, dev2.devco.net, dev3.devco.net since: ${done.id.slice(0, 8)}, two what=new, by ${later}; this run might undo that: start a new run instead; to resume this one all the same, add --superseded`,
        );
      }
      assert.deepEqual(await changes(), before, 'nothing was called');
      const resumed = await rip.mco(['resume', id, '--superseded']);
      assert.equal(resumed.code, 0, resumed.text);
      assert.notDeepEqual(await changes(), before);
    });

  test('is refused for another reason first: a person who said yes would be refused all the same', async () => {
    const rip = await stored.machine('rip@devco.net');
    const id = await begin(rip);
    assert.equal((await run(rip, 'what=new')).code, 0);
    const { code, err } = await rip.mco(['resume', id, 'what=other']);
    assert.equal(code, 64);
    assert.match(err.join('\n'), /a run keeps the inputs that it started with: it started with what=old/);
    assert.doesNotMatch(err.join('\n'), /a later run/);
  });

  test('is resumed if the later run changed nothing', async () => {
    const rip = await stored.machine('rip@devco.net');
    const id = await begin(rip);
    assert.equal((await run(rip, '--dry-run')).code, 0);
    const { code, text } = await rip.mco(['resume', id]);
    assert.equal(code, 0, text);
  });
});
