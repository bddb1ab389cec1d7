import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createFleetOnSegment, type FleetOnSegment } from '../../support/discovery/fleet-on-segment.ts';
import type { Script } from '../../support/discovery/network.ts';

const names = Array.from({ length: 12 }, (_, index) => `dev${index + 1}.devco.net`);
const [nodesHost, floodHost, clientHost, lostHost] = [0, 1, 2, 3];
const asker = '10.77.0.3';
const port = 5810;

/** Twelve nodes, a host that makes others up, and a client that has never heard of any of them. */
describe('made-up names on a segment', { timeout: 600_000 }, () => {
  let site: FleetOnSegment;
  let directories: string[];
  let nodes: Script;

  before(async () => {
    site = await createFleetOnSegment(4);
    directories = await Promise.all(
      names.map((name, index) =>
        site.prepare(name, { agents: ['rpcutil', index === 0 ? 'haproxy' : index === 1 ? 'appmgr' : 'rpcutil'] }),
      ),
    );
    nodes = await site.start(nodesHost, directories);
    const client = await site.client(clientHost);
    await client.until(['ping'], ({ code, lines }) => code === 0 && lines.filter(isReply).length === names.length);
    await untilKnown(names);
    const ip = (...words: string[]) => site.segment.host(floodHost).exec('ip', ...words);
    for (const address of many.slice(1)) await ip('address', 'add', `${address}/24`, 'dev', 'eth0');
  });
  after(() => site[Symbol.asyncDispose]());

  const many = ['10.77.0.2', ...Array.from({ length: 50 }, (_, index) => `10.77.0.${100 + index}`)];
  const isReply = (line: string) => names.some((name) => line.startsWith(name));
  /** Until each node has proven these, and has written them down. What a busy machine lost of their announcements, a ping brings again. */
  const untilKnown = async (wanted: readonly string[]) => {
    const client = await site.client(clientHost);
    for (const [index, directory] of directories.entries()) {
      const others = wanted.filter((name) => name !== names[index]);
      const left = async () => {
        const kept = await readFile(join(directory, 'state/peers.json'), 'utf8').catch(() => '');
        return others.filter((name) => !kept.includes(`"${name}"`));
      };
      for (let tries = 0; (await left()).length > 0; tries++) {
        if (tries % 10 === 9) await client.run('ping');
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
  };
  /** Until the nodes, which share one process, have read what was announced: each on its own host reads it twelve times as fast. */
  const digest = async () => {
    const busy = async () => {
      nodes.say('?');
      return Number((await nodes.next())?.busy);
    };
    for (let before = Number.NaN, now = await busy(); !(now - before < 100); now = await busy()) {
      before = now;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  };
  const flood = async (count: number, addresses: readonly string[]) => {
    const script = site.segment.start(floodHost, 'flood.ts', { names: count, addresses, port });
    assert.equal((await script.next())?.announced, count, script.stderr());
    await digest();
    const counted = async () => {
      script.say('?');
      return (await script.next()) as { answered: number; dials: Record<string, number> };
    };
    return { counted, [Symbol.asyncDispose]: async () => void (await script.stop()) };
  };

  for (const [title, addresses] of [
    ['one address', many.slice(0, 1)],
    ['many addresses', many],
  ] as const) {
    test(`never keep a node from ping if ${title} sends 10,000, and ping dials few of them and reports them in one line`, async () => {
      await using rogue = await flood(10_000, addresses);
      const client = await site.client(clientHost);
      const { code, lines } = await client.run('ping');
      const { answered, dials } = await rogue.counted();
      assert.equal(code, 0, lines.join('\n'));
      assert.deepEqual(lines.filter(isReply).length, names.length, lines.join('\n'));
      assert.ok(lines.length <= names.length + 6, lines.join('\n'));
      const [rumours, ...more] = lines.filter((line) => line.includes('announced by multicast without proof'));
      assert.match(rumours ?? '', /^not counted: (more than )?\d+ names were/);
      assert.deepEqual(more, []);
      assert.ok(answered > 0, 'it was asked');
      // How many may fail, how many may be open, and how the cause of a failure is found.
      assert.ok((dials[asker] ?? 0) <= 800, JSON.stringify(dials));
    });
  }

  test('never make a command exit with 5, and nobody remembers them', async () => {
    const playbook = join(site.fleet.dir, 'ping.yaml');
    const step = '{id: p, call: rpcutil.ping, on: all}';
    await writeFile(playbook, `name: p\nnodes: {all: {facts: [cluster=bravo]}}\nsteps: [${step}]\n`);
    const client = await site.client(clientHost);
    const check = async (expected: number) => {
      for (const words of [['ping'], ['find', '-F', 'cluster=bravo'], ['run', playbook]]) {
        const { code, lines } = await client.run(...words);
        assert.equal(code, 0, [words.join(' '), ...lines].join('\n'));
        const reported = lines.filter((line) => line.includes('without proof')).length;
        if (words[0] !== 'run') assert.equal(reported, expected, lines.join('\n'));
      }
      const { code, lines } = await client.run('upgrade', '--cluster', 'bravo', '--rev', '20', '--no-notify');
      assert.notEqual(code, 5, lines.join('\n'));
      assert.ok(!lines.some((line) => line.includes('fake')), lines.join('\n'));
    };
    {
      await using _rogue = await flood(1, many.slice(0, 1));
      await check(1);
    }
    await check(0);
  });

  test('never hide a node that has fallen silent: upgrade exits with 5, also for a client that never heard of it', async () => {
    const lost = await site.prepare('dev13.devco.net', { agents: ['rpcutil', 'appmgr'], port });
    const thirteenth = await site.start(lostHost, [lost]);
    await untilKnown([...names, 'dev13.devco.net']);
    thirteenth.kill();
    await using _rogue = await flood(1000, many);
    const client = await site.client(clientHost);
    const { code, lines } = await client.run('upgrade', '--cluster', 'bravo', '--rev', '20', '--no-notify');
    assert.equal(code, 5, lines.join('\n'));
    assert.ok(
      lines.some((line) => line.includes('dev13.devco.net')),
      lines.join('\n'),
    );
    assert.ok(
      lines.some((line) => line.includes('nothing was changed')),
      lines.join('\n'),
    );
  });

  test('are never stored by the nodes', async () => {
    assert.equal(await nodes.stop(), 0);
    for (const directory of directories) {
      const kept = await readFile(join(directory, 'state/peers.json'), 'utf8');
      assert.doesNotMatch(kept, /fake/);
      assert.match(kept, /dev13\.devco\.net/);
    }
  });
});
