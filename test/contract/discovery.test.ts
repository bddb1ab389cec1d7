import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { noFilter } from '../../src/core/filter/filter.ts';
import { openCache } from '../../src/discovery/cache/cache.ts';
import { type DiscoveryOptions, sourceByName, sources } from '../../src/discovery/index.ts';
import { keepingLog } from '../support/node/quiet-log.ts';

async function anyOptions(): Promise<DiscoveryOptions> {
  const log = keepingLog();
  const cache = openCache('/nonexistent', log);
  return { interfaces: [], timeout: 2000, list: async () => 'dev1', cache, log };
}

describe('the sources of discovery', () => {
  test('each have a folder', async () => {
    const files = await readdir(join(import.meta.dirname, '../../src/discovery'), { recursive: true });
    const folders = files.filter((file) => basename(file) === 'source.ts').map((file) => dirname(file));
    assert.deepEqual(folders.sort(), sources.map(({ name }) => name).sort());
  });

  test('are refused if they are unknown, or lack what they need', async () => {
    const options = await anyOptions();
    assert.throws(() => sourceByName('mdn', options), { code: 'usage', hint: 'did you mean “mdns”?' });
    assert.throws(() => sourceByName('dns', options), { code: 'usage' });
    assert.throws(() => sourceByName('file', options), { code: 'usage' });
    assert.throws(() => sourceByName('relay', options), { code: 'usage' });
    const told = sourceByName('file', { ...options, file: '/nonexistent' }).discover(
      noFilter,
      AbortSignal.timeout(9000),
    );
    await assert.rejects(told[Symbol.asyncIterator]().next(), { code: 'unreadable-file' });
  });
});
