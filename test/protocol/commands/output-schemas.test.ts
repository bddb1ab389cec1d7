import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { agents } from '../../../src/agents/index.ts';
import { commandLine } from '../../../src/command-line.ts';
import { outputSchemas } from '../../../src/client/schemas/index.ts';
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

/** The keys that a schema names, at any depth. */
function keysOf(schema: unknown): string[] {
  if (Array.isArray(schema)) return schema.flatMap(keysOf);
  if (typeof schema !== 'object' || schema === null) return [];
  return Object.entries(schema).flatMap(([key, inner]) => [
    ...(key === 'properties' ? Object.keys(inner as object) : []),
    ...keysOf(inner),
  ]);
}

let fleet: Fleet;
let node: TestNode;
let home: string;
let authority: string;

before(async () => {
  fleet = await makeFleet();
  const builtIn = agents.filter(({ ddl }) => ['rpcutil', 'lock'].includes(ddl.name));
  node = await startTestNode(fleet, { agents: builtIn });
  const operator = await fleet.operator('rip@devco.net');
  authority = operator.files.ca;
  home = await makeHome(join(fleet.dir, 'home'), operator, [node]);
  await writeFile(join(home, 'look.yaml'), playbook);
});

after(async () => {
  await node[Symbol.asyncDispose]();
  await fleet.remove();
});

const json = async (...words: string[]) => {
  const { out, err } = await runInProcess([...words, '--json'], home, {}, commandLine);
  return JSON.parse(out.join('\n') || (err.at(-1) ?? '')) as unknown;
};

describe('the output of a command with --json', () => {
  for (const [schema, ...words] of [
    ['ping', 'ping'],
    ['find', 'find'],
    ['facts', 'facts', 'cluster'],
    ['inventory', 'inventory', 'dev2.devco.net'],
    ['rpc', 'rpc', 'rpcutil', 'ping'],
    ['explain', 'explain', 'lease-held'],
    ['explain-list', 'explain'],
    ['doc', 'doc', 'rpcutil'],
    ['doc-list', 'doc'],
    ['locks', 'locks'],
    ['locks-break', 'locks', 'break', 'app'],
    ['nrpe', 'nrpe', 'check_load'],
    ['forget', 'forget', 'dev7.devco.net', '--force'],
    ['doctor', 'doctor', 'client'],
    ['playbook-list', 'playbook', 'list'],
    ['playbook-check', 'playbook', 'check', 'app_cluster_upgrade'],
    ['playbook-check', 'playbook', 'check', 'app_cluster_upgrade.mc'],
    ['playbook-docs', 'playbook', 'docs', 'app_cluster_upgrade'],
    ['playbook-docs', 'playbook', 'docs', 'app_cluster_upgrade.mc'],
    ['audit-heads', 'audit', 'heads'],
    ['status', 'status'],
    ['error', 'rpc', 'rpcutil', 'pinng'],
    ['error', 'ping', '--tiemout', '3'],
    ['error', 'inventory', '../etc'],
  ] as const) {
    test(`matches the schema “${schema}” says: ${words.join(' ')}`, async () => {
      assertFits(schema, await json(...words));
    });
  }

  test('matches the schemas for runs and for one of them', async () => {
    const { out } = await runInProcess(['run', join(home, 'look.yaml'), '--json'], home);
    for (const line of out) assertFits('run-event', JSON.parse(line));
    const { run_id: id } = JSON.parse(out[0] ?? '') as { run_id: string };
    assertFits('runs', await json('runs'));
    assertFits('run', await json('runs', 'show', id));
    assertFits('runs-report', await json('runs', 'report', id));
    assertFits('audit-trace', await json('audit', 'trace', id));
  });

  test('matches the schemas for the authority, and for policies, logs and files', async () => {
    const dir = join(home, 'ca');
    const out = join(home, 'files');
    const at = (name: string) => join(out, name);
    await mkdir(out);
    assertFits('ca-init', await json('ca', 'init', '--realm', 'devco.net', '--dir', dir));
    assertFits('ca-issue', await json('ca', 'issue', 'node', 'dev7.devco.net', '--dir', dir, '--out', at('dev7')));
    assertFits('enroll', await json('enroll', 'dev9.devco.net', '--out', at('dev9')));
    const request = [
      'ca',
      'sign',
      at('dev9/node.csr'),
      'node',
      'dev9.devco.net',
      '--yes',
      '--dir',
      dir,
      '--out',
      at('9'),
    ];
    assertFits('ca-issue', await json(...request));
    assertFits('ca-revoke', await json('ca', 'revoke', 'dev7.devco.net', '--dir', dir));
    assertFits('ca-crl', await json('ca', 'crl', '--dir', dir));
    assertFits('ca-list', await json('ca', 'list', '--all', '--dir', dir));
    assertFits('ca-show', await json('ca', 'show', '--dir', dir));
    assertFits('ca-show', await json('ca', 'show', 'dev7.devco.net', '--dir', dir));
    assertFits('ca-rollover', await json('ca', 'rollover', '--dir', dir));
    const root = join(home, 'root');
    const below = join(home, 'below');
    assertFits('ca-init', await json('ca', 'init', '--root', '--realm', 'devco.net', '--dir', root));
    assertFits('ca-init', await json('ca', 'init', '--intermediate', '--realm', 'devco.net', '--dir', below));
    const toRoot = ['ca', 'sign-intermediate', join(below, 'ca.csr'), '--yes', '--out', at('signed.pem')];
    assertFits('ca-sign-intermediate', await json(...toRoot, '--dir', root));
    assertFits('ca-list', await json('ca', 'list', '--dir', root));
    assertFits('ca-accept', await json('ca', 'accept', at('signed.pem'), '--dir', below));
    assertFits('ca-show', await json('ca', 'show', '--dir', below));
    assertFits('ca-init', await json('ca', 'rollover', '--intermediate', '--dir', below));
    await writeFile(at('appmgr.policy'), 'policy default deny\nallow\tcert=rip@devco.net\t*\t*\t*\n');
    await writeFile(at('nrpe.policy'), 'policy default nobody\n');
    assertFits('policy-check', await json('policy', 'check', out));
    const asked = [
      '--caller',
      'cert=rip@devco.net',
      '--action',
      'upgrade',
      '--policies',
      out,
      '--facts',
      'cluster=bravo',
    ];
    assertFits('policy-explain', await json('policy', 'explain', '--agent', 'appmgr', ...asked));
    assertFits('policy-explain', await json('policy', 'explain', '--agent', 'lock', ...asked));
    const log = ['--config', join(node.directory, 'node.yaml'), '--file', node.auditFile];
    assertFits('audit-show', await json('audit', 'show', ...log));
    assertFits('audit-verify', await json('audit', 'verify', ...log, '--ca', authority));
  });

  test('has keys in one spelling, for every command', () => {
    for (const [name, schema] of Object.entries(outputSchemas)) {
      if (name !== 'playbook')
        assert.deepEqual(
          keysOf(schema).filter((key) => !/^[a-z][a-z0-9_]*$/.test(key)),
          [],
          name,
        );
    }
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
