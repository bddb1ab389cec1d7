import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { noFilter } from '../../../../src/core/filter/filter.ts';
import { type RelaySearch, relaySource } from '../../../../src/discovery/relay/source.ts';

describe('a search over relays', () => {
  const searchFor = async (filter: Partial<typeof noFilter>): Promise<RelaySearch> => {
    let asked: RelaySearch | undefined;
    const source = relaySource(async function* (search) {
      asked = search;
      yield* [];
    }, 100);
    const found = source.discover({ ...noFilter, ...filter }, new AbortController().signal);
    for await (const { name } of found) assert.fail(name);
    assert.ok(asked);
    return asked;
  };

  test('asks for the names in the filter alone, whatever else it requires', async () => {
    const { names } = await searchFor({ identities: ['Web1.devco.net', 'web2.devco.net'], facts: ['cluster=bravo'] });
    assert.deepEqual(names, ['web1.devco.net', 'web2.devco.net']);
  });

  test('asks for all nodes if a name is a pattern, if any name may match, or if there are too many', async () => {
    const many = Array.from({ length: 300 }, (_, index) => `web${index}.devco.net`);
    for (const filter of [
      { identities: ['web1.devco.net', '/db/'] },
      { facts: ['cluster=bravo'] },
      { identities: many },
    ])
      assert.deepEqual((await searchFor(filter)).names, []);
  });

  test('leaves out only nodes that their names rule out', async () => {
    const { isWanted } = await searchFor({ identities: ['web1.devco.net', '/^db/'], classes: ['webserver'] });
    const names = ['web1.devco.net', 'db7.devco.net', 'web2.devco.net', 'WEB1.devco.net'];
    assert.deepEqual(names.map(isWanted), [true, true, false, true]);
    const any = await searchFor({ facts: ['cluster=bravo'], agents: ['haproxy'] });
    assert.deepEqual(names.map(any.isWanted), [true, true, true, true]);
  });

  test('takes only valid names from a relay, and no addresses', async () => {
    const source = relaySource(async function* () {
      yield* ['web1.devco.net', '../etc', '', 'WEB2', '\x1b[2J', `${'a'.repeat(64)}.net`, 'web3'];
    }, 100);
    const found: unknown[] = [];
    for await (const one of source.discover(noFilter, new AbortController().signal)) found.push(one);
    assert.deepEqual(found, [
      { name: 'web1.devco.net', addresses: [], source: 'relay' },
      { name: 'web3', addresses: [], source: 'relay' },
    ]);
  });
});
