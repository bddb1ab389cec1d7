import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startAskingAgain } from '../../../../src/library/relays/ask-again.ts';

describe('a relay that is asked again for keys', () => {
  test('gets one question for all nodes of a moment, and the next one for later nodes', async () => {
    const asked: string[][] = [];
    const again = startAskingAgain(async (names) => {
      asked.push(names);
      return true;
    });
    await Promise.all(['web1', 'web2', 'web1'].map(again));
    await again('web3');
    assert.deepEqual(asked, [['web1', 'web2'], ['web3']]);
  });

  test('delays no node by another that it has lost', async () => {
    const lost = Promise.withResolvers<void>();
    let isOver = false;
    const again = startAskingAgain(async (_names, onReported) => {
      onReported('web1');
      await lost.promise;
      return false;
    });
    const waiting = again('web2').then((replied) => {
      isOver = true;
      return replied;
    });
    assert.equal(await again('web1'), true);
    assert.equal(isOver, false);
    lost.resolve();
    assert.equal(await waiting, false);
  });
});
