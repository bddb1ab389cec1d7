import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Problem } from '../../../../src/core/errors.ts';
import type { DiscoverEvent, DiscoverRequest, SignedKey } from '../../../../src/core/wire/messages.ts';
import { startOtherRelays } from '../../../../src/daemon/relay/other-relays.ts';
import type { Pool } from '../../../../src/daemon/relay/pool.ts';

type Discover = (
  request: DiscoverRequest,
  onNode: (event: DiscoverEvent) => void,
  signal: AbortSignal,
) => Promise<void>;

const key: SignedKey = { key: Buffer.alloc(100), signature: Buffer.alloc(100), chain: [Buffer.alloc(800)] };
const all: DiscoverRequest = { timeout: 0, names: [] };
const event = (node: string, reached = true): DiscoverEvent => ({
  node,
  path: [],
  lastHeard: 1,
  ...(reached && { key }),
});

/** Other relays by name, each with what it reports now; one without a report is not connected. */
function start(reports: Map<string, readonly DiscoverEvent[] | Discover | undefined>, longestAnswer?: number) {
  const answer = async (name: string, ...[request, onNode, signal]: Parameters<Discover>) => {
    const report = reports.get(name);
    if (typeof report === 'function') return await report(request, onNode, signal);
    for (const one of report ?? []) if (request.names.length === 0 || request.names.includes(one.node)) onNode(one);
  };
  const pool = {
    names: () => [...reports.keys()],
    warm: (name: string) =>
      reports.get(name) && {
        key,
        connection: { relay: { discover: (...asked: Parameters<Discover>) => answer(name, ...asked) } },
      },
  } as unknown as Pool;
  const others = startOtherRelays(pool, longestAnswer);
  const ask = async (request = all, most = 60_000) => {
    const heard: string[] = [];
    await others.ask(
      request,
      ({ node }, relay) => heard.push(`${node} of ${relay}`),
      most,
      new AbortController().signal,
    );
    return heard;
  };
  return { ask, to: (node: string) => others.to(node)?.name };
}

describe('other relays', () => {
  test('lead to a node while one of those that reported it is connected', async () => {
    const reports = new Map([
      ['east', [event('web1'), event('web2')]],
      ['west', [event('web1'), event('web3')]],
    ] as [string, DiscoverEvent[] | undefined][]);
    const { ask, to } = start(reports);
    assert.deepEqual(await ask(), ['web1 of east', 'web2 of east', 'web1 of west', 'web3 of west']);
    assert.deepEqual(['web1', 'web2', 'web3', 'web4'].map(to), ['east', 'east', 'west', undefined]);
    reports.set('east', undefined);
    assert.deepEqual(['web1', 'web2', 'web3'].map(to), ['west', undefined, 'west']);
    // Connected again, it need not be asked first.
    reports.set('east', [event('web2')]);
    assert.deepEqual(['web1', 'web2'].map(to), ['east', 'east']);
  });

  test('do not lead to a node that they left out of their list, or of the nodes that they were asked for', async () => {
    const reports = new Map([['east', [event('web1'), event('web2'), event('dark1', false)]]]);
    const { ask, to } = start(reports);
    await ask();
    assert.deepEqual(['web1', 'web2', 'dark1'].map(to), ['east', 'east', undefined]);
    reports.set('east', [event('web2', false)]);
    await ask({ timeout: 0, names: ['web2'] });
    assert.deepEqual(['web1', 'web2'].map(to), ['east', undefined]);
    await ask();
    assert.equal(to('web1'), undefined);
  });

  test('keep what is asked at the same time together', async () => {
    const first = Promise.withResolvers<void>();
    const slow: Discover = async ({ names }, onNode) => {
      if (names.length > 0) return onNode(event('web2'));
      await first.promise;
      onNode(event('web1'));
      onNode(event('web2'));
    };
    const { ask, to } = start(new Map([['east', slow]]));
    const whole = ask();
    await ask({ timeout: 0, names: ['web2'] });
    first.resolve();
    await whole;
    assert.deepEqual(['web1', 'web2'].map(to), ['east', 'east']);
  });

  test('are read no longer than a limit, whatever they make up, and names that are none are not passed on', async () => {
    let reported = 0;
    const endless: Discover = async (_request, onNode, signal) => {
      while (!signal.aborted) onNode(event(reported++ % 2 === 0 ? `web${reported}` : 'NO NAME'));
      throw new Problem('cancelled', 'it was cancelled');
    };
    const { ask, to } = start(new Map([['east', endless]]), 100_000);
    const heard = await ask();
    assert.ok(heard.length > 10 && reported < 100, `${heard.length} of ${reported}`);
    assert.ok(!heard.includes('NO NAME of east'));
    assert.equal(to('web1'), 'east');
  });

  test('do not hinder each other by a failure, or by taking too long', async () => {
    const broken: Discover = async () => {
      throw new Problem('no-response', 'it broke');
    };
    const silent: Discover = (_request, _onNode, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Problem('cancelled', 'it was cancelled')));
      });
    const reports = new Map<string, DiscoverEvent[] | Discover>([
      ['east', broken],
      ['north', silent],
      ['west', [event('web1')]],
    ]);
    assert.deepEqual(await start(reports).ask(all, 1), ['web1 of west']);
  });
});
