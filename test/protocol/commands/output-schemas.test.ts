import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { agents } from '../../../src/agents/index.ts';
import { type Fleet, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { makeHome } from '../../support/program/home.ts';
import { assertFits } from '../../support/program/output-schema.ts';

const playbook = `
name: look
nodes: { all: { agents: [rpcutil] } }
steps: [{ id: ping, call: rpcutil.ping, on: all }]
`;

describe('what a command prints with --json', () => {
  let fleet: Fleet;
  let node: TestNode;
  let home: string;

  before(async () => {
    fleet = await makeFleet();
    const builtIn = agents.filter(({ ddl }) => ['rpcutil', 'lock'].includes(ddl.name));
    node = await startTestNode(fleet, { agents: builtIn });
    home = await makeHome(join(fleet.dir, 'home'), await fleet.operator('rip@devco.net'), [node]);
    await writeFile(join(home, 'look.yaml'), playbook);
  });
  after(async () => {
    await node[Symbol.asyncDispose]();
    await fleet.remove();
  });

  const json = async (...words: string[]) => {
    const { out, err } = await runInProcess([...words, '--json'], home);
    return JSON.parse(out.join('\n') || (err.at(-1) ?? '')) as unknown;
  };

  for (const [schema, ...words] of [
    ['ping', 'ping'],
    ['find', 'find'],
    ['facts', 'facts', 'cluster'],
    ['inventory', 'inventory', 'dev2.devco.net'],
    ['rpc', 'rpc', 'rpcutil', 'ping'],
    ['explain', 'explain', 'lease-held'],
    ['error', 'rpc', 'rpcutil', 'pinng'],
    ['error', 'ping', '--tiemout', '3'],
    ['error', 'inventory', '../etc'],
  ] as const) {
    test(`is as the schema “${schema}” says: ${words.join(' ')}`, async () => {
      assertFits(schema, await json(...words));
    });
  }

  test('is as the schemas say for runs and for one of them', async () => {
    const { out } = await runInProcess(['run', join(home, 'look.yaml'), '--json'], home);
    for (const line of out) assertFits('run-event', JSON.parse(line));
    const { run_id: id } = JSON.parse(out[0] ?? '') as { run_id: string };
    assertFits('runs', await json('runs'));
    assertFits('run', await json('runs', 'show', id));
  });

  test('has a schema that “mco-deploy schema NAME” prints', async () => {
    const { out } = await runInProcess(['schema'], home);
    assert.ok(out.includes('run-event'));
    for (const name of out) JSON.parse((await runInProcess(['schema', name], home)).out.join(''));
    const { code, err } = await runInProcess(['schema', 'runs-event'], home);
    assert.equal(code, 64);
    assert.match(err.join(''), /there is no schema “runs-event”: did you mean “run-event”\?/);
  });
});
