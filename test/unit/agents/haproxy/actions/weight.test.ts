import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type WeightInput, weigh, weightFor } from '../../../../../src/agents/haproxy/actions/weight.ts';
import { actionContext } from '../../../../support/agents/agent-setup.ts';
import { fakeBalancer } from '../../../../support/agents/haproxy/fake-balancer.ts';
import { type FakeHaproxy, fakeHaproxy } from '../../../../support/agents/haproxy/fake-haproxy.ts';

const [dev1, dev2] = ['10.0.0.1', '10.0.0.2'] as const;

async function estate(more: { socket?: string; least?: number } = {}) {
  const fake = fakeHaproxy({
    app: [
      { name: 'web1', ip: dev1, initial: 10 },
      { name: 'web2', ip: dev2, initial: 10 },
    ],
    static: [
      { name: 's1', ip: dev1, port: 82, initial: 3 },
      { name: 's9', ip: '10.0.0.9' },
    ],
  });
  const balancer = await fakeBalancer([fake], { min_available: more.least ?? 1 });
  const set = (input: Partial<WeightInput> = {}, context = actionContext()) =>
    weigh(balancer, { server: dev1, ...input }, context);
  return { fake, balancer, set };
}
const setting = ({ changes }: FakeHaproxy) => changes();

describe('the weight of a host', () => {
  test('is set on all of its lines, and reported as HAProxy then has it', async () => {
    const { fake, set } = await estate();
    const report = await set({ weight: '5' });
    assert.deepEqual(setting(fake), ['set server app/web1 weight 5', 'set server static/s1 weight 5']);
    assert.deepEqual(report, {
      ...{ backend: 'app,static', changed: [dev1], unchanged: [], available: 2 },
      servers: [
        { name: dev1, server: 'app/web1', weight: 5, initial: 10 },
        { name: dev1, server: 'static/s1', weight: 5, initial: 3 },
      ],
    });
  });

  test('is only read if none is given', async () => {
    const { fake, set } = await estate();
    fake.server('app/web2').weight = 7;
    const report = await set({ server: dev2 });
    assert.deepEqual([setting(fake), report.changed, report.unchanged], [[], [], [dev2]]);
    assert.deepEqual(report.servers, [{ name: dev2, server: 'web2', weight: 7, initial: 10 }]);
  });

  test('is a share of each line’s configured weight, rounded down as HAProxy does', async () => {
    const { fake, set } = await estate();
    await set({ weight: '50%' });
    assert.deepEqual([fake.server('app/web1').weight, fake.server('static/s1').weight], [5, 1]);
    for (const [initialWeight, weight, expected] of [
      [10, '25%', 2],
      [100, '255%', 255],
      [200, '129%', 256],
      [10, '256', 256],
      [10, '0%', 0],
    ] as const)
      assert.equal(weightFor({ initialWeight }, weight), expected, `${weight} of ${initialWeight}`);
  });

  test('is set only for hosts with a different one on one of their lines', async () => {
    const { fake, set } = await estate();
    fake.server('static/s1').weight = 10;
    const report = await set({ server: `${dev1},${dev2}`, weight: '10' });
    assert.deepEqual([report.changed, report.unchanged, setting(fake)], [[], [dev1, dev2], []]);
    fake.server('static/s1').weight = 9;
    assert.deepEqual((await set({ server: `${dev1},${dev2}`, weight: '10' })).changed, [dev1]);
    assert.deepEqual(setting(fake), ['set server app/web1 weight 10', 'set server static/s1 weight 10']);
  });

  for (const weight of ['257', '300%', '-1', '1.5', '', 'x', '0x1', '1000', '5 %'])
    test(`is not “${weight}”: no call is made`, async () => {
      const { fake, set } = await estate();
      await assert.rejects(set({ weight }), { code: 'bad-weight', message: `“${weight}” is not a valid weight` });
      assert.deepEqual(fake.asked, []);
    });

  for (const weight of ['0', '256', '256%', '007'])
    test(`may be “${weight}”`, async () => {
      const { set } = await estate({ least: 0 });
      assert.equal((await set({ weight, backend: 'app' })).changed.length, 1);
    });
});

describe('a weight of 0', () => {
  test('is refused if it would leave too few servers, and nothing is changed', async () => {
    const { fake, set } = await estate({ least: 2 });
    for (const weight of ['0', '9%'])
      await assert.rejects(set({ weight, backend: 'app' }), { code: 'too-few-servers' }, weight);
    assert.deepEqual(setting(fake), []);
    assert.equal((await set({ weight: '0', backend: 'app', min_available: 1 })).available, 1);
    assert.equal((await set({ weight: '10%', backend: 'app' })).available, 2);
  });

  test('is refused if the call gives a higher minimum than the configuration', async () => {
    const { set } = await estate({ least: 0 });
    await assert.rejects(set({ weight: '0', min_available: 2 }), { code: 'too-few-servers' });
  });
});

describe('a dry run', () => {
  test('reports what would change and what would be left, and changes nothing', async () => {
    const { fake, set } = await estate();
    const report = await set({ weight: '0' }, actionContext({ dryRun: true }));
    assert.deepEqual([report.changed, report.available, setting(fake)], [[dev1], 1, []]);
    assert.deepEqual(report.servers[0]?.weight, 10, 'as it is now');
    assert.equal((await set({ weight: '5' }, actionContext({ dryRun: true }))).available, 2);
  });
});

describe('a weight that HAProxy rejects', () => {
  test('is reported with the lines, and all weights are restored', async () => {
    const { fake, set } = await estate();
    fake.onCommand = (command) => {
      if (command === 'show stat static 6 -1') fake.server('static/s1').weight = 9;
    };
    await assert.rejects(set({ weight: '5' }), {
      code: 'weight-not-set',
      message: /^static\/s1 did not take the weight 5; put back: app\/web1 to weight 10, static\/s1 to weight 3$/,
    });
    assert.deepEqual([fake.server('app/web1').weight, fake.server('static/s1').weight], [10, 3]);
  });

  test('is reported with what HAProxy refused, and what was set is restored', async () => {
    const { fake, set } = await estate();
    fake.onCommand = (command) => {
      if (command === 'set server static/s1 weight 5') throw new Error('connection lost');
    };
    await assert.rejects(set({ weight: '5' }), {
      code: 'haproxy-failed',
      message: 'connection lost; put back: app/web1 to weight 10, static/s1 to weight 3',
    });
    assert.equal(fake.server('app/web1').weight, 10);
  });

  test('is reported with all lines if one of them is gone', async () => {
    const { fake, set } = await estate();
    fake.onCommand = (command) => {
      if (command === 'show stat static 6 -1') fake.remove('static/s1');
    };
    await assert.rejects(set({ weight: '5' }), {
      code: 'weight-not-set',
      message: /^app\/web1, static\/s1 did not take the weight 5; .*static\/s1 not put back to weight 3 at/,
    });
  });
});
