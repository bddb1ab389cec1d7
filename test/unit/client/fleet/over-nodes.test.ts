import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { found, nodesOf, overNodes, withSession } from '../../../../src/client/fleet/over-nodes.ts';
import type { Findings } from '../../../../src/discovery/directory.ts';
import { type Fleet, makeFleet } from '../../../support/fleet/fleet.ts';
import { makeHome } from '../../../support/program/home.ts';
import { quietContext } from '../../../support/program/quiet-context.ts';

let fleet: Fleet;
let home: string;
before(async () => {
  fleet = await makeFleet();
  home = await makeHome(fleet.dir, await fleet.operator('rip@devco.net'), []);
});
after(() => fleet.remove());

/** Lists these nodes in the operator's file; nothing listens on port 1. */
const list = (...names: readonly string[]) =>
  writeFileSync(
    join(home, 'nodes.json'),
    JSON.stringify(names.map((name) => ({ name, address: '127.0.0.1', port: 1 }))),
  );

/** A command whose nodes reply so. */
async function run(outcomes: readonly string[] | number) {
  const { context, err } = quietContext({ HOME: home });
  const code = await overNodes({}, nodesOf({}), context, async () =>
    typeof outcomes === 'number' ? outcomes : outcomes.map((outcome) => ({ outcome: outcome as 'ok' })),
  );
  return { code, err };
}

describe('a command over nodes', () => {
  test('ends with the exit code of its replies, and of the nodes that are missing', async () => {
    list();
    assert.deepEqual([(await run(['ok'])).code, (await run(['ok', 'failed'])).code, (await run([])).code], [0, 2, 1]);
    assert.deepEqual([(await run(['refused'])).code, (await run(['ok', 'no-response'])).code], [77, 5]);
    assert.equal((await run(7)).code, 7, 'or with its own');
    list('web1');
    const missing = await run(['ok']);
    assert.notEqual(missing.code, 0);
    assert.match(missing.err.join('\n'), /web1/);
    assert.equal((await run([])).code, 3);
    assert.equal((await run(9)).code, 9);
  });

  test('has the result of its work, or its failure', async () => {
    list();
    const { context } = quietContext({ HOME: home });
    assert.equal(
      await withSession({}, context, async (session) => session.caller.credentials.identity.name),
      'rip@devco.net',
    );
    await assert.rejects(
      withSession({}, context, () => Promise.reject(new Error('no'))),
      /^Error: no$/,
    );
  });

  test('counts each node that is found as one that replied', () => {
    const nodes = ['a', 'b'].map((name) => ({ name }));
    assert.deepEqual(found({ nodes } as unknown as Findings), [{ outcome: 'ok' }, { outcome: 'ok' }]);
  });
});
