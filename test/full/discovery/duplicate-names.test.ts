import assert from 'node:assert/strict';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { agents } from '../../../src/agents/index.ts';
import type { Script } from '../../support/discovery/network.ts';
import { createSegment, type Segment } from '../../support/discovery/segment.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { prepareNode } from '../../support/node/node.ts';

const name = 'dev1.devco.net';
const [original, copy] = ['10.77.0.1', '10.77.0.2'];
const port = 5810;

/** A machine and its copy, with one key and one name, beside another node and a client, each on a host of its own. */
describe('a node whose name and key two machines have', { timeout: 180_000 }, () => {
  let segment: Segment;
  let fleet: Fleet;
  let rip: Member;
  const nodes: Script[] = [];
  let lists = 0;

  before(async () => {
    segment = await createSegment(4);
    fleet = await makeFleet();
    rip = await fleet.operator('rip@devco.net');
    const first = await prepare(name, ['rpcutil', 'lock', 'appmgr']);
    const clone = join(fleet.dir, 'clone');
    await cp(first, clone, { recursive: true });
    const config = join(clone, 'node.yaml');
    await writeFile(config, (await readFile(config, 'utf8')).replaceAll(first, clone));
    const other = await prepare('dev2.devco.net', ['rpcutil', 'haproxy']);
    nodes.push(segment.start(0, 'daemon.ts', { configFile: join(first, 'node.yaml') }));
    nodes.push(segment.start(2, 'daemon.ts', { configFile: join(other, 'node.yaml') }));
    // The first one is heard before its copy comes.
    await runUntil(await startClient('early'), ['ping'], ({ out }) => out.includes(name) && out.includes('dev2'));
    nodes.push(segment.start(1, 'daemon.ts', { configFile: config }));
  });
  after(async () => {
    await segment.remove();
    await fleet.remove();
  });

  const prepare = async (node: string, names: readonly string[]) => {
    const enabled = agents.filter(({ ddl }) => names.includes(ddl.name));
    const sections = { appmgr: { applications: { app: { root: '/srv/app', artifacts: '/srv' } } } };
    const listen = `listen: { port: ${port} }`;
    const { directory, configFile } = await prepareNode(fleet, {
      name: node,
      agents: enabled,
      sections,
      listen,
      log: 'error',
    });
    await writeFile(configFile, (await readFile(configFile, 'utf8')).replace('mdns: false', 'mdns: true'));
    return directory;
  };
  /** A client on the fourth host. @param discovery how it finds nodes */
  const startClient = async (home: string, discovery = '{ method: mdns }') => {
    const directory = join(fleet.dir, home);
    await mkdir(join(directory, '.config/mco-deploy'), { recursive: true });
    const { certificate, key, ca } = rip.files;
    const tls = `tls: { certificate: ${certificate}, key: ${key}, ca: ${ca} }`;
    await writeFile(join(directory, '.config/mco-deploy/client.yaml'), `${tls}\ndiscovery: ${discovery}\n`);
    return segment.start(3, 'client.ts', { home: directory });
  };
  const at = (host: string) => ({ name, address: host, port });
  const listOf = async (...list: readonly object[]) => {
    const file = join(fleet.dir, `nodes${++lists}.json`);
    await writeFile(file, JSON.stringify(list));
    return `{ method: file, file: ${file} }`;
  };
  const run = async (client: Script, words: readonly string[]) => {
    client.say(JSON.stringify(words));
    const ended = (await client.next()) as { code: number; out: string } | undefined;
    assert.ok(ended !== undefined, client.stderr());
    return ended;
  };
  const runUntil = async (
    client: Script,
    words: readonly string[],
    holds: (ended: { code: number; out: string }) => boolean,
  ) => {
    for (;;) {
      const ended = await run(client, words);
      if (holds(ended)) return;
    }
  };
  const refused = new RegExp(
    `two machines prove to be ${name.replaceAll('.', '\\.')}: ${original} was there first, ${copy} since 20`,
  );

  test('is refused by every command, which names both addresses and which was there first', async () => {
    for (const node of [nodes[0], nodes[2]]) assert.match(String((await node?.next())?.msg), refused);
    const client = await startClient('home');
    await runUntil(client, ['ping'], ({ out }) => refused.test(out));
    const playbook = join(fleet.dir, 'break.yaml');
    await writeFile(
      playbook,
      'name: b\nnodes: {all: {agents: [lock]}}\nsteps: [{id: b, call: lock.break, on: all, with: {name: x}}]\n',
    );
    for (const [words, code] of [
      [['rpc', 'lock', 'break', 'name=x'], 3],
      [['rpc', 'rpcutil', 'ping'], 2],
      [['upgrade', '--cluster', 'bravo', '--rev', '20', '--no-notify'], 1],
      [['run', playbook], 1],
      [['find'], 2],
      [['doctor', 'client'], 2],
    ] as const) {
      const ended = await run(client, words);
      assert.match(ended.out, refused, words.join(' '));
      assert.equal(ended.code, code, ended.out);
    }
  });

  test('is refused as well where only one of the two can be heard', async () => {
    for (const host of [original, copy]) {
      const client = await startClient(host, await listOf(at(host)));
      for (const words of [
        ['rpc', 'lock', 'break', 'name=x'],
        ['doctor', 'client'],
      ]) {
        const ended = await run(client, words);
        assert.match(ended.out, refused, `${host}: ${words.join(' ')}`);
        assert.notEqual(ended.code, 0);
      }
    }
  });

  test('is refused by the word of any node that is reached, where the copy itself hears nobody', async () => {
    await nodes[2]?.stop();
    const config = join(fleet.dir, 'clone', 'node.yaml');
    await writeFile(config, (await readFile(config, 'utf8')).replace('mdns: true', 'mdns: false'));
    segment.start(1, 'daemon.ts', { configFile: config });
    const alone = await startClient('alone', await listOf(at(copy)));
    await runUntil(alone, ['rpc', 'rpcutil', 'ping'], ({ code }) => code === 0);
    const witness = { name: 'dev2.devco.net', address: '10.77.0.3', port };
    const client = await startClient('with-witness', await listOf(at(copy), witness));
    const ended = await run(client, ['rpc', 'lock', 'break', 'name=x']);
    assert.match(ended.out, refused);
    assert.notEqual(ended.code, 0);
  });
});
