import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { NodeDescription } from '../../../../src/core/wire/messages.ts';
import { type LearnedNode, learn } from '../../../../src/discovery/cache/learn.ts';
import { newCache } from '../../../support/fleet/memory-find.ts';
import { keepingLog } from '../../../support/node/quiet-log.ts';

const at = (host: string) => [{ host, port: 5810 }];

/** What this client learns of one node, sight by sight. */
async function learned(...sights: Partial<LearnedNode>[]) {
  const cache = await newCache();
  const description = {
    version: '0.1.0',
    agents: [],
    classes: [],
    facts: Buffer.from('{}'),
    published: [],
  } as unknown as NodeDescription;
  for (const [index, sight] of sights.entries()) {
    const node = { name: 'dev2', addresses: at('h1'), description, connection: {}, ...sight };
    await learn(cache, [node], [], 1000 + index, keepingLog());
  }
  const [node] = cache.nodes();
  assert.ok(node !== undefined);
  return node;
}

describe('what a client learns of a node', () => {
  test('does not include addresses from a search over a relay, where it was not proven at any', async () => {
    const relayed = { addresses: at('evil'), connection: { path: ['bastion'] } };
    assert.deepEqual((await learned(relayed)).addresses, []);
    assert.deepEqual((await learned({}, relayed)).addresses, at('h1'), 'the one that it proved before');
    assert.deepEqual((await learned(relayed, {})).addresses, at('h1'));
  });

  test('is the role of a relay only from its own certificate, as that is now', async () => {
    const direct = (hasRelayRole: boolean) => ({ connection: { hasRelayRole } });
    const over = { connection: { path: ['bastion'] } };
    for (const [what, sights, expected] of [
      ['a relay', [direct(true)], true],
      ['no relay', [direct(false)], undefined],
      ['seen over another relay since', [direct(true), over], true],
      ['only seen over a relay', [over], undefined],
      ['not a relay any more', [direct(true), direct(false)], undefined],
    ] as const) {
      assert.equal((await learned(...sights)).relays, expected, what);
    }
  });
});
