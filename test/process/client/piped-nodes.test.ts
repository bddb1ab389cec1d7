import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, writeFileSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { agents } from '../../../src/agents/index.ts';
import { type Fleet, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { program, programInShell } from '../../support/program/program.ts';
import { makeHome } from '../../support/program/home.ts';

const [file, ...start] = program;

const repository = join(import.meta.dirname, '../../..');
const builtIn = agents.filter(({ ddl }) => ['rpcutil', 'lock'].includes(ddl.name));
const rpcPing = ['rpc', 'rpcutil', 'ping', '--senders'];

let fleet: Fleet;
let home: string;
const nodes: TestNode[] = [];
const all = 'dev1.devco.net\ndev2.devco.net\ndev4.devco.net\n';
const bravo = 'dev2.devco.net\ndev4.devco.net\n';

before(async () => {
  fleet = await makeFleet();
  for (const name of ['dev1.devco.net', 'dev2.devco.net', 'dev4.devco.net']) {
    const cluster = name.startsWith('dev1') ? 'alfa' : 'bravo';
    const prepare = (directory: string) => writeFile(join(directory, 'facts.d', 'site.yaml'), `cluster: ${cluster}\n`);
    nodes.push(await startTestNode(fleet, { name, agents: builtIn, prepare }));
  }
  home = await makeHome(join(fleet.dir, 'home'), await fleet.operator('rip@devco.net'), nodes);
  await writeFile(join(home, 'empty'), '');
  await writeFile(join(home, 'list'), bravo);
  const ping = '  - id: ping\n    call: rpcutil.ping\n    on: web\n';
  await writeFile(join(home, 'ping.yaml'), `name: ping_all\nnodes:\n  web: { agents: [rpcutil] }\nsteps:\n${ping}`);
  // The cache then knows where each of them is.
  assert.equal((await runInProcess(['ping'], home)).code, 0);
});

after(async () => {
  for (const node of nodes) await node[Symbol.asyncDispose]();
  await fleet.remove();
});

/** @param input what is piped in, a file, or `ignore` for /dev/null; only the latter two need a process of their own */
const mco = async (words: readonly string[], input: string | { pipe: string }) => {
  if (typeof input === 'object') {
    const stdin = new PassThrough().end(input.pipe) as unknown as NodeJS.ReadStream;
    const { code, out, err } = await runInProcess(words, home, { stdin, hasInput: true });
    return { code, out: out.map((line) => `${line}\n`).join(''), err: err.join('\n') };
  }
  const child = spawn(file, [...start, ...words], {
    cwd: repository,
    env: { HOME: home, PATH: process.env.PATH ?? '' },
    stdio: [input === 'ignore' ? 'ignore' : openSync(input, 'r'), 'pipe', 'pipe'],
  });
  const outputs = [text(child.stdout as Readable), text(child.stderr as Readable)] as const;
  const [[code], out, err] = await Promise.all([once(child, 'close'), ...outputs]);
  return { code, out, err };
};

const shell = async (script: string) => {
  const child = spawn('bash', ['-c', `mco() { ${programInShell} "$@"; }; ${script}`], {
    cwd: repository,
    env: { HOME: home, PATH: process.env.PATH ?? '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [[code], out, err] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]);
  return { code, out, err };
};

/** The program as a separate process: its standard input decides which nodes it calls. */
describe('standard input as the list of nodes', { timeout: 600_000 }, () => {
  test('find … -j | rpc calls exactly the nodes that were found', async () => {
    const { code, out } = await shell('mco find -F cluster=bravo -j | mco rpc rpcutil ping --senders');
    assert.deepEqual([code, out], [0, bravo]);
  });

  test('find | rpc finds the addresses of bare names that the first command stores while the second waits', async () => {
    const cache = join(home, '.cache/mco-deploy/nodes.json');
    const stored = await readFile(cache);
    await rm(cache);
    const stdin = new Readable({
      // The second command has read the cache by now.
      read() {
        writeFileSync(cache, stored);
        this.push(bravo);
        this.push(null);
      },
    }) as unknown as NodeJS.ReadStream;
    const { code, out, err } = await runInProcess(rpcPing, home, { stdin, hasInput: true });
    assert.deepEqual([code, out, err], [0, bravo.trimEnd().split('\n'), []]);
  });

  test('find -F cluster=nope -j | rpc calls nobody, and exits with 1', async () => {
    const found = await runInProcess(['find', '-F', 'cluster=nope', '-j'], home);
    const { code, out, err } = await mco(rpcPing, { pipe: found.out.join('\n') });
    assert.deepEqual([code, out], [1, '']);
    assert.match(err, /names no node: no node was called.*<\/dev\/null/);
  });

  test('names that are all filtered out call nobody, not everybody', async () => {
    const { code, out, err } = await mco(rpcPing, { pipe: '' });
    assert.deepEqual([code, out], [1, '']);
    assert.match(err, /standard input is empty: no node was called.*<\/dev\/null/);
  });

  test('an empty file calls nobody, and a file with names is the list', async () => {
    assert.equal((await mco(rpcPing, join(home, 'empty'))).code, 1);
    assert.deepEqual(await mco(rpcPing, join(home, 'list')), { code: 0, out: bravo, err: '' });
  });

  test('/dev/null and a closed descriptor do not count as a list', async () => {
    assert.deepEqual(
      [(await mco(rpcPing, 'ignore')).out, (await shell(`mco ${rpcPing.join(' ')} <&-`)).out],
      [all, all],
    );
  });

  test('a filter narrows the list', async () => {
    const { out } = await mco([...rpcPing, '-F', 'cluster=alfa'], { pipe: all });
    assert.equal(out, 'dev1.devco.net\n');
  });

  test('--nodes and --dm take precedence', async () => {
    assert.equal((await mco([...rpcPing, '--nodes', join(home, 'nodes.json')], { pipe: '' })).out, all);
    assert.equal((await mco([...rpcPing, '--dm', 'cache'], { pipe: '' })).out, all);
  });

  test('input that is not a list is an error', async () => {
    const { code, err } = await mco(rpcPing, { pipe: 'dev1.devco.net   time=12.34 ms\n' });
    assert.equal(code, 64);
    assert.match(err, /stdin:1: “dev1\.devco\.net +time=12\.34 ms”/);
  });

  test('a playbook runs on the nodes of the list, in each of its sets', async () => {
    const ran = await mco(['run', join(home, 'ping.yaml'), '--no-lock'], { pipe: bravo });
    assert.equal(ran.code, 0, ran.err);
    assert.match(ran.out, /executed successfully on 2 nodes/);
    assert.equal((await mco(['run', join(home, 'ping.yaml'), '--no-lock'], { pipe: '' })).code, 1);
  });

  test('a command that addresses no nodes does not read it', async () => {
    const { code, out } = await mco(['inventory', 'dev2.devco.net'], { pipe: 'dev9\n' });
    assert.deepEqual([code, out.split('\n')[0]], [0, 'dev2.devco.net']);
  });

  test('is awaited if it does not end, and a person is informed', async () => {
    const child = spawn(file, [...start, ...rpcPing], {
      cwd: repository,
      env: { HOME: home, PATH: process.env.PATH ?? '' },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const out = text(child.stdout);
    child.stderr.setEncoding('utf8');
    const [line] = await once(child.stderr, 'data');
    assert.match(line, /^waiting for the end of the list of nodes on standard input/);
    child.stdin.end(bravo);
    assert.equal(await out, bravo);
  });
});
