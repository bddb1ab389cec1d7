import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { noFilter } from '../../../../src/core/filter/filter.ts';
import type { Candidate } from '../../../../src/core/node.ts';
import { stdinSource } from '../../../../src/discovery/stdin/source.ts';

async function read(text: string): Promise<Candidate[]> {
  const source = stdinSource(async () => text);
  const found: Candidate[] = [];
  for await (const candidate of source.discover(noFilter, new AbortController().signal)) found.push(candidate);
  return found;
}
const names = async (text: string) => (await read(text)).map(({ name }) => name);

describe('standard input', () => {
  test('may be names', async () => {
    assert.deepEqual(await names('dev1\ndev2\n'), ['dev1', 'dev2']);
  });

  test('may be the JSON of an earlier command, in any of its forms, each node once', async () => {
    const replies = [
      { node: 'dev1', outcome: 'ok', data: { address: 5 } },
      { sender: 'dev2', address: { not: 'text' } },
      { identity: 'dev3' },
      { node: 'dev1', outcome: 'failed' },
    ];
    const expected = ['dev2', 'dev3', 'dev1'].sort();
    assert.deepEqual((await names(replies.map((reply) => JSON.stringify(reply)).join('\n'))).sort(), expected);
    for (const value of [replies, { nodes: replies, silent: [] }, { replies }, { outcomes: replies }]) {
      assert.deepEqual((await names(JSON.stringify(value))).sort(), expected);
    }
  });

  test('includes an address', async () => {
    const [candidate] = await read(JSON.stringify([{ name: 'dev1', address: '10.0.0.1', port: 6000, time: 3 }]));
    assert.deepEqual(candidate?.addresses, [{ host: '10.0.0.1', port: 6000 }]);
  });

  test('is refused with neither', async () => {
    await assert.rejects(read('{"nodes": [{"x": 1}]}'), { code: 'bad-nodes' });
    await assert.rejects(read('no name at all\n'), { code: 'bad-nodes' });
  });
});
