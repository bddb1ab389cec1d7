import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ReleaseOptions, releaseLease } from '../../../../src/library/runs/release-lease.ts';
import type { JsonObject } from '../../../../src/core/json.ts';
import { type Outcome, okReply } from '../../../../src/core/request/reply.ts';

const ok = { ...okReply({}), node: '', elapsed: 0 } as Outcome;
const failed = { ...ok, outcome: 'failed', code: 'full', message: 'the disk is full' } as Outcome;

/** Releases on nodes that reply with the given outcomes in turn, and with “ok” from then on. */
async function release(
  fences: ReadonlyMap<string, number | undefined>,
  replies: Readonly<Record<string, readonly Partial<Outcome>[]>> = {},
  more: Partial<ReleaseOptions> = {},
) {
  const [asked, lines, pauses]: [[string, string, JsonObject][], string[], number[]] = [[], [], []];
  const left = new Map(Object.entries(replies).map(([key, some]) => [key, [...some]]));
  const options: ReleaseOptions = {
    ...{ name: 'app/bravo', runId: 'one', ttl: 30, from: 'test', report: (line: string) => lines.push(line) },
    ask: async (node, action, input) => {
      asked.push([node, action, input]);
      return { ...ok, ...left.get(`${node} ${action}`)?.shift(), node };
    },
    pause: async (milliseconds) => pauses.push(milliseconds),
    ...more,
  };
  await releaseLease(options, fences);
  return { asked, lines, pauses };
}

describe('a lease whose number is known', () => {
  test('is released by its number on each node, without another taking', async () => {
    const { asked, lines, pauses } = await release(
      new Map([
        ['dev2', 4],
        ['dev8', 0],
      ]),
    );
    assert.deepEqual(asked, [
      ['dev2', 'release', { name: 'app/bravo', fence: 4 }],
      ['dev8', 'release', { name: 'app/bravo', fence: 0 }],
    ]);
    assert.deepEqual([lines, pauses], [[], []]);
  });

  for (const code of ['stale-lease', 'lease-held'])
    test(`needs no other try after the reply “${code}”: the run does not hold it`, async () => {
      const { asked, lines } = await release(new Map([['dev2', 4]]), { 'dev2 release': [{ ...failed, code }] });
      assert.deepEqual([asked.length, lines], [1, []]);
    });

  test('is released by the same number at each try', async () => {
    const { asked, lines, pauses } = await release(new Map([['dev2', 4]]), { 'dev2 release': [failed, failed] });
    assert.deepEqual(
      asked.map(([, , { fence }]) => fence),
      [4, 4, 4],
    );
    assert.deepEqual(lines, [
      'dev2 did not release the lease “app/bravo”: the disk is full; trying again',
      'the lease “app/bravo” is released now',
    ]);
    assert.deepEqual(pauses, [500, 1000]);
  });
});

describe('a lease that its nodes do not release', () => {
  const always = Array.from({ length: 9 }, () => failed);

  test('is reported with those nodes in order, after the last try', async () => {
    const fences = new Map([
      ['lb1', 1],
      ['dev2', 1],
    ]);
    const { lines } = await release(fences, { 'lb1 release': always, 'dev2 release': always });
    assert.match(lines.at(-1) ?? '', /still held on dev2, lb1; it ends by itself within 30 s; /);
  });

  test('is asked for again only after each pause', async () => {
    const order: string[] = [];
    const pause = async (milliseconds: number) => {
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
      order.push(`paused ${milliseconds}`);
    };
    const ask: ReleaseOptions['ask'] = async (node) => {
      order.push('asked');
      return { ...failed, node };
    };
    await release(new Map([['dev2', 1]]), {}, { pause, ask });
    const pauses = [500, 1000, 2000, 4000].flatMap((milliseconds) => [`paused ${milliseconds}`, 'asked']);
    assert.deepEqual(order, ['asked', ...pauses]);
  });

  test('is asked for the last time within ten seconds', async (context) => {
    for (const [wait, tries] of [
      [10_000, 2],
      [10_001, 1],
    ] as const) {
      let now = 0;
      const clock = context.mock.method(performance, 'now', () => now);
      const pause = async () => {
        now += wait;
      };
      const { asked } = await release(new Map([['dev2', 1]]), { 'dev2 release': always }, { pause });
      clock.mock.restore();
      assert.equal(asked.length, tries, `${wait}`);
    }
  });
});

describe('a lease whose number is not known, since the reply was lost', () => {
  const unknown = new Map([['dev8', undefined]]);

  test('is taken again by the same run, and released by the new number', async () => {
    const { asked, lines } = await release(unknown, { 'dev8 take': [{ data: { fence: 7 } }] });
    assert.deepEqual(asked, [
      ['dev8', 'take', { name: 'app/bravo', ttl: 30, from: 'test' }],
      ['dev8', 'release', { name: 'app/bravo', fence: 7 }],
    ]);
    assert.deepEqual(lines, []);
  });

  test('is not released if another run holds it by now', async () => {
    const { asked, lines } = await release(unknown, { 'dev8 take': [{ ...failed, code: 'lease-held' }] });
    assert.deepEqual([asked.map(([, action]) => action), lines], [['take'], []]);
  });

  test('is not released without a number that the node gave', async () => {
    for (const reply of [{ data: {} }, { data: { fence: '7' } }] as const) {
      const { asked } = await release(unknown, { 'dev8 take': [reply] });
      assert.deepEqual(
        asked.map(([, action]) => action),
        ['take'],
      );
    }
  });

  test('is taken again at the next try if the node fails, whatever number comes with the failure', async () => {
    const { asked, lines, pauses } = await release(unknown, {
      'dev8 take': [{ ...failed, data: { fence: 6 } }, { data: { fence: 7 } }],
    });
    assert.deepEqual(
      asked.map(([, action, { fence = '' }]) => `${action} ${fence}`),
      ['take ', 'take ', 'release 7'],
    );
    assert.deepEqual([lines.length, pauses], [2, [500]]);
  });
});
