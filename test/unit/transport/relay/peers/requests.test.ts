import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Problem } from '../../../../../src/core/errors.ts';
import type { Identity } from '../../../../../src/core/identity.ts';
import type { NodeService } from '../../../../../src/core/ports.ts';
import type { ForwardEvent, SealedEvent } from '../../../../../src/core/wire/messages.ts';
import { startRequests } from '../../../../../src/transport/relay/peers/requests.ts';
import { type Fleet, type Member, makeFleet } from '../../../../support/fleet/fleet.ts';
import { someTurns } from '../../../../support/mock-delays.ts';
import { keepingLog } from '../../../../support/node/quiet-log.ts';
import { sizeOfRequest } from '../../../../../src/core/sealed/size.ts';
import { sealed } from '../../../../support/relay/local-relay.ts';
import { part } from '../../../../support/relay/sealed-node.ts';

let fleet: Fleet;
let node: Member;
let relay: Member;
before(async () => {
  fleet = await makeFleet();
  [node, relay] = await Promise.all([fleet.node('dev1'), fleet.node('bastion', { relay: true })]);
});
after(() => fleet.remove());

interface Options {
  readonly serve?: NodeService['sealed'];
  readonly enter?: () => void;
  readonly turnAway?: () => Promise<void>;
  readonly from?: Member;
}

/** The requests of a relay to a node, what goes back, and what the node counts and records. */
function start({ serve = echo, enter = () => {}, turnAway = async () => {}, from = relay }: Options = {}) {
  const sent: ForwardEvent[] = [];
  const entered: unknown[] = [];
  const refused: unknown[] = [];
  const log = keepingLog();
  let [inside, congested] = [0, false];
  const service = {
    sealed: serve,
    enter: (peer: Identity, bytes: number) => {
      enter();
      entered.push([peer.name, bytes]);
      inside++;
      return () => void inside--;
    },
    turnAway: async (peer: Identity | undefined, { code }: Problem) => {
      await turnAway();
      refused.push([peer?.name, code]);
    },
  } as unknown as NodeService;
  const tls = () => ({ credentials: node.credentials, trust: fleet.trust });
  const limits = { request: 100, reply: 5, requests: 10 + 2 * sizeOfRequest(sealed('')), unread: 100, stall: 100 };
  const requests = startRequests({ service, tls, log }, from.certificate.raw, limits, {
    send: (event) => void sent.push(event),
    isCongested: () => congested,
  });
  const clog = () => {
    congested = true;
  };
  return { ...requests, sent, entered, refused, log, inside: () => inside, clog };
}

const echo: NodeService['sealed'] = async ({ ciphertext }, _peer, sink) => sink.send(part(Buffer.from(ciphertext)));
const answered = (id: number, event?: SealedEvent) => ({
  id,
  end: { code: '', message: '' },
  ...(event === undefined ? {} : { event }),
});
const refusal = (id: number, code: string, message: string) => ({ id, end: { code, message } });

describe('a sealed request of a relay', () => {
  test('is counted, and answered in parts, the last one with its end', async () => {
    const { serve, sent, entered, inside } = start({
      serve: async (_request, { name }, sink) => {
        sink.send(part('more', false));
        sink.send(part(name.slice(0, 5)));
        sink.send(part('late', false));
      },
    });
    await serve(7, sealed('x'));
    assert.deepEqual(sent, [{ id: 7, event: part('more', false) }, answered(7, part('basti'))]);
    assert.deepEqual([entered, inside()], [[['bastion', 0]], 0]);
  });

  test('ends also if the service sends no last part', async () => {
    const { serve, sent } = start({ serve: async (_request, _peer, sink) => sink.send(part('more', false)) });
    await serve(1, sealed('x'));
    assert.deepEqual(sent, [{ id: 1, event: part('more', false) }, answered(1)]);
  });

  test('keeps its number until its end: another with that number is not served meanwhile', async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const { serve, sent, entered, inside } = start({ serve: async (...args) => held.then(() => echo(...args)) });
    const first = serve(1, sealed('one'));
    await serve(1, sealed('two'));
    assert.deepEqual([sent, entered.length, inside()], [[], 1, 1]);
    release();
    await first;
    await serve(1, sealed('three'));
    assert.deepEqual(sent, [answered(1, part('one')), answered(1, part('three'))]);
  });

  test('is served to its end after it was given up, and nothing of it is sent', async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    let served = 0;
    const { serve, drop, sent } = start({
      serve: async (_request, _peer, sink) => {
        await held;
        for (const isLast of [false, true]) sink.send(part('x', isLast));
        served++;
      },
    });
    const first = serve(1, sealed('one'));
    drop(1);
    release();
    await first;
    assert.deepEqual([sent, served], [[], 1]);
  });

  test('sees whether the relay reads too slowly', async () => {
    const seen: boolean[] = [];
    const { serve, clog } = start({ serve: async (_request, _peer, sink) => void seen.push(sink.isCongested()) });
    await serve(1, sealed('x'));
    clog();
    await serve(1, sealed('x'));
    assert.deepEqual(seen, [false, true]);
  });
});

describe('a sealed request of a relay is refused', () => {
  test('if there is none, and if its reply is too large', async () => {
    const { serve, sent, log } = start();
    await serve(1, undefined);
    await serve(2, null);
    await serve(3, sealed('12345'));
    await serve(4, sealed('123456'));
    assert.deepEqual(sent, [
      refusal(1, 'malformed-message', 'the request is missing'),
      refusal(2, 'malformed-message', 'the request is missing'),
      answered(3, part('12345')),
      refusal(4, 'too-large', 'the reply is too large'),
    ]);
    assert.deepEqual(log.lines, [], 'a refusal is not logged');
  });

  test('if those that are served are too large together: they cannot fill the memory of the node', async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const { serve, sent } = start({
      serve: async ({ ciphertext }) => {
        if (ciphertext[0] === '1'.charCodeAt(0)) await held;
      },
    });
    const first = serve(1, sealed('12345'));
    await serve(2, sealed('234567'));
    assert.deepEqual(sent.splice(0), [refusal(2, 'busy', 'the requests of bastion are too large together')]);
    await serve(2, { ...sealed('2'), salt: Buffer.alloc(32 + 5) });
    assert.deepEqual(sent, [refusal(2, 'busy', 'the requests of bastion are too large together')], 'in any field');
    await serve(3, sealed('23456'));
    assert.deepEqual(sent.slice(1), [answered(3)]);
    release();
    await first;
    await serve(4, sealed('2345678901'));
    assert.deepEqual(sent.slice(2), [answered(1), answered(4)]);
  });

  test('if the relay is not trusted, or its calls are too many: once that is recorded', async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const operator = await fleet.operator('rip');
    const refusedOne = start({ from: operator, turnAway: () => held });
    const asked = refusedOne.serve(1, sealed('x'));
    await someTurns();
    assert.equal(refusedOne.sent.length, 0);
    release();
    await asked;
    assert.deepEqual(refusedOne.refused, [['rip', 'wrong-kind']]);
    assert.deepEqual([refusedOne.sent[0]?.id, refusedOne.sent[0]?.end?.code], [1, 'wrong-kind']);
    const busy = start({
      enter: () => {
        throw new Problem('busy', 'one call runs here');
      },
    });
    await busy.serve(2, sealed('x'));
    assert.deepEqual(busy.sent, [refusal(2, 'busy', 'one call runs here')]);
    assert.deepEqual([busy.refused, busy.inside(), busy.log.lines], [[['bastion', 'busy']], 0, []]);
  });

  test('without detail after a fault, which is logged, and not recorded as a refusal', async () => {
    const fault = () => {
      throw new Error('secret detail');
    };
    for (const faulty of [start({ enter: fault }), start({ serve: async () => fault() })]) {
      await faulty.serve(1, sealed('x'));
      assert.deepEqual(faulty.sent, [refusal(1, 'internal', '')]);
      assert.deepEqual(faulty.log.lines, ['error a sealed request could not be served']);
      assert.deepEqual([faulty.refused, faulty.inside()], [[], 0]);
    }
  });
});
