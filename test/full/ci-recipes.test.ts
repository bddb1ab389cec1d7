import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { parse } from 'yaml';
import { agents as all } from '../../src/agents/index.ts';
import { type Fleet, makeFleet } from '../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../support/node/node.ts';
import { programInShell } from '../support/program/program.ts';
import { runProgram } from '../support/program/run-program.ts';

const repository = join(import.meta.dirname, '../..');
const agents = all.filter(({ ddl }) => ['appmgr', 'lock'].includes(ddl.name));
const policy = 'policy default deny\nallow\tcert=ci@devco.net\t*\t*\t*\n';

/** The blocks of YAML in docs/ci.md. */
async function readRecipes() {
  const text = await readFile(join(repository, 'docs/ci.md'), 'utf8');
  const [playbook = '', github = '', gitlab = ''] = [...text.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(
    ([, code]) => code,
  );
  return { playbook, github: parse(github), gitlab: parse(gitlab) };
}

describe('the recipes of docs/ci.md, with a certificate that is limited to the shop', () => {
  let fleet: Fleet;
  let node: TestNode;
  let bundle: string;
  let path: string;
  let work: string;

  before(async () => {
    fleet = await makeFleet();
    const [artifacts, bin] = [join(fleet.dir, 'artifacts'), join(fleet.dir, 'bin')];
    for (const directory of [artifacts, join(fleet.dir, 'shop'), join(fleet.dir, 'blog')]) await mkdir(directory);
    const pack = `mkdir shop && echo 20 >shop/index.html && tar -czf shop-20.tar.gz -C shop . && sha256sum shop-20.tar.gz >shop-20.tar.gz.sha256`;
    await runProgram('sh', ['-eu', '-c', pack], { cwd: artifacts });
    const application = (name: string) => ({ root: join(fleet.dir, name), artifacts, reload: ['true'] });
    const sections = { appmgr: { applications: { shop: application('shop'), blog: application('blog') } } };
    node = await startTestNode(fleet, { agents, sections, policies: { default: policy } });
    // The output of “ca issue operator ci@devco.net --for shop --bundle”, with the place of the node.
    const { files } = await fleet.operator('ci@devco.net', { applications: ['shop'] });
    const { port } = node.daemon;
    await writeFile(
      join(files.directory, 'nodes.json'),
      JSON.stringify([{ name: node.name, address: '127.0.0.1', port }]),
    );
    await writeFile(join(files.directory, 'client.yaml'), 'discovery: { method: file, file: nodes.json }\n');
    const { out } = await runProgram('sh', ['-c', 'tar -czf - . | base64 -w0'], { cwd: files.directory });
    bundle = out;
    // In place of the program that “npm install --global” would put there, and of npm, which would need a registry.
    await mkdir(bin);
    const program = `#!/bin/sh\nexec ${programInShell} "$@"\n`;
    await writeFile(join(bin, 'mco-deploy'), program, { mode: 0o755 });
    await writeFile(join(bin, 'npm'), '#!/bin/sh\necho "$@" >>npm-was-called\n', { mode: 0o755 });
    path = `${bin}:${process.env.PATH}`;
  });
  after(async () => {
    await node.daemon.stop();
    await fleet.remove();
  });
  beforeEach(async (context) => {
    work = join(fleet.dir, `job-${'name' in context ? context.name.length : 0}`);
    await mkdir(work, { recursive: true });
    await writeFile(join(work, 'deploy.yaml'), (await readRecipes()).playbook);
  });

  const shell = (script: string, env: Record<string, string>) =>
    runProgram('bash', ['-eo', 'pipefail', '-c', script], { cwd: work, env: { PATH: path, HOME: work, ...env } });

  test('GitHub Actions runs each step of the job, and deploys', async () => {
    const { github } = await readRecipes();
    const summary = join(work, 'summary.md');
    for (const { run, env = {} } of github.jobs.deploy.steps.filter((step: object) => 'run' in step)) {
      const given = Object.keys(env).map((name) => [name, name === 'REVISION' ? '20' : bundle]);
      const { code, out, err } = await shell(run, { ...Object.fromEntries(given), GITHUB_STEP_SUMMARY: summary });
      assert.equal(code, 0, out + err);
    }
    assert.equal(await readFile(join(fleet.dir, 'shop/current/index.html'), 'utf8'), '20\n');
    assert.match(await readFile(summary, 'utf8'), /^### deploy: done/m);
    assert.match(
      await readFile(join(work, 'report.xml'), 'utf8'),
      /<testcase classname="Upgrade the shop" name="dev2\.devco\.net"/,
    );
    assert.equal(await readFile(join(work, 'npm-was-called'), 'utf8'), 'install --global mco-deploy\n');
  });

  test('GitLab runs the script as it is, and its artifact is a report', async () => {
    const { gitlab } = await readRecipes();
    const { code, out, err } = await shell(gitlab.deploy.script.join('\n'), {
      MCO_DEPLOY_BUNDLE: bundle,
      REVISION: '20',
    });
    assert.equal(code, 0, out + err);
    assert.match(await readFile(join(work, gitlab.deploy.artifacts.reports.junit), 'utf8'), /tests="1" failures="0"/);
  });

  test('ends as refused for another application, and names the certificate', async () => {
    const text = await readFile(join(work, 'deploy.yaml'), 'utf8');
    await writeFile(join(work, 'deploy.yaml'), text.replace('application: shop', 'application: blog'));
    const { gitlab } = await readRecipes();
    const { code, out, err } = await shell(gitlab.deploy.script.join('\n'), {
      MCO_DEPLOY_BUNDLE: bundle,
      REVISION: '20',
    });
    assert.equal(code, 77, out + err);
    assert.match(out + err, /the certificate of cert=ci@devco\.net is for shop, not for blog/);
    assert.match(await readFile(join(work, 'report.xml'), 'utf8'), /<failure type="not-for-application"/);
  });
});
