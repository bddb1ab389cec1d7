import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Address } from '../../../../src/core/node.ts';
import type { Attempt } from '../../../../src/discovery/attempt.ts';
import { addressHints } from '../../../../src/discovery/cache/address-hints.ts';
import { openCache } from '../../../../src/discovery/cache/cache.ts';
import { pruneContent } from '../../../../src/discovery/cache/content.ts';
import { keepingLog } from '../../../support/node/quiet-log.ts';

const node = (name: string, host = '10.0.0.1') => ({
  name,
  addresses: [{ host, port: 5810 }],
  agents: ['rpcutil'],
  classes: [],
  facts: { cluster: 'bravo' },
});

describe('the cache', () => {
  let directory: string;
  let number = 0;
  const fresh = () => join(directory, `${number++}`, 'cache.json');
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mco-cache-'));
  });
  after(() => rm(directory, { recursive: true }));

  test('keeps proven nodes, readable only by its owner', async () => {
    const file = fresh();
    const cache = openCache(file, keepingLog());
    cache.remember([node('dev1')], 1000);
    await cache.save();
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.deepEqual(openCache(file, keepingLog()).nodes(), [{ ...node('dev1'), lastSeen: 1000 }]);
  });

  test('takes over what another client wrote meanwhile, beside its own', async () => {
    const file = fresh();
    const cache = openCache(file, keepingLog());
    const names = () => cache.nodes().map(({ name }) => name);
    const other = openCache(file, keepingLog());
    other.remember([node('dev1')], 1000);
    await other.save();
    cache.remember([node('dev2')], 1000);
    assert.deepEqual(names(), ['dev2']);
    cache.refresh();
    assert.deepEqual(names().sort(), ['dev1', 'dev2']);
    await cache.save();
    assert.equal(openCache(file, keepingLog()).nodes().length, 2);
  });

  test('writes nothing if nothing is new', async () => {
    const file = fresh();
    await openCache(file, keepingLog()).save();
    await assert.rejects(stat(file), { code: 'ENOENT' });
    const cache = openCache(file, keepingLog());
    cache.remember([node('dev1')], 1000);
    await cache.save();
    await rm(file);
    await cache.save();
    await assert.rejects(stat(file), { code: 'ENOENT' });
  });

  test('starts empty with a warning if it is broken', async () => {
    for (const text of ['{', '[]', '{"version":2,"nodes":[],"forgotten":{}}', '\0\0']) {
      const file = join(directory, `broken${number++}`);
      await writeFile(file, text);
      const log = keepingLog();
      const cache = openCache(file, log);
      assert.deepEqual(cache.nodes(), []);
      assert.match(log.lines.join(), /^warn the cache .* was started again/);
      cache.remember([node('dev1')], 1);
      await cache.save();
      assert.equal(openCache(file, keepingLog()).nodes().length, 1);
    }
  });

  test('loses only a broken entry', async () => {
    const file = join(directory, 'entries');
    const good = { ...node('dev1'), lastSeen: 5 };
    const nodes = [
      ...[good, { ...good, name: '../dev2' }, null, { ...good, name: 'dev3', addresses: 'x' }],
      ...[{ addresses: [{ host: 'h', port: '1' }] }, { addresses: [null] }, { relays: 'yes' }, { lastSeen: '5' }].map(
        (more) => ({ ...good, name: 'dev4', ...more }),
      ),
      ...[{ agents: [1] }, { agents: 'a' }, { classes: [1] }, { classes: 'c' }, { facts: { a: 1 } }, { facts: [] }].map(
        (more) => ({ ...good, name: 'dev5', ...more }),
      ),
    ];
    await writeFile(file, JSON.stringify({ version: 1, nodes, forgotten: { 'no name': 1 } }));
    assert.deepEqual(openCache(file, keepingLog()).nodes(), [good]);
  });

  test('is left as it is where it cannot be read', async () => {
    const log = keepingLog();
    const cache = openCache(directory, log);
    cache.remember([node('dev1')], 1);
    await cache.save();
    assert.equal(log.lines.length, 2);
    for (const line of log.lines)
      assert.match(line, /^warn the cache .* cannot be read: .*; silent nodes are not noticed/);
  });

  test('drops the oldest of too many nodes, and of too many that were forgotten', () => {
    const nodes = new Map(Array.from({ length: 20_001 }, (_, at) => [`n${at}`, { ...node(`n${at}`), lastSeen: at }]));
    const forgotten = new Map(Array.from({ length: 5001 }, (_, at) => [`f${at}`, at]));
    const kept = pruneContent({ nodes, forgotten });
    assert.deepEqual([kept.nodes.size, kept.nodes.has('n0'), kept.nodes.has('n1')], [20_000, false, true]);
    assert.deepEqual([kept.forgotten.size, kept.forgotten.has('f0'), kept.forgotten.has('f1')], [5000, false, true]);
  });

  test('suggests a relay or a list for a node that only a relay has found, and for no other', () => {
    const quiet = (source: string) => [{ candidate: { name: 'dev1', addresses: [], source } }] as unknown as Attempt[];
    const known = (addresses: readonly Address[]) => new Map([['dev1', { ...node('dev1'), addresses, lastSeen: 1 }]]);
    const nowhere = known([]);
    assert.match(
      addressHints(quiet('cache'), nowhere).join(),
      /^no address of dev1 is known here, .* found it: use a relay/,
    );
    assert.deepEqual(addressHints(quiet('file'), nowhere), []);
    assert.deepEqual(addressHints(quiet('cache'), known([{ host: 'h', port: 1 }])), []);
    const two = addressHints([...quiet('cache'), ...quiet('cache')], nowhere).join();
    assert.match(two, /^no address of 2 nodes \(dev1, …\) is known here, because a relay found them/);
  });

  test('merges the writes of several clients', async () => {
    const file = fresh();
    const clients = Array.from({ length: 8 }, () => openCache(file, keepingLog()));
    clients.forEach((client, index) => {
      client.remember([node(`dev${index}`), node('shared', `10.0.0.${index}`)], 1000 + index);
    });
    for (const client of clients) await client.save();
    const nodes = openCache(file, keepingLog()).nodes();
    assert.equal(nodes.length, 9);
    assert.equal(nodes.find(({ name }) => name === 'shared')?.addresses[0]?.host, '10.0.0.7');
    await Promise.all(
      clients.map((client, index) => {
        client.remember([node(`late${index}`)], 2000);
        return client.save();
      }),
    );
    JSON.parse(await readFile(file, 'utf8'));
    assert.deepEqual(await readdir(join(file, '..')), ['cache.json']);
  });

  test('forgets a node, even if another client still remembers it', async () => {
    const file = fresh();
    const first = openCache(file, keepingLog());
    first.remember([node('dev1')], 1000);
    await first.save();
    const second = openCache(file, keepingLog());
    assert.equal(first.forget('dev1', 2000), true);
    assert.equal(first.forget('never', 2000), false);
    await first.save();
    second.remember([node('dev2')], 3000);
    await second.save();
    const third = openCache(file, keepingLog());
    assert.deepEqual(
      third.nodes().map(({ name }) => name),
      ['dev2'],
    );
    assert.equal(third.forgotten('dev1'), 2000);
  });

  test('includes a forgotten node again once it is proven', async () => {
    const cache = openCache(fresh(), keepingLog());
    cache.forget('dev1', 2000);
    cache.remember([node('dev1')], 2001);
    assert.equal(cache.forgotten('dev1'), undefined);
    assert.equal(cache.nodes().length, 1);
  });

  test('has the last of two sights at one moment, and not a node that was forgotten in the moment of its sight', () => {
    const cache = openCache(fresh(), keepingLog());
    cache.remember([node('dev1', '10.0.0.1')], 2000);
    cache.remember([node('dev1', '10.0.0.2')], 2000);
    assert.equal(cache.nodes()[0]?.addresses[0]?.host, '10.0.0.2');
    cache.forget('dev1', 2000);
    assert.deepEqual([cache.nodes(), cache.forgotten('dev1')], [[], 2000]);
  });

  test('causes one warning if it cannot be written, however often that is tried', async () => {
    const log = keepingLog();
    const cache = openCache('/proc/none/cache.json', log);
    cache.remember([node('dev1')], 1);
    await cache.save();
    cache.remember([node('dev2')], 2);
    await cache.save();
    assert.equal(log.lines.length, 1);
    assert.match(log.lines.join(), /warn the cache .* cannot be written/);
  });
});
