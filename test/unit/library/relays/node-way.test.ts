import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Problem, TurnedAway } from '../../../../src/core/errors.ts';
import type { NodeConnection } from '../../../../src/core/ports.ts';
import { startNodeWay } from '../../../../src/library/relays/node-way.ts';
import type { Route } from '../../../../src/library/relays/routes.ts';
import { isProblem } from '../../../support/thrown.ts';

const { signal } = new AbortController();

function routeOver(...path: string[]): Route {
  const link = { name: path[0] ?? '', open: () => assert.fail(), isOpen: () => true, close: () => {} };
  return { link, publicKey: Buffer.alloc(0), path, at: 0 };
}

/** The ways to dev1; what is sent over each is in `sent`. */
function waysTo({ recalled, routes = [] }: { recalled?: Route; routes?: readonly Route[] }) {
  const sent: string[] = [];
  const connection = { name: 'dev1', close: () => sent.push('closed') } as unknown as NodeConnection;
  const ways = startNodeWay('dev1', {
    recalled,
    routes: async () => {
      sent.push('asked');
      return routes;
    },
    direct: async () => connection,
  });
  /** @param fault why the first attempt fails */
  const send = (how: 'over' | 'recalledFirst', fault?: Error, until = signal) => {
    let failure = fault;
    const fail = () => {
      const error = failure;
      failure = undefined;
      if (error !== undefined) throw error;
    };
    return ways[how](
      until,
      async ({ path }) => {
        sent.push(path.join());
        fail();
      },
      async () => {
        sent.push('direct');
        fail();
      },
    );
  };
  return { ways, sent, send };
}

const silent = new Problem('no-response', 'the relay ended the call');

describe('the way to a node behind relays', () => {
  test('is the best of those that relays report', async () => {
    const { ways, sent, send } = waysTo({ routes: [routeOver('near'), routeOver('far', 'farther')] });
    await send('over');
    assert.deepEqual([sent, ways.path()], [['asked', 'near'], ['near']]);
  });

  test('does not exist where no relay reports one, and an earlier command had none', async () => {
    const { sent, send } = waysTo({});
    await assert.rejects(send('over'), isProblem('unreachable', /no relay has a connection to dev1/));
    assert.deepEqual(sent, ['asked']);
  });

  test('leads to the node itself where only an earlier command had one over a relay', async () => {
    const { ways, sent, send } = waysTo({ recalled: routeOver('old') });
    await send('over');
    await assert.rejects(send('over', silent), silent, 'and its connection is closed after a fault, too');
    assert.deepEqual([sent, ways.path()], [['asked', 'direct', 'closed', 'asked', 'direct', 'closed'], []]);
  });

  test('is that of an earlier command for what may arrive twice, and for all else once a reply came over it', async () => {
    const { ways, sent, send } = waysTo({ recalled: routeOver('old'), routes: [routeOver('new')] });
    await send('over');
    assert.deepEqual(ways.path(), ['new']);
    await send('recalledFirst');
    assert.deepEqual(ways.path(), ['old']);
    await send('over');
    assert.deepEqual(sent, ['asked', 'new', 'old', 'old']);
  });

  test('is another one after silence on that of an earlier command, which is not tried again', async () => {
    for (const fault of [silent, new Problem('unreachable', 'the relay is gone')]) {
      const { ways, sent, send } = waysTo({ recalled: routeOver('old'), routes: [routeOver('new')] });
      await send('recalledFirst', fault);
      await send('recalledFirst');
      assert.deepEqual([sent, ways.path()], [['old', 'asked', 'new', 'asked', 'new'], ['new']]);
    }
  });

  test('is not changed by a reply of the node itself, nor when the caller has given up', async () => {
    const control = new AbortController();
    control.abort();
    for (const [fault, until] of [
      [new TurnedAway('no-response', 'the node did not read it'), signal],
      [new Problem('bad-reply', 'not signed'), signal],
      [new Error('unexpected'), signal],
      [silent, control.signal],
    ] as const) {
      const { sent, send } = waysTo({ recalled: routeOver('old'), routes: [routeOver('new')] });
      await assert.rejects(send('recalledFirst', fault, until), fault);
      assert.deepEqual(sent, ['old']);
    }
  });
});
