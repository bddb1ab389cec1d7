import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { describe, test } from 'node:test';
import { Problem } from '../../../../../src/core/errors.ts';
import type { Log, RelayService, RelayUser } from '../../../../../src/core/ports.ts';
import type { ForwardEvent, SealedEvent, SealedRequest } from '../../../../../src/core/wire/messages.ts';
import { reasonWithheld, startForwarder } from '../../../../../src/transport/relay/service/forwarder.ts';
import { relayHandlers } from '../../../../../src/transport/relay/service/handlers.ts';
import { silentLog } from '../../../../support/agents/agent-setup.ts';
import { someTurns } from '../../../../support/mock-delays.ts';

const bytes = Buffer.alloc(0);
const sealed: SealedRequest = { keyId: bytes, ephemeral: bytes, salt: bytes, ciphertext: Buffer.from('x') };
const part: SealedEvent = { sequence: 0, last: false, salt: bytes, ciphertext: Buffer.from('y') };
const ended = (id: number, code = '', message = '') => ({ id, end: { code, message } });

type Forwarded = Parameters<RelayService['forward']>;

/** A forwarder, what it sends, and what reaches the relay; each request waits until a test settles it. */
function start({
  user = (): RelayUser => 'local',
  admit = async (_user: RelayUser, _action: string): Promise<void> => {},
} = {}) {
  const sent: ForwardEvent[] = [];
  const errors: object[] = [];
  const forwarded: { args: Forwarded; answer: PromiseWithResolvers<void> }[] = [];
  const relay: RelayService = {
    admit,
    forward: (...args) => {
      const answer = Promise.withResolvers<void>();
      forwarded.push({ args, answer });
      return answer.promise;
    },
    discover: () => assert.fail('nothing is asked for here'),
  };
  const log: Log = { ...silentLog, error: (fields) => errors.push(fields) };
  const forwarder = startForwarder({ relay, user, log, send: (event) => sent.push(event) });
  const take = async (id: number, more: object = {}) => {
    forwarder.take({ id, target: 'dev1', sealed, drop: false, ...more });
    await someTurns();
  };
  return { forwarder, take, sent, errors, forwarded };
}

describe('a request to a relay', () => {
  test('is passed on for its user, and the parts of its reply are returned under its number', async () => {
    const admitted: unknown[] = [];
    const admit = async (...given: unknown[]) => void admitted.push(given);
    const { take, sent, forwarded, forwarder } = start({ admit });
    await take(7);
    assert.deepEqual(admitted, [['local', 'forward']]);
    const [target, request, user, onEvent, signal] = forwarded[0]?.args ?? assert.fail();
    assert.deepEqual([target, request, user, signal.aborted], ['dev1', sealed, 'local', false]);
    assert.equal(forwarder.running(), 1);
    onEvent(part);
    forwarded[0]?.answer.resolve();
    await someTurns();
    assert.deepEqual(sent, [{ id: 7, event: part }, ended(7)]);
    assert.equal(forwarder.running(), 0);
  });

  test('ends with the last part of its reply, in one message, however it ends', async () => {
    const last = { ...part, last: true };
    const { take, sent, forwarded } = start();
    await take(1);
    await take(2);
    for (const { args } of forwarded) for (const one of [part, last]) args[3](one);
    forwarded[0]?.answer.resolve();
    forwarded[1]?.answer.reject(new Problem('no-response', 'lost'));
    await forwarded[1]?.answer.promise.catch(() => {});
    await new Promise(setImmediate);
    assert.deepEqual(sent, [
      { id: 1, event: part },
      { id: 2, event: part },
      { ...ended(1), event: last },
      { ...ended(2, 'no-response', 'lost'), event: last },
    ]);
  });

  test('waits for no end: the last part is sent in the same turn, and before any other part', async () => {
    const { take, sent, forwarded } = start();
    await take(1);
    const [first, second] = [1, 2].map((sequence) => ({ ...part, sequence, last: true }));
    for (const one of [first, second]) forwarded[0]?.args[3](one as SealedEvent);
    assert.deepEqual(sent, [{ id: 1, event: first }]);
    await new Promise(setImmediate);
    assert.deepEqual(sent.slice(1), [{ id: 1, event: second }]);
    forwarded[0]?.answer.resolve();
    await someTurns();
    assert.deepEqual(sent.slice(2), [ended(1)]);
  });

  test('ends alone if a part of its reply, or the reason for its end, is too long: others share the stream', async () => {
    const most = 4 * 1024 * 1024 - 1024;
    const { take, sent, forwarded } = start();
    for (const id of [1, 2, 3]) await take(id);
    const [whole, large, ended] = forwarded;
    const fits = { ...part, ciphertext: Buffer.alloc(most) };
    whole?.args[3](fits);
    large?.args[3]({ ...part, ciphertext: Buffer.alloc(most), salt: Buffer.alloc(1) });
    assert.equal(large?.args[4].aborted, true);
    large?.answer.reject(new Problem('cancelled', 'the call was cancelled'));
    ended?.answer.reject(new Problem('busy', 'x'.repeat(1025)));
    await someTurns();
    assert.deepEqual(
      sent.map(({ id, event, end }) => [id, event === fits, end?.code, end?.message.length]),
      [
        [1, true, undefined, undefined],
        [2, false, 'too-large', 47],
        [3, false, 'busy', 1024],
      ],
    );
  });

  test('ends as too large also if its target ends the reply as a whole one', async () => {
    const { take, sent, forwarded } = start();
    await take(1);
    forwarded[0]?.args[3]({ ...part, ciphertext: Buffer.alloc(4 * 1024 * 1024) });
    forwarded[0]?.answer.resolve();
    await someTurns();
    assert.deepEqual(
      sent.map(({ id, end }) => [id, end?.code]),
      [[1, 'too-large']],
    );
  });

  test('is refused if nothing is in it', async () => {
    for (const nothing of [undefined, null]) {
      const { take, sent, forwarded } = start();
      await take(7, { sealed: nothing });
      assert.deepEqual([sent, forwarded], [[ended(7, 'malformed-message', 'the request is missing')], []]);
    }
  });

  test('is refused if its number is in use: the first request keeps it', async () => {
    const { take, sent, forwarded, forwarder } = start();
    await take(7);
    await take(7, { target: 'dev2' });
    assert.deepEqual([forwarded.length, forwarder.running(), sent], [1, 1, []]);
    forwarded[0]?.answer.resolve();
    await someTurns();
    await take(7, { target: 'dev2' });
    assert.equal(forwarded.length, 2, 'it is free once the first has ended');
  });

  test('is refused beyond 4096 that wait, until one of them has ended', async () => {
    const { take, sent, forwarded, forwarder } = start();
    for (let id = 1; id < 4096; id++) forwarder.take({ id, target: 'dev1', sealed, drop: false });
    await take(4096);
    assert.deepEqual([forwarded.length, sent], [4096, []]);
    await take(4097);
    assert.deepEqual(sent, [ended(4097, 'busy', '4096 requests wait in this stream already')]);
    forwarded[0]?.answer.resolve();
    await someTurns();
    await take(4098);
    assert.equal(forwarded.length, 4097);
  });
});

describe('a user of a relay', () => {
  test('is proven for each request, and none is passed on for one that is not', async () => {
    let valid = true;
    const user = () => {
      if (valid) return 'local' as const;
      throw new Problem('revoked-certificate', 'it was revoked');
    };
    const { take, sent, forwarded, errors } = start({ user });
    await take(1);
    valid = false;
    await take(2);
    assert.deepEqual(sent, [ended(2, 'revoked-certificate', 'it was revoked')]);
    assert.deepEqual([forwarded.length, errors], [1, []]);
  });

  test('needs the right to forward', async () => {
    const admit = async () => {
      throw new Problem('policy-denied', 'it may not');
    };
    const { take, sent, forwarded } = start({ admit });
    await take(1);
    assert.deepEqual([sent, forwarded], [[ended(1, 'policy-denied', 'it may not')], []]);
  });

  test('gives up a request: it is cancelled, and its number is free', async () => {
    const { take, sent, forwarded, forwarder } = start();
    await take(1);
    await take(2);
    await take(1, { drop: true });
    const [first, second] = forwarded.map(({ args }) => args[4]);
    assert.deepEqual([first?.aborted, second?.aborted], [true, false]);
    const why: Problem = first?.reason;
    assert.deepEqual([why.code, why.message], ['cancelled', 'the caller gave it up']);
    forwarded[0]?.answer.reject(why);
    await someTurns();
    assert.deepEqual([sent, forwarder.running()], [[ended(1, 'cancelled', 'the caller gave it up')], 1]);
    await take(9, { drop: true });
    assert.equal(forwarded.length, 2, 'a number that is not in use needs nothing');
  });

  test('gives up a request before it was passed on: it never is', async () => {
    const admitted = Promise.withResolvers<void>();
    const { take, sent, forwarded } = start({ admit: () => admitted.promise });
    await take(1);
    await take(1, { drop: true });
    admitted.resolve();
    await someTurns();
    assert.deepEqual([sent, forwarded], [[ended(1, 'cancelled', 'the caller gave it up')], []]);
  });

  test('leaves: all its requests are cancelled, and a later one with the same number is not lost with them', async () => {
    const { take, forwarded, forwarder } = start();
    await take(1);
    await take(2);
    forwarder.end();
    assert.equal(forwarder.running(), 0);
    assert.deepEqual(
      forwarded.map(({ args }) => args[4].reason.code),
      ['cancelled', 'cancelled'],
    );
    await take(1);
    forwarded[0]?.answer.resolve();
    await someTurns();
    assert.equal(forwarder.running(), 1);
  });
});

describe('the reason why a relay withholds a reply', () => {
  test('is a problem as it is, and a fault of the disk by its name', () => {
    assert.deepEqual(reasonWithheld(new Problem('unknown-target', 'no connection')), {
      code: 'unknown-target',
      message: 'no connection',
    });
    const full = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write', path: '/x', errno: -28 });
    assert.notEqual(reasonWithheld(full).code, 'internal');
  });

  test('has at most 1,024 characters in its code, and in its message', () => {
    const long = (length: number) => new Problem('x'.repeat(length) as 'busy', 'y'.repeat(length));
    for (const length of [1023, 1024, 1025]) {
      const { code, message } = reasonWithheld(long(length));
      assert.deepEqual([code.length, message.length], [Math.min(length, 1024), Math.min(length, 1024)]);
    }
  });

  test('has no detail of anything else, which is logged', async () => {
    const { take, sent, errors, forwarded } = start();
    await take(1);
    const bug = new TypeError('a secret of the code');
    forwarded[0]?.answer.reject(bug);
    await someTurns();
    assert.deepEqual([sent, errors], [[ended(1, 'internal')], [{ err: bug }]]);
  });
});

describe('a user of a relay that does not read', () => {
  test('loses its stream when more than 64 MiB wait for it, and not before', async () => {
    let onEvent: (event: SealedEvent) => void = () => {};
    const relay: RelayService = {
      admit: async () => {},
      forward: (...[, , , event, signal]: Forwarded) => {
        onEvent = event;
        return once(signal, 'abort').then(() => {});
      },
      discover: () => assert.fail('nothing is asked for here'),
    };
    const { Forward } = relayHandlers(relay, () => 'local', silentLog) as unknown as Record<
      string,
      (stream: object) => void
    >;
    const sent: (() => void)[] = [];
    const stream = Object.assign(new EventEmitter(), {
      ...{ cancelled: false, destroyed: false, writableEnded: false },
      write: (_event: unknown, done: () => void) => void sent.push(done),
    });
    const faults: unknown[] = [];
    stream.on('error', (fault) => faults.push(fault.details));
    Forward?.(stream);
    stream.emit('data', { id: 1, target: 'dev1', sealed, drop: false });
    await someTurns();
    // With the 512 bytes that each takes besides, 64 of them are 64 MiB.
    // Whichever field they are in: a hostile node chose all of them.
    const large = { ...part, salt: Buffer.alloc(1024 * 1024 - 1512), ciphertext: Buffer.alloc(1000) };
    for (let count = 0; count < 64; count++) onEvent(large);
    assert.deepEqual([sent.length, faults.length], [64, 0]);
    sent[0]?.();
    onEvent(large);
    assert.deepEqual([sent.length, faults.length], [65, 0]);
    onEvent(part);
    assert.deepEqual([sent.length, faults], [66, ['the replies are not read']]);
    for (const state of ['destroyed', 'cancelled', 'writableEnded'] as const) {
      stream[state] = true;
      onEvent(part);
      stream[state] = false;
    }
    assert.equal(sent.length, 66, 'nothing is written to a stream that is gone');
  });
});
