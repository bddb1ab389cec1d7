import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { agents } from '../../../../src/agents/index.ts';
import type { CliContext } from '../../../../src/client/cli/context.ts';
import { defineProgram } from '../../../../src/client/cli/program.ts';
import { candidatesOf } from '../../../../src/client/completion/candidates.ts';
import { commandLine } from '../../../../src/command-line.ts';

const program = defineProgram(commandLine, {} as CliContext);
const node = (name: string, facts: Record<string, string>, classes: string[]) => ({
  name,
  facts,
  classes,
  agents: [],
  addresses: [],
  lastSeen: 0,
});
const nodes = [
  node('dev2.devco.net', { cluster: 'bravo' }, ['webserver']),
  node('dev1.devco.net', { cluster: 'alfa', note: '$(reboot)' }, ['webserver', '`x`']),
];
const known = {
  program,
  catalogue: agents.map(({ ddl }) => ddl),
  nodes,
  playbooks: ['fleet_check'],
  scripts: [],
  scriptInputs: {},
};
const complete = (...words: string[]) => candidatesOf(words, known).map(({ value }) => value);

describe('completion', () => {
  test('completes commands, and their subcommands, with descriptions', () => {
    assert.ok(complete('pi').includes('ping'));
    assert.deepEqual(complete('ca', 'issue', ''), ['node', 'operator', 'help']);
    const [ping] = candidatesOf(['pi'], known);
    assert.match(ping?.help ?? '', /which nodes answer/);
  });

  test('never completes a hidden command', () => {
    assert.deepEqual(complete('complet'), ['completion']);
  });

  test('completes agents, their actions, also by an alias, and the inputs that are not given yet', () => {
    assert.ok(complete('rpc', 'hap').includes('haproxy'));
    assert.ok(complete('doc', 'nr').includes('nrpe'));
    assert.ok(complete('rpc', 'angelianotify', 'send').includes('sendmsg'));
    assert.ok(complete('rpc', 'haproxy', 'disable', '').includes('backend='));
    const left = complete('rpc', 'haproxy', 'disable', 'backend=app', '');
    assert.deepEqual([left.includes('backend='), left.includes('server=')], [false, true]);
    assert.deepEqual(complete('rpc', 'nothing', ''), []);
    assert.deepEqual(complete('rpc', 'haproxy', 'toString', ''), []);
  });

  test('completes options, and only values after an option that takes a value', () => {
    assert.ok(complete('ping', '--n').includes('--nodes'));
    assert.deepEqual(complete('upgrade', '--strategy', 'ca'), ['canary']);
    assert.deepEqual(complete('ping', '--config', ''), [':files']);
    assert.deepEqual(complete('ping', '-t', ''), []);
    assert.deepEqual(complete('publish', 'shop', '20', ''), [':files']);
    assert.deepEqual(complete('publish', '--sign', ''), [':files']);
  });

  test('completes names, classes and facts of the known nodes', () => {
    assert.deepEqual(complete('inventory', ''), ['dev1.devco.net', 'dev2.devco.net']);
    assert.deepEqual(complete('ping', '-I', 'dev2'), ['dev2.devco.net']);
    assert.deepEqual(complete('ping', '-F', 'cluster=b'), ['cluster=bravo']);
    assert.deepEqual(complete('upgrade', '--cluster', ''), ['alfa', 'bravo']);
    assert.deepEqual(complete('facts', ''), ['cluster', 'note']);
  });

  test('completes nothing that a shell would interpret', () => {
    assert.deepEqual(complete('ping', '-F', 'note'), []);
    assert.deepEqual(complete('ping', '-C', ''), ['webserver']);
  });

  test('completes shipped playbooks, and files', () => {
    assert.deepEqual(complete('run', ''), ['fleet_check', ':files']);
  });
});
