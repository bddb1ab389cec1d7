import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { agents } from '../../../src/agents/index.ts';
import { type Fleet, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';
import { program } from '../../support/program/program.ts';
import { runProgram } from '../../support/program/run-program.ts';
import { makeHome } from '../../support/program/home.ts';

const repository = join(import.meta.dirname, '../../..');
const rpcutil = agents.filter(({ ddl }) => ddl.name === 'rpcutil');
const hostile = '\u001b]0;owned\u0007\u009b2J\u202e';

/** A compromised node may return anything; the client program writes none of it to a terminal unescaped. */
describe('output of a hostile node', () => {
  let fleet: Fleet;
  let node: TestNode;
  let home: string;

  before(async () => {
    fleet = await makeFleet();
    const prepare = async (directory: string) => {
      await writeFile(join(directory, 'facts.d', 'x.json'), JSON.stringify({ note: hostile }));
      await writeFile(join(directory, 'classes.txt'), `a${hostile}b\n`);
      // Its fault is reported as a warning, with the name of the file.
      await writeFile(join(directory, 'facts.d', `z${hostile}.json`), '{');
    };
    node = await startTestNode(fleet, { agents: rpcutil, prepare });
    home = await makeHome(join(fleet.dir, 'home'), await fleet.operator('rip@devco.net'), [node]);
  });
  after(async () => {
    await node[Symbol.asyncDispose]();
    await fleet.remove();
  });

  const [file, ...words] = program;
  const mco = (...argv: string[]) =>
    runProgram(file, [...words, ...argv], {
      cwd: repository,
      env: { HOME: home, PATH: process.env.PATH ?? '' },
    });

  for (const argv of [
    ['ping'],
    ['inventory', 'dev2.devco.net'],
    ['rpc', 'rpcutil', 'get_fact', 'fact=note', '--json'],
    ['rpc', `p${hostile}`, 'x'],
  ])
    test(`never controls a terminal: ${JSON.stringify(argv)}`, async () => {
      const { out, err } = await mco(...argv);
      assert.doesNotMatch(out + err, /[\0-\x08\x0b-\x1f\x7f-\x9f\u202e]/);
      assert.match(out + err, /owned/);
      if (argv.includes('--json')) assert.match(JSON.stringify(JSON.parse(out)), /owned/);
    });
});
