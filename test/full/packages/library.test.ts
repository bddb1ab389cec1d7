import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { bundleProgram } from '../../../build/bundle/bundle-program.ts';
import { makeNpmPackage } from '../../../build/npm/package.ts';
import { agents as all } from '../../../src/agents/index.ts';
import { type Fleet, makeFleet } from '../../support/fleet/fleet.ts';
import { allowRip, startTestNode, type TestNode } from '../../support/node/node.ts';
import { makeHome } from '../../support/program/home.ts';
import { runProgram } from '../../support/program/run-program.ts';

const repository = join(import.meta.dirname, '../../..');
const agents = all.filter(({ ddl }) => ['audit', 'rpcutil', 'appmgr', 'lock'].includes(ddl.name));

/** The examples of docs/library.md, each with what it prints. */
async function readExamples() {
  const text = await readFile(join(repository, 'docs/library.md'), 'utf8');
  const found = text.matchAll(/^## ([^\n]*)$|^```ts\n([\s\S]*?)^```\n\n```\n([\s\S]*?)^```/gm);
  let title = '';
  const examples: { title: string; code: string; output: string }[] = [];
  for (const [, heading, code, output = ''] of found) {
    if (heading !== undefined) title = heading;
    else if (code !== undefined) examples.push({ title, code, output });
  }
  assert.equal(examples.length, [...text.matchAll(/^```ts$/gm)].length, 'every example shows what it prints');
  return examples;
}

describe('the library, installed from the npm package into a project', () => {
  let directory: string;
  let file: string;
  let fleet: Fleet;
  let nodes: TestNode[];
  let env: Record<string, string>;
  const node = (...words: string[]) => runProgram(process.execPath, words, { cwd: join(directory, 'project'), env });
  const tsc = (...words: string[]) => node(join(repository, 'node_modules/typescript/bin/tsc'), ...words);

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mco-library-'));
    const [work, project] = [join(directory, 'work'), join(directory, 'project')];
    await mkdir(work);
    await bundleProgram(join(directory, 'parts'), '1.2.3', '', true);
    file = join(directory, 'mco-deploy-1.2.3.tgz');
    await makeNpmPackage({ parts: join(directory, 'parts'), version: '1.2.3', licences: 'none', work, file });
    fleet = await makeFleet();
    const rip = await fleet.operator('rip@devco.net');
    const start = (name: string) =>
      startTestNode(fleet, {
        name,
        agents: agents.filter(({ ddl }) => ddl.name !== 'appmgr'),
        policies: { default: allowRip },
      });
    nodes = [await start('dev1.devco.net'), await start('dev2.devco.net')];
    env = {
      PATH: [dirname(process.execPath), process.env.PATH].join(':'),
      HOME: await makeHome(join(directory, 'home'), rip, nodes),
    };
    await mkdir(join(project, 'node_modules/@types'), { recursive: true });
    await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'project', type: 'module' }));
    const { code, err } = await runProgram('npm', ['install', '--offline', '--no-audit', '--no-fund', file], {
      cwd: project,
      env,
    });
    assert.equal(code, 0, err);
    await symlink(join(repository, 'node_modules/@types/node'), join(project, 'node_modules/@types/node'));
    await symlink(join(repository, 'node_modules/undici-types'), join(project, 'node_modules/undici-types'));
    const compilerOptions = {
      target: 'es2024',
      module: 'nodenext',
      strict: true,
      noEmit: true,
      types: ['node'],
      exactOptionalPropertyTypes: true,
    };
    await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  });
  after(async () => {
    for (const one of nodes ?? []) await one.daemon.stop();
    await fleet?.remove();
    await rm(directory, { recursive: true });
  });

  test('passes publint, and its types resolve for every way to import it (“are the types wrong?”)', async () => {
    const publint = await runProgram(join(repository, 'node_modules/.bin/publint'), ['--strict', file], { env });
    assert.equal(publint.code, 0, publint.out + publint.err);
    const attw = await runProgram(join(repository, 'node_modules/.bin/attw'), [file, '--format', 'ascii'], { env });
    assert.equal(attw.code, 0, attw.out + attw.err);
    assert.match(attw.out, /No problems found/);
  });

  test('accepts correct calls and refuses wrong ones by the types of built-in and custom agents', async () => {
    const project = join(directory, 'project');
    await copyFile(join(repository, 'test/fixtures/library/types.ts'), join(project, 'types.ts'));
    const example = join(repository, 'examples/agents/greeter.json');
    const output = join(project, 'mco-deploy-agents.d.ts');
    const written = await node('node_modules/.bin/mco-deploy', 'agent', 'types', example, '--out', output);
    assert.equal(written.code, 0, written.err);
    const { code, out, err } = await tsc('--project', '.');
    assert.equal(code, 0, out + err);
    await rm(join(project, 'types.ts'));
    await rm(output);
  });

  test('runs each example of docs/library.md', async () => {
    const project = join(directory, 'project');
    const text = await readFile(join(repository, 'docs/library.md'), 'utf8');
    const [, playbook = ''] = /^```yaml\n([\s\S]*?)^```/m.exec(text) ?? [];
    await writeFile(join(project, 'look.yaml'), playbook);
    for (const [index, { title, code, output }] of (await readExamples()).entries()) {
      await writeFile(join(project, `example${index}.ts`), code);
      const ran = await node(`example${index}.ts`);
      assert.deepEqual([ran.code, ran.out, ran.err], [0, output, ''], title);
    }
    const { code, out, err } = await tsc('--project', '.');
    assert.equal(code, 0, out + err);
  });

  test('is one module for import and require, and starts nothing by itself', async () => {
    const program = `
      const { createRequire } = await import('node:module');
      const required = createRequire(import.meta.url)('mco-deploy');
      const { connect, Problem } = await import('mco-deploy');
      console.log(required.connect === connect, required.Problem === Problem, process.getActiveResourcesInfo().filter((one) => one !== 'PipeWrap').length);`;
    const { out, err } = await node('--input-type=module', '--eval', program);
    assert.deepEqual([out.trim(), err], ['true true 0', '']);
  });
});
