import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { frame, greeting, startFrames } from '../../../../../src/transport/relay/frames/frames.ts';
import { holds, mutated, reached } from '../../../../support/property/property.ts';
import { thrownBy } from '../../../../support/thrown.ts';

const most = 64;

function reader() {
  const messages: string[] = [];
  let greetings = 0;
  const frames = startFrames(
    most,
    () => greetings++,
    (message) => messages.push(message.toString('latin1')),
  );
  return { ...frames, messages, greetings: () => greetings };
}

describe('messages over the socket of a relay', () => {
  test('arrive whole and in order, in chunks of any size', () => {
    const sent = fc.array(fc.uint8Array({ maxLength: most }), { maxLength: 6 });
    holds(
      fc.property(sent, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (messages, cuts) => {
        const bytes = Buffer.concat([greeting, ...messages.map(frame)]);
        const { take, messages: taken, greetings, isWaiting } = reader();
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const end = at + (cuts[turn % cuts.length] ?? 1);
          take(bytes.subarray(at, end));
          at = end;
        }
        if (messages.length > 0) reached();
        assert.deepEqual(
          taken,
          messages.map((message) => Buffer.from(message).toString('latin1')),
        );
        assert.equal(greetings(), 1);
        assert.equal(isWaiting(), false);
      }),
      200,
    );
  });

  test('are refused after another greeting, before anything of them is read', () => {
    const { take, messages } = reader();
    const http2 = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    assert.equal(thrownBy(() => take(http2)).code, 'protocol-error');
    assert.deepEqual(messages, []);
  });

  test('are refused by their length alone, before a byte of them is stored', () => {
    const { take } = reader();
    take(Buffer.concat([greeting, frame(Buffer.alloc(most))]));
    assert.equal(thrownBy(() => take(Buffer.from([0xff, 0xff, 0xff, 0xff]))).code, 'too-large');
    const { take: another } = reader();
    assert.equal(thrownBy(() => another(Buffer.concat([greeting, frame(Buffer.alloc(most + 1))]))).code, 'too-large');
  });

  test('are awaited as long as the greeting or one of them is incomplete', () => {
    const { take, isWaiting } = reader();
    assert.equal(isWaiting(), true);
    take(greeting);
    assert.equal(isWaiting(), false);
    take(Buffer.from([0]));
    assert.equal(isWaiting(), true);
    take(Buffer.from([0, 0, 2, 1]));
    assert.equal(isWaiting(), true);
    take(Buffer.from([1]));
    assert.equal(isWaiting(), false);
  });

  test('never make the reader store more than a message, for any bytes', () => {
    const good = Buffer.concat([greeting, frame(Buffer.from('one')), frame(Buffer.from('two'))]);
    holds(
      fc.property(mutated(good), (bytes) => {
        reached();
        const { take, messages } = reader();
        try {
          take(bytes);
        } catch (error) {
          assert.match(String((error as { code?: string }).code), /^(protocol-error|too-large)$/);
        }
        for (const message of messages) assert.ok(message.length <= most);
      }),
    );
  });
});
