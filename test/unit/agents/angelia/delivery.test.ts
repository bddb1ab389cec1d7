import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { DeliveryFailure } from '../../../../src/agents/angelia/channels/failure.ts';
import { startDelivery } from '../../../../src/agents/angelia/delivery.ts';
import type { Message } from '../../../../src/agents/angelia/message.ts';
import type { Spool } from '../../../../src/agents/angelia/spool.ts';
import { silentLog } from '../../../support/agents/agent-setup.ts';

const retry = { first: 10, longest: 60, age: 3600 };
const turn = async () => {
  for (let n = 0; n < 20; n++) await Promise.resolve();
};

const message = (id: string, more: Partial<Message> = {}): Message => ({
  ...{ id, recipient: 'exec:x', subject: 's', message: 'm', priority: 'normal', caller: 'cert=rip' },
  ...{ acceptedAt: 0, attempts: 0, nextAt: 0, lastError: '' },
  ...more,
});

/** A spool in memory; `breaks` makes the next write fail. */
function spoolOf(messages: readonly Message[]) {
  const queued = new Map(messages.map((one) => [one.id, one]));
  const settled: [Message, number, string][] = [];
  let broken = false;
  const write = () => {
    if (broken) throw new Error('disk');
  };
  const spool = {
    queued,
    put: async (one: Message) => {
      write();
      queued.set(one.id, one);
    },
    settle: async (one: Message, at: number, reason: string) => {
      write();
      settled.push([one, at, reason]);
      queued.delete(one.id);
    },
  } as unknown as Spool;
  const breaks = (is: boolean) => {
    broken = is;
  };
  return { spool, queued, settled, breaks };
}

function start(messages: readonly Message[], send: (one: Message, signal: AbortSignal) => Promise<void>) {
  const made = spoolOf(messages);
  const sent: string[] = [];
  const delivery = startDelivery({
    spool: made.spool,
    retry,
    timeout: 5000,
    log: silentLog,
    send: async (one, signal) => {
      sent.push(one.id);
      await send(one, signal);
    },
  });
  return { ...made, sent, delivery };
}

test('a message is not held up by many of another caller to a receiver that does not answer', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const many = ['1', '2', '3', '4', '5', '6', '7'].map((id) => message(`e${id}`, { caller: 'cert=eve' }));
  const { delivery, sent } = start([...many, message('a1')], () => promise);
  const ends = [...many.map(({ id }) => id), 'a1'].map((id) => delivery.attempt(id));
  resolve();
  assert.deepEqual(
    (await Promise.all(ends)).map(({ kind }) => kind),
    Array(8).fill('delivered'),
  );
  assert.ok(sent.indexOf('a1') <= 5, String(sent));
  await delivery.stop();
});

describe('the delivery of a message', () => {
  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
    mock.method(Math, 'random', () => 1);
  });
  afterEach(() => {
    mock.timers.reset();
    mock.restoreAll();
  });

  test('begins when it is due, also after a restart', async () => {
    const { delivery, sent, settled } = start(
      [message('now'), message('later', { nextAt: 1_002_000 })],
      async () => {},
    );
    mock.timers.tick(0);
    await turn();
    assert.deepEqual(sent, ['now']);
    mock.timers.tick(2000);
    await turn();
    assert.deepEqual(
      settled.map(([{ id }, at, reason]) => [id, at, reason]),
      [
        ['now', 1_000_000, ''],
        ['later', 1_002_000, ''],
      ],
    );
    await delivery.stop();
  });

  test('is repeated after a failure, later each time, and never later than a day', async () => {
    const { delivery, queued, sent } = start([message('a', { acceptedAt: 1_000_000 })], async () => {
      throw new Error('no');
    });
    const waits: number[] = [];
    for (let tries = 1; tries <= 4; tries++) {
      assert.equal((await delivery.attempt('a')).kind, 'waiting');
      const { attempts, nextAt, lastError } = queued.get('a') ?? message('');
      assert.deepEqual([attempts, lastError], [tries, 'Error: no']);
      waits.push(nextAt - Date.now());
    }
    assert.deepEqual(waits, [10_000, 20_000, 40_000, 60_000]);
    mock.timers.tick(59_999);
    await turn();
    assert.equal(sent.length, 4);
    mock.timers.tick(1);
    await turn();
    assert.equal(sent.length, 5);
    await delivery.stop();
    const far = start([message('b', { nextAt: 1_000_000 + 30 * 86_400_000 })], async () => {});
    mock.timers.tick(60_000);
    await turn();
    assert.deepEqual(far.sent, ['b'], 'the clock was set back while it waited');
    await far.delivery.stop();
  });

  test('waits as long as the receiver asks', async () => {
    const { delivery, queued } = start([message('a', { acceptedAt: 1_000_000 })], async () => {
      throw new DeliveryFailure('busy', false, 600_000);
    });
    assert.deepEqual(await delivery.attempt('a'), { kind: 'waiting', reason: 'busy', wait: 600_000 });
    assert.equal(queued.get('a')?.nextAt, 1_600_000);
    await delivery.stop();
  });

  test('ends with a permanent failure, or with one beyond its age', async () => {
    const oldest = 1_000_000 + 10_000 - 3_600_000;
    const messages = [message('fits', { acceptedAt: oldest }), message('old', { acceptedAt: oldest - 1 })];
    const { delivery, settled, queued } = start(
      [...messages, message('bad', { acceptedAt: 1_000_000 })],
      async ({ id }) => {
        throw id === 'bad' ? new DeliveryFailure('no such user', true) : new DeliveryFailure('down', false);
      },
    );
    assert.deepEqual(await delivery.attempt('bad'), { kind: 'dead', reason: 'no such user' });
    assert.deepEqual(await delivery.attempt('old'), { kind: 'dead', reason: 'down' });
    assert.deepEqual(await delivery.attempt('fits'), { kind: 'waiting', reason: 'down', wait: 10_000 });
    assert.deepEqual(
      settled.map(([{ id, attempts }, , reason]) => [id, attempts, reason]),
      [
        ['bad', 1, 'no such user'],
        ['old', 1, 'down'],
      ],
    );
    assert.deepEqual([...queued.keys()], ['fits']);
    await delivery.stop();
  });

  test('is one at a time for each message, and four at a time for all', async () => {
    const held = Promise.withResolvers<void>();
    const ids = ['a', 'b', 'c', 'd', 'e'];
    const { delivery, sent } = start(
      ids.map((id) => message(id)),
      () => held.promise,
    );
    const first = delivery.attempt('a');
    assert.equal(delivery.attempt('a'), first);
    mock.timers.tick(0);
    await turn();
    assert.deepEqual(sent, ['a', 'b', 'c', 'd']);
    held.resolve();
    await first;
    await turn();
    assert.deepEqual(sent, ids);
    await delivery.stop();
  });

  test('is not repeated if only its end could not be written', async () => {
    const { breaks, delivery, sent, settled } = start([message('a')], async () => {});
    breaks(true);
    assert.deepEqual(await delivery.attempt('a'), { kind: 'waiting', reason: 'the spool cannot be written' });
    breaks(false);
    mock.timers.tick(4999);
    await turn();
    assert.equal(settled.length, 0, 'not in a tight loop');
    mock.timers.tick(1);
    await turn();
    assert.deepEqual([sent, settled.length], [['a'], 1]);
    await delivery.stop();
  });

  test('is cut off when the daemon stops, and the message stays as it was', async () => {
    const { delivery, queued, sent } = start(
      [message('a'), message('b', { nextAt: 1_000_100 })],
      (_one, signal) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted')))),
    );
    const trying = delivery.attempt('a');
    await turn();
    await delivery.stop();
    assert.deepEqual(await trying, { kind: 'waiting', reason: 'the daemon is stopping' });
    assert.deepEqual([queued.get('a'), sent], [message('a'), ['a']]);
    mock.timers.tick(100_000);
    await turn();
    assert.deepEqual(sent, ['a'], 'no other one begins');
    assert.equal((await delivery.attempt('b')).kind, 'waiting');
    assert.deepEqual(sent, ['a']);
  });
});
