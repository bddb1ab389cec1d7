import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { makeBinary } from '../../../build/program/binary.ts';
import { bundleProgram } from '../../../build/bundle/bundle-program.ts';
import { runtimeOf } from '../../../build/program/runtime.ts';
import { builtProgram } from '../../support/program/built-program.ts';
import { runProgram } from '../../support/program/run-program.ts';

const repository = join(import.meta.dirname, '../../..');
const binary = builtProgram();

describe('the single binary', () => {
  let dir: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'mco-binary-'));
  });
  after(() => rm(dir, { recursive: true }));

  test('runs daemon and client on a host that has nothing else but libc, with an empty environment', async () => {
    const env = { XDG_DATA_HOME: join(dir, 'data'), PATH: '/usr/bin:/bin' };
    const prepare = async (...words: string[]) => {
      const { code, err } = await runProgram(binary, words, { env, cwd: dir });
      assert.equal(code, 0, err);
    };
    await prepare('ca', 'init', '--realm', 'devco.net');
    await prepare('ca', 'issue', 'node', 'web1.devco.net', '--bundle', 'node.tar.gz');
    await prepare('ca', 'issue', 'operator', 'rip@devco.net', '--bundle', 'client.tar.gz');
    for (const name of ['node', 'client']) {
      await mkdir(join(dir, name));
      await runProgram('tar', ['-xzf', `${name}.tar.gz`, '-C', name], { cwd: dir });
    }
    const settings = 'discovery: { mdns: false }\naudit: { file: /var/audit.jsonl }\nstate: /var/state\n';
    await writeFile(join(dir, 'node/node.yaml'), settings);
    await appendFile(join(dir, 'node/policies/default.policy'), 'allow\tcert=rip@devco.net\t*\t*\t*\n');
    await writeFile(join(dir, 'nodes.yaml'), 'nodes:\n  - { name: web1.devco.net, address: 127.0.0.1 }\n');
    await mkdir(join(dir, 'root'));
    const script = join(repository, 'test/support/node/bare-host.sh');
    const namespaces = ['--mount', '--net', '--pid', '--fork', '--kill-child'];
    const { code, out, err } = await runProgram('unshare', [
      ...namespaces,
      'sh',
      script,
      binary,
      dir,
      join(dir, 'root'),
    ]);
    assert.equal(code, 0, err);
    assert.match(out, /^mco-deploy \d+\.\d+\.\d+ \(.+, Node\.js \d+\.\d+\.\d+\)\nweb1\.devco\.net +time=/);
    assert.match(out, /"pong": ?\d+/);
  });

  test('loads no code from the environment', async () => {
    await writeFile(join(dir, 'evil.cjs'), 'console.log("evil"); process.exit(9);\n');
    const env = { NODE_OPTIONS: `--require ${join(dir, 'evil.cjs')}` };
    const { code, out } = await runProgram(binary, ['--version'], { env });
    assert.equal(code, 0);
    assert.match(out, /^mco-deploy /);
  });

  test('is built for the other architecture, too, and runs there', async () => {
    const foreign = join(dir, 'mco-deploy-linux-arm64');
    await bundleProgram(join(dir, 'parts'));
    await mkdir(join(dir, 'work'));
    const runtime = await runtimeOf('linux-arm64');
    await makeBinary({ parts: join(dir, 'parts'), runtime, binary: foreign, work: join(dir, 'work') });
    // e_machine of the ELF header: AArch64.
    assert.equal(await readUInt16(foreign, 18), 183);
    const env = { QEMU_LD_PREFIX: '/usr/aarch64-linux-gnu' };
    const { out: version } = await runProgram('qemu-aarch64-static', [foreign, '--version'], { env });
    assert.match(version, /^mco-deploy \d+\.\d+\.\d+ \(.+, Node\.js \d+\.\d+\.\d+\)$/m);
  });
});

async function readUInt16(file: string, position: number): Promise<number> {
  const handle = await open(file);
  try {
    const { buffer } = await handle.read(Buffer.alloc(2), 0, 2, position);
    return buffer.readUInt16LE();
  } finally {
    await handle.close();
  }
}
