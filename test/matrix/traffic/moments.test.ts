import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { agent, endAll, haproxy, line, webServers } from '../../support/agents/haproxy/haproxy-agent.ts';

afterEach(endAll);

const moments = 30;
const seed = Number(process.env.MCO_TEST_SEED ?? Date.now() % 100_000);

/** Numbers from 0 to 1 that a seed repeats (mulberry32). */
function defineRandom(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Without any command: a reload may have restored that its checks had not passed yet. */
async function becomesReady(balancer: Awaited<ReturnType<typeof agent>>): Promise<boolean> {
  for (let look = 0; look < 100; look++) {
    if ((await balancer.status({ server: 'web1' })).ready) return true;
    await delay(50);
  }
  return false;
}

for (const restoring of [true, false]) {
  for (const which of ['disable', 'enable'] as const) {
    describe(`HAProxy is reloaded at ${moments} random moments of ${which} (restoring ${restoring}, MCO_TEST_SEED=${seed})`, () => {
      test('sends no request to a host that was confirmed to be out, or records the break', async () => {
        const random = defineRandom(seed);
        const web = await webServers(3, 'own');
        const lb = await haproxy(
          web.map((one) => line(one)),
          '',
          { restoring },
        );
        const balancer = await agent([lb.socket], { watch_interval: 0.05, settle: 0.4 });
        const order = { server: 'web1' };
        for (let number = 1; number <= moments; number++) {
          if (which === 'enable') await balancer.disable(order);
          const wait = random() * 250;
          const [called] = await Promise.allSettled([balancer[which](order), delay(wait).then(() => lb.reload())]);
          const where = `moment ${number}, ${wait.toFixed(1)} ms`;
          if (which === 'enable') {
            // It is in, or out: never between, and never out by itself afterwards.
            if (called?.status === 'rejected') await balancer.enable(order);
            assert.ok(await becomesReady(balancer), where);
            continue;
          }
          if (called?.status === 'fulfilled') {
            const since = called.value.hosts[0]?.out_since;
            const served = web[0]?.served();
            for (let request = 0; request < 20; request++) await lb.get().catch(() => {});
            const [server] = (await balancer.status(order)).servers;
            const broken = server?.out_since !== since;
            if (!broken) assert.equal(web[0]?.served(), served, where);
            else assert.ok((server?.breaks?.length ?? 0) > 0, where);
            assert.equal(server?.in_rotation, false, where);
          }
          await balancer.enable(order);
        }
      });
    });
  }
}
