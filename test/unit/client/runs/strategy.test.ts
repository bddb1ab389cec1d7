import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { haproxyDdl } from '../../../../src/agents/haproxy/ddl.ts';
import { askCapacity, type Capacity, decideStrategy } from '../../../../src/client/commands/upgrade/strategy.ts';
import { Problem } from '../../../../src/core/errors.ts';
import { okReply, type ReplyContent } from '../../../../src/core/request/reply.ts';
import { makeFleet } from '../../../support/fleet/fleet.ts';
import { signingNode, unwell } from '../../../support/fleet/signing-node.ts';
import { runInProcess } from '../../../support/program/cli.ts';
import { makeHome } from '../../../support/program/home.ts';
import { quietContext } from '../../../support/program/quiet-context.ts';

const four = ['dev2', 'dev4', 'dev6', 'dev8'];

/** A backend with so many usable servers, of which so many must stay. */
const backend =
  (usable: number, least = 1) =>
  async (out: readonly string[]): Promise<Capacity> => {
    const left = usable - out.length;
    return left < least ? { refused: `only ${left} would stay` } : { left };
  };

test('an upgrade disables all servers together if as many others stay in traffic', async () => {
  assert.deepEqual(await decideStrategy(four, backend(9)), {
    name: 'parallel',
    batch: undefined,
    why: 'all 4 servers at once: 5 others stay in traffic',
  });
});

test('an upgrade disables all servers together from exactly as many others on', async () => {
  for (const [usable, expected] of [
    [7, 'rolling'],
    [8, 'parallel'],
    [9, 'parallel'],
  ] as const) {
    assert.equal((await decideStrategy(four, backend(usable))).name, expected, `${usable} usable servers`);
  }
});

test('an upgrade goes batch by batch otherwise, and reports the reason', async () => {
  const few = await decideStrategy(four, backend(5));
  assert.deepEqual([few.name, few.batch], ['rolling', '2']);
  assert.equal(few.why, '2 at a time: with all 4 out, only 1 other would stay in traffic');
  const whole = await decideStrategy(four, backend(4));
  assert.deepEqual([whole.name, whole.batch], ['rolling', '2']);
  assert.match(whole.why ?? '', /with all 4 out, only 0 would stay/);
});

test('an upgrade goes one at a time if two are too many', async () => {
  const tight = await decideStrategy(four, backend(4, 3));
  assert.deepEqual([tight.name, tight.batch], ['rolling', '1']);
  const two = await decideStrategy(four.slice(0, 2), backend(2));
  assert.deepEqual([two.name, two.batch], ['rolling', '1']);
});

test('an upgrade leaves what it cannot determine to the run, which reports the cause', async () => {
  assert.deepEqual(await decideStrategy(four, async () => undefined), { name: 'parallel', batch: undefined });
});

test('an upgrade asks the load balancers by dry runs alone, and the one with the fewest servers decides', async () => {
  await using fleet = await makeFleet();
  const rip = await fleet.operator('rip');
  const ask = async (...answers: readonly ReplyContent[]) => {
    const balancers = await Promise.all(
      answers.map(async (answer, index) =>
        signingNode(await fleet.node(`lb${index}`), ['haproxy'], { answer: () => answer }),
      ),
    );
    const session = {
      config: { timeout: 5, concurrency: 4 },
      caller: { credentials: rip.credentials, trust: fleet.trust },
      environment: { onChange: () => assert.fail('nothing changes') },
    } as never;
    const found = balancers.map((one) => one.found);
    const options = { cluster: 'bravo', backend: 'app', minAvailable: '2' };
    const capacity = await askCapacity(four, found, options, session, [haproxyDdl], quietContext().context);
    for (const { calls } of balancers) {
      const asked = calls.map(({ action, dryRun, given }) => [action, dryRun, given]);
      assert.deepEqual(asked, [['disable', true, { server: four.join(','), backend: 'app', min_available: 2 }]]);
    }
    return capacity;
  };
  const left = (available: number) => okReply({ available });
  const few = unwell('refused', new Problem('too-few-servers', 'only 1 would stay'));
  assert.deepEqual(await ask(left(5), left(3), okReply({})), { left: 3 });
  assert.deepEqual(await ask(left(5), few), { refused: 'only 1 would stay' });
  assert.equal(await ask(unwell('refused', new Problem('policy-denied', 'not for you'))), undefined);
});

test('an upgrade asks for a recipient of its notices first, and an input of --with counts more than its option', async () => {
  await using fleet = await makeFleet();
  const home = await makeHome(join(fleet.dir, 'home'), await fleet.operator('rip@devco.net'), []);
  const upgrade = (...words: readonly string[]) =>
    runInProcess(['upgrade', '--cluster', 'bravo', '--rev', '20', ...words], home);
  const unnamed = await upgrade('--publish', join(home, 'no.tar.gz'), '--application', 'shop');
  assert.equal(unnamed.code, 64);
  assert.match(
    unnamed.err.join('\n'),
    /no recipient is named for notices of the upgrade: give --recipient mailto:you@example\.net, or --no-notify$/,
  );
  const { out } = await upgrade('--no-notify', '--with', 'cluster=alfa');
  assert.match(out.join('\n'), /no web server of cluster “alfa” was found/);
});
