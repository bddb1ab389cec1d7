import assert from 'node:assert/strict';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createFleetOnSegment, type FleetOnSegment } from '../../support/discovery/fleet-on-segment.ts';
import type { Script } from '../../support/discovery/network.ts';

const name = 'dev1.devco.net';
const [original, copy] = ['10.77.0.1', '10.77.0.2'];
const port = 5810;

/** A machine and its copy, with one key and one name, beside another node and a client, each on its own host. */
describe('a name and key that two machines share', { timeout: 600_000 }, () => {
  let site: FleetOnSegment;
  let clone: string;
  let running: Script;
  let observers: Script[];
  let lists = 0;

  before(async () => {
    site = await createFleetOnSegment(4);
    const first = await site.prepare(name, { agents: ['rpcutil', 'lock', 'appmgr'], port });
    clone = join(site.fleet.dir, 'clone');
    await cp(first, clone, { recursive: true });
    await edit((text) => text.replaceAll(first, clone));
    const other = await site.prepare('dev2.devco.net', { agents: ['rpcutil', 'haproxy'], port });
    const real = await site.start(0, [first]);
    const witness = await site.start(2, [other]);
    // The first one is heard before its copy comes.
    const client = await site.client(3);
    await client.until(['ping'], ({ code, lines }) => code === 0 && ['dev1', 'dev2'].every((one) => has(lines, one)));
    running = await site.start(1, [clone]);
    observers = [real, running, witness];
  });
  after(() => site[Symbol.asyncDispose]());

  const edit = async (change: (text: string) => string) => {
    const config = join(clone, 'node.yaml');
    await writeFile(config, change(await readFile(config, 'utf8')));
  };
  const has = (lines: readonly string[], text: string) => lines.some((line) => line.includes(text));
  const at = (host: string) => ({ name, address: host, port });
  const listOf = async (...list: readonly object[]) => {
    const file = join(site.fleet.dir, `nodes${++lists}.json`);
    await writeFile(file, JSON.stringify(list));
    return `{ method: file, file: ${file} }`;
  };
  const refused = new RegExp(
    `two machines prove to be ${name.replaceAll('.', '\\.')}: ${original} was there first, ${copy} since 20`,
  );
  const lockBreak = ['rpc', 'lock', 'break', 'name=x'];

  test('are refused by every command, which names both addresses and which was there first', async () => {
    for (const node of observers) assert.match(String((await node.next())?.msg), refused);
    const client = await site.client(3);
    await client.until(['ping'], ({ lines }) => refused.test(lines.join('\n')));
    const playbook = join(site.fleet.dir, 'break.yaml');
    const step = '{id: b, call: lock.break, on: all, with: {name: x}}';
    await writeFile(playbook, `name: b\nnodes: {all: {agents: [lock]}}\nsteps: [${step}]\n`);
    for (const [words, code] of [
      [lockBreak, 3],
      [['rpc', 'rpcutil', 'ping'], 2],
      [['upgrade', '--cluster', 'bravo', '--rev', '20', '--no-notify'], 1],
      [['run', playbook], 1],
      [['find'], 2],
      [['doctor', 'client'], 2],
    ] as const) {
      const ended = await client.run(...words);
      assert.match(ended.lines.join('\n'), refused, words.join(' '));
      assert.equal(ended.code, code, ended.lines.join('\n'));
    }
  });

  test('are refused even if only one of the two can be reached by multicast', async () => {
    for (const host of [original, copy]) {
      const client = await site.client(3, await listOf(at(host)));
      for (const words of [lockBreak, ['doctor', 'client']]) {
        const ended = await client.run(...words);
        assert.match(ended.lines.join('\n'), refused, `${host}: ${words.join(' ')}`);
        assert.notEqual(ended.code, 0);
      }
    }
  });

  test('are refused on the report of any reachable node if the copy itself receives nothing', async () => {
    await running.stop();
    await edit((text) => text.replace('mdns: true', 'mdns: false'));
    await site.start(1, [clone]);
    const alone = await site.client(3, await listOf(at(copy)));
    assert.equal((await alone.run('rpc', 'rpcutil', 'ping')).code, 0, 'nobody who was reached has heard both');
    const witness = { name: 'dev2.devco.net', address: '10.77.0.3', port };
    const client = await site.client(3, await listOf(at(copy), witness));
    const ended = await client.run(...lockBreak);
    assert.match(ended.lines.join('\n'), refused);
    assert.notEqual(ended.code, 0);
  });
});
