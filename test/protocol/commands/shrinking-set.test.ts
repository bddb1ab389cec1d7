import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { agents } from '../../../src/agents/index.ts';
import { type Fleet, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { listNodes, makeHome } from '../../support/program/home.ts';

const builtIn = agents.filter(({ ddl }) => ['rpcutil', 'lock'].includes(ddl.name));

/** One node of two loses the fact by which it belongs to a cluster. */
describe('a cluster that shrinks', () => {
  let fleet: Fleet;
  let home: string;
  const nodes: TestNode[] = [];
  const factsOf = (node: TestNode) => join(node.directory, 'facts.d', 'site.yaml');

  before(async () => {
    fleet = await makeFleet();
    for (const name of ['dev2.devco.net', 'dev4.devco.net']) {
      const prepare = (directory: string) => writeFile(join(directory, 'facts.d', 'site.yaml'), 'cluster: bravo\n');
      nodes.push(await startTestNode(fleet, { name, agents: builtIn, prepare }));
    }
    home = await makeHome(join(fleet.dir, 'home'), await fleet.operator('rip@devco.net'), nodes);
    const ping = '  - id: ping\n    call: rpcutil.ping\n    on: web\n';
    await writeFile(
      join(home, 'ping.yaml'),
      `name: ping_all\nnodes:\n  web: { facts: ["cluster=bravo"], agents: [rpcutil] }\nsteps:\n${ping}`,
    );
  });
  after(async () => {
    for (const node of nodes) await node[Symbol.asyncDispose]();
    await fleet.remove();
  });

  const mco = async (...words: string[]) => {
    const { code, out, err } = await runInProcess(words, home);
    return { code, out: out.join('\n'), err: err.join('\n') };
  };
  const find = () => mco('find', '-F', 'cluster=bravo');
  const run = (...words: string[]) => mco('run', join(home, 'ping.yaml'), '--no-lock', ...words);

  test('a node is named and a run stops unless forced when its file of facts no longer parses', async () => {
    const [, node] = nodes;
    assert.ok(node !== undefined);
    assert.equal((await run()).code, 0);
    await writeFile(factsOf(node), 'cluster: [bravo\n');
    await node.restart();
    await listNodes(home, nodes);
    const found = await find();
    assert.deepEqual([found.out, found.code === 0], ['dev2.devco.net', false]);
    assert.match(found.err, /dev4\.devco\.net was in this set \(cluster=bravo .* and now has no fact “cluster”/);
    const stopped = await run();
    assert.equal(stopped.code, 5, stopped.err);
    assert.match(stopped.out + stopped.err, /dev4\.devco\.net.*now has no fact “cluster”/);
    assert.doesNotMatch(stopped.out, /executed successfully/);
    const allowed = await run('--allow-missing');
    assert.equal(allowed.code, 0, allowed.err);
    assert.match(allowed.out + allowed.err, /dev4\.devco\.net.*now has no fact “cluster”/);
    const planned = await run('--dry-run');
    assert.equal(planned.code, 5);
    assert.match(planned.out + planned.err, /dev4\.devco\.net.*now has no fact “cluster”/);
  });

  test('a node is named for its incomplete facts to an operator who never saw the whole cluster', async () => {
    await rm(join(home, '.cache'), { recursive: true, force: true });
    const found = await find();
    assert.match(found.err, /dev4\.devco\.net may belong to this set: it could not read all of its facts/);
    assert.notEqual(found.code, 0);
    const stopped = await run();
    assert.equal(stopped.code, 5);
  });
});
