import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, test } from 'node:test';
import { Problem } from '../../../../src/core/errors.ts';
import type { Identity } from '../../../../src/core/identity.ts';
import type { ArtifactHolder } from '../../../../src/core/publish/holder.ts';
import type { FetchEvent } from '../../../../src/core/wire/messages.ts';
import { type Admit, artifactHandlers } from '../../../../src/transport/artifacts/handlers.ts';
import { statusOf } from '../../../../src/transport/status.ts';
import { someTurns } from '../../../support/mock-delays.ts';

const peer: Identity = { kind: 'node', realm: 'devco.net', name: 'dev3.devco.net' };
type Give = ArtifactHolder['give'];
type Handlers = Record<'Store' | 'Fetch', (...of: unknown[]) => void>;

/** The methods over this keeper of artifacts, and what happens to a call. */
function start(holder: Partial<ArtifactHolder> | undefined, refusal?: Problem) {
  const events: unknown[] = [];
  const admit: Admit = async (_call, kinds) => {
    events.push(`admit ${kinds.join()}`);
    if (refusal !== undefined) throw refusal;
    return { peer, leave: () => events.push('leave') };
  };
  const service = { artifacts: () => holder as ArtifactHolder | undefined };
  const handlers = artifactHandlers(service, admit, statusOf) as unknown as Handlers;
  return { events, ...handlers };
}

const detailsOf = (error: unknown) => (error as { details: string }).details;

describe('a part of an artifact that is sent to a node', () => {
  const store = async (holder: Partial<ArtifactHolder> | undefined, refusal?: Problem) => {
    const { events, Store } = start(holder, refusal);
    const { promise, resolve } = Promise.withResolvers<void>();
    Store({ request: 'a chunk' }, (error: unknown, reply: unknown) => {
      events.push(error === null ? reply : detailsOf(error));
      resolve();
    });
    await promise;
    return events;
  };
  const kept = { store: async (request: unknown, by: Identity) => `${request} of ${by.name}` } as never;

  test('is taken from an operator alone, who leaves at its end', async () => {
    assert.deepEqual(await store(kept), ['admit operator', 'leave', 'a chunk of dev3.devco.net']);
    const refusal = new Problem('wrong-kind', 'only for operators');
    assert.deepEqual(await store(kept, refusal), ['admit operator', 'only for operators']);
  });

  test('frees the place of its sender if it cannot be kept, and where nothing is published', async () => {
    const full = { store: () => Promise.reject(new Problem('no-space', 'the disk is full')) };
    assert.deepEqual(await store(full), ['admit operator', 'leave', 'the disk is full']);
    const none = 'this node does not take published artifacts';
    assert.deepEqual(await store(undefined), ['admit operator', 'leave', none]);
  });
});

describe('an artifact that another node copies', () => {
  /** The stream to a node that has read enough after each event if `reads`. */
  const fetch = (give: Give | undefined, { reads = true, refusal }: { reads?: boolean; refusal?: Problem } = {}) => {
    const { events, Fetch } = start(give === undefined ? undefined : { give }, refusal);
    const ended = Promise.withResolvers<void>();
    const stream = Object.assign(new EventEmitter(), {
      request: 'all',
      write: (event: unknown) => {
        events.push(event);
        return reads;
      },
      end: () => {
        events.push('end');
        ended.resolve();
      },
    });
    stream.on('error', (error) => {
      events.push(detailsOf(error));
      ended.resolve();
    });
    Fetch(stream);
    return { events, stream, ended: ended.promise };
  };
  const [one, two] = ['one', 'two'] as unknown as [FetchEvent, FetchEvent];
  const both: Give = async (_request, _peer, send) => {
    await send(one);
    await send(two);
  };

  test('is for nodes alone, and the stream ends after it', async () => {
    const { events, ended } = fetch(both);
    await ended;
    assert.deepEqual(events, ['admit node', 'one', 'two', 'leave', 'end']);
    const refused = fetch(both, { refusal: new Problem('wrong-kind', 'only for nodes') });
    await refused.ended;
    assert.deepEqual(refused.events, ['admit node', 'only for nodes']);
  });

  test('waits at each part until the other node has read enough', async () => {
    const { events, stream, ended } = fetch(both, { reads: false });
    await someTurns();
    assert.deepEqual(events, ['admit node', 'one']);
    stream.emit('drain');
    await someTurns();
    assert.deepEqual(events, ['admit node', 'one', 'two']);
    stream.emit('drain');
    await ended;
    assert.deepEqual(events.slice(3), ['leave', 'end']);
  });

  test('is not continued for a node that has gone, whether it waits or is about to send', async () => {
    const gone = 'the other node ended the transfer';
    const waiting = fetch(both, { reads: false });
    await someTurns();
    waiting.stream.emit('cancelled');
    await waiting.ended;
    assert.deepEqual(waiting.events, ['admit node', 'one', 'leave', gone]);
    const gate = Promise.withResolvers<void>();
    const late = fetch(async (_request, _peer, send, signal) => {
      await gate.promise;
      assert.equal(signal.aborted, true);
      await send(one);
    });
    await someTurns();
    late.stream.emit('cancelled');
    gate.resolve();
    await late.ended;
    assert.deepEqual(late.events, ['admit node', 'leave', gone]);
  });

  test('frees the place of the other node if it cannot be read, and where nothing is published', async () => {
    const lost = fetch(() => Promise.reject(new Problem('not-published', 'it was removed')));
    await lost.ended;
    assert.deepEqual(lost.events, ['admit node', 'leave', 'it was removed']);
    const none = fetch(undefined);
    await none.ended;
    assert.deepEqual(none.events, ['admit node', 'leave', 'this node does not take published artifacts']);
  });
});
