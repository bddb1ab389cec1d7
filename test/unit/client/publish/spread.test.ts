import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PublishCall } from '../../../../src/client/publish/fleet.ts';
import { type NodeResult, spread } from '../../../../src/client/publish/spread.ts';
import { planWaves } from '../../../../src/client/publish/waves.ts';
import { Problem } from '../../../../src/core/errors.ts';
import { failure, type Outcome, okReply } from '../../../../src/core/request/reply.ts';
import type { FoundNode } from '../../../../src/discovery/findings.ts';
import { mockDelays, someTurns } from '../../../support/mock-delays.ts';
import { testProblem } from '../../../support/test-problem.ts';

const reply = (node: string, data: Record<string, unknown> = {}): Outcome => ({ ...okReply(data), node, elapsed: 0 });
const fault = (node: string, code: string, data: Record<string, unknown> = {}): Outcome => ({
  ...failure(testProblem(code, `${code} at ${node}`)),
  data,
  node,
  elapsed: 0,
});

interface Order {
  readonly holders?: readonly string[];
  readonly nodes?: readonly string[];
  /** What a node replies when it is to fetch from others. */
  readonly fetch?: (node: string, from: readonly string[], attempt: number) => Outcome | Promise<Outcome>;
  readonly prepare?: (node: string) => Outcome | undefined;
  readonly reseed?: (candidates: readonly string[]) => Outcome;
  readonly signal?: AbortSignal;
}

/** Spreads an artifact from one holder over three nodes, on a clock that is moved on until it ends. */
async function run({ holders = ['a'], nodes = ['b', 'c', 'd'], fetch, prepare, reseed, signal }: Order) {
  using delays = mockDelays();
  const attempts = new Map<string, number>();
  const asked: string[] = [];
  const results: NodeResult[] = [];
  const ask: PublishCall = async ({ name }, _action, input) => {
    const attempt = (attempts.get(name) ?? 0) + 1;
    attempts.set(name, attempt);
    const from = (input.sources as unknown as { node: string }[]).map(({ node }) => node);
    asked.push(`${name} from ${from[0]}`);
    return (await fetch?.(name, from, attempt)) ?? reply(name, { sources: [from[0]], received: 1 });
  };
  let ended = false;
  const spreading = spread(planWaves(holders, nodes), {
    nodes: new Map([...holders, ...nodes].map((name) => [name, { name } as FoundNode])),
    addresses: new Map(),
    ask,
    ticket: 't',
    prepare: async ({ name }) => prepare?.(name),
    reseed: async (candidates) => {
      const names = candidates.map(({ name }) => name);
      asked.push(`seed ${names[0]}`);
      return reseed?.(names) ?? reply(names[0] ?? '');
    },
    onResult: (result) => void results.push(result),
    onProgress: () => {},
    since: performance.now(),
    signal: signal ?? new AbortController().signal,
  }).finally(() => {
    ended = true;
  });
  for (let turns = 0; turns < 200 && !ended; turns++) await delays.pass(500);
  assert.ok(ended, `it does not end: ${asked.slice(-5).join('; ')}`);
  await spreading;
  const short = results.map(({ node, outcome, way, code }) => [node, outcome, way, code].filter(Boolean).join(' '));
  return { short: short.sort(), asked, attempts };
}

describe('an artifact that goes from node to node', () => {
  test('reaches every node, each by one copy', async () => {
    const { short, asked } = await run({});
    assert.deepEqual(short, ['b ok copied', 'c ok copied', 'd ok copied']);
    assert.equal(asked.length, 3);
  });

  test('is tried six times on a node with a passing trouble, and once with one of its own', async () => {
    for (const [code, count] of [
      ['busy', 6],
      ['no-response', 6],
      ['stopping', 6],
      ['timeout', 6],
      ['policy-denied', 1],
      ['bad-checksum', 1],
      ['no-space', 1],
    ] as const) {
      const { short, attempts } = await run({ fetch: (node) => (node === 'b' ? fault(node, code) : reply(node)) });
      assert.equal(attempts.get('b'), count, code);
      assert.deepEqual(short, [`b failed none ${code}`, 'c ok copied', 'd ok copied'], code);
    }
  });

  test('needs another ticket of a node that was restarted, which may refuse it', async () => {
    const accepted = await run({
      fetch: (node, _from, attempt) => (node === 'b' && attempt === 1 ? fault(node, 'unknown-ticket') : reply(node)),
    });
    assert.deepEqual(accepted.short, ['b ok copied', 'c ok copied', 'd ok copied']);
    const refused = await run({
      fetch: (node, _from, attempt) => (node === 'b' && attempt === 1 ? fault(node, 'unknown-ticket') : reply(node)),
      prepare: (node) => fault(node, 'policy-denied'),
    });
    assert.deepEqual(refused.short, ['b failed none policy-denied', 'c ok copied', 'd ok copied']);
    assert.equal(refused.attempts.get('b'), 1, 'it is not asked to fetch again');
  });

  test('does not come from a node that two others reject, except where it was only busy', async () => {
    const rejecting =
      (code: string) =>
      (node: string, [from]: readonly string[], attempt: number) =>
        from === 'a' && attempt < 3
          ? fault(node, 'incomplete-artifact', { rejected: [{ node: 'a', code }] })
          : reply(node);
    const bad = await run({ fetch: rejecting('bad-chunk') });
    assert.ok(
      bad.asked.some((line) => line.startsWith('seed')),
      'nobody else has it: it is sent from here again',
    );
    const busy = await run({ fetch: rejecting('busy') });
    assert.ok(!busy.asked.some((line) => line.startsWith('seed')), busy.asked.join('; '));
    for (const { short } of [bad, busy])
      assert.deepEqual(
        short.map((line) => line.slice(0, 4)),
        ['b ok', 'c ok', 'd ok'],
      );
  });

  test('is not sent any more once it is interrupted, and each node has a result', async () => {
    const control = new AbortController();
    const { short, asked } = await run({
      signal: control.signal,
      fetch: async (node) => {
        await someTurns();
        control.abort();
        return reply(node);
      },
    });
    assert.deepEqual(asked, ['b from a']);
    assert.deepEqual(short, ['b ok copied', 'c cancelled none cancelled', 'd cancelled none cancelled']);
    const before = await run({ signal: AbortSignal.abort(), nodes: ['b'] });
    assert.deepEqual([before.asked, before.short], [[], ['b cancelled none cancelled']]);
  });

  test('is sent from here when no node can, and given up after six tries', async () => {
    const sent = await run({ holders: [] });
    assert.equal(sent.asked[0], 'seed b');
    assert.deepEqual(sent.short, ['b ok uploaded', 'c ok copied', 'd ok copied']);
    const many = Array.from({ length: 70 }, (_, index) => `n${index}`);
    const candidates: number[] = [];
    await run({
      ...{ holders: [], nodes: many },
      reseed: (names) => {
        candidates.push(names.length);
        return reply(names[0] ?? '');
      },
    });
    assert.deepEqual(candidates, [64], 'no more nodes are asked what they lack');
    const lost = await run({ holders: [], nodes: ['b'], reseed: ([node = '']) => fault(node, 'no-response') });
    assert.deepEqual(lost.short, ['b failed none no-response']);
    assert.equal(lost.asked.length, 6);
    const refused = new Problem('policy-denied', 'no');
    const denied = await run({
      ...{ holders: [], nodes: ['b'] },
      reseed: ([node = '']) => ({ ...failure(refused), node, elapsed: 0 }),
    });
    assert.deepEqual([denied.asked.length, denied.short], [1, ['b failed none policy-denied']]);
  });
});
