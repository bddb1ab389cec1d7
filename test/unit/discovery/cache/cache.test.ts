import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openCache } from '../../../../src/discovery/cache/cache.ts';
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

  test('writes nothing if nothing is new', async () => {
    const file = fresh();
    await openCache(file, keepingLog()).save();
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
    const nodes = [good, { ...good, name: '../dev2' }, null, { ...good, name: 'dev3', addresses: 'x' }];
    await writeFile(file, JSON.stringify({ version: 1, nodes, forgotten: { 'no name': 1 } }));
    assert.deepEqual(openCache(file, keepingLog()).nodes(), [good]);
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

  test('causes a warning if it cannot be written', async () => {
    const log = keepingLog();
    const cache = openCache('/proc/none/cache.json', log);
    cache.remember([node('dev1')], 1);
    await cache.save();
    assert.match(log.lines.join(), /warn the cache .* cannot be written/);
  });
});
