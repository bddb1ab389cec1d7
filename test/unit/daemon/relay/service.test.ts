import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Problem } from '../../../../src/core/errors.ts';
import { defineIdentity, type Identity } from '../../../../src/core/identity.ts';
import type { RelayUser } from '../../../../src/core/ports.ts';
import type { SealedEvent, SealedRequest, SignedKey } from '../../../../src/core/wire/messages.ts';
import type { Policies } from '../../../../src/daemon/agents/policies.ts';
import { startBudget } from '../../../../src/daemon/relay/budget.ts';
import type { Pool, WarmPeer } from '../../../../src/daemon/relay/pool.ts';
import { defineRelay, type RelayParts } from '../../../../src/daemon/relay/service.ts';
import { someTurns } from '../../../support/mock-delays.ts';

const bytes = Buffer.alloc(0);
const key: SignedKey = { key: bytes, signature: bytes, chain: [] };
const request: SealedRequest = { keyId: bytes, ephemeral: bytes, salt: bytes, ciphertext: Buffer.alloc(100) };
const part: SealedEvent = { sequence: 0, last: true, salt: bytes, ciphertext: Buffer.from('y') };
const { signal } = new AbortController();
const rip = defineIdentity('operator', 'devco.net', 'rip@devco.net');
const otherRelay = defineIdentity('node', 'devco.net', 'other.devco.net');

/**
 * The relay bastion.devco.net. It is connected to dev1, to dev2 (only after a moment), and to the relay other.devco.net, which has dev9
 * behind it. Each way on notes that it was used.
 * @param answered when a peer replies
 */
function start(more: Partial<RelayParts> = {}, answered: Promise<void> = Promise.resolve()) {
  const ways: string[] = [];
  const counts: string[] = [];
  const asked: object[] = [];
  const passing =
    (way: string) =>
    async (...given: unknown[]) => {
      ways.push(way);
      await answered;
      const onEvent = given.find((one) => typeof one === 'function') as (event: SealedEvent) => void;
      onEvent(part);
    };
  const warm = (connection: object) => ({ key, connection }) as unknown as WarmPeer;
  const relay = {
    forward: passing('dev9 over other'),
    discover: async (_: unknown, onNode: (event: object) => void) => {
      onNode({ node: 'dev9', key, path: ['other.devco.net'], lastHeard: 1 });
      onNode({ node: 'dev8', path: ['other.devco.net'], lastHeard: 1 });
    },
  };
  const peers = new Map([
    ['dev1', warm({ sealed: passing('dev1') })],
    ['other.devco.net', warm({ sealed: passing('other'), relay })],
  ]);
  const pool: Pool = {
    warm: (name: string) => peers.get(name),
    whenWarm: async (name: string) => (name === 'dev2' ? warm({ sealed: passing('dev2') }) : undefined),
    names: () => [...peers.keys()],
    lastHeard: () => 1,
    know: () => {},
  } as unknown as Pool;
  const budget = startBudget({ requests: 2, bytes: 250 });
  const service = defineRelay({
    own: {
      key: () => key,
      sealed: async (_request: unknown, from: unknown, { send, isCongested }: never) => {
        ways.push(`itself as ${(from as Identity).name}`);
        assert.equal((isCongested as () => boolean)(), false);
        (send as (event: SealedEvent) => void)(part);
      },
    } as unknown as RelayParts['own'],
    identity: defineIdentity('node', 'devco.net', 'bastion.devco.net'),
    pool,
    budget,
    policies: {
      allows: async (question: object) => {
        asked.push(question);
        return false;
      },
    } as unknown as Policies,
    known: async () => [],
    count: (what) => counts.push(what),
    now: () => 5,
    ...more,
  });
  const events: SealedEvent[] = [];
  const forward = (target: string, user: RelayUser = rip) =>
    service.forward(target, request, user, (event) => events.push(event), signal);
  const discover = (user: RelayUser = rip) => service.discover({ timeout: 0, names: [] }, user, () => {}, signal);
  return { service, ways, counts, asked, budget, events, forward, discover };
}

describe('the right to use a relay', () => {
  test('needs no policy on the host itself', async () => {
    const { service, asked } = start();
    await service.admit('local', 'forward');
    assert.deepEqual(asked, []);
  });

  test('is the action of the agent relay in a policy: by default nobody has it', async () => {
    const { service, asked } = start();
    const limited = { ...rip, applications: ['shop'] };
    for (const [user, action] of [
      [rip, 'forward'],
      [limited, 'discover'],
    ] as const) {
      await assert.rejects(service.admit(user, action), {
        code: 'policy-denied',
        message: `cert=rip@devco.net may not relay.${action} on bastion.devco.net`,
        hint: 'a policy on the relay would have to allow it (policies/relay.policy)',
      });
    }
    const question = { caller: 'cert=rip@devco.net', agent: 'relay' };
    assert.deepEqual(asked, [
      { ...question, action: 'forward', limited: false },
      { ...question, action: 'discover', limited: true },
    ]);
    const policies = { allows: async () => true } as unknown as Policies;
    await start({ policies }).service.admit(rip, 'forward');
  });
});

describe('a sealed request at a relay', () => {
  test('goes to the relay itself, to a peer, or to one that is just being connected', async () => {
    const { forward, ways, events, counts } = start();
    for (const target of ['bastion.devco.net', 'dev1', 'dev2']) await forward(target);
    assert.deepEqual(ways, ['itself as bastion.devco.net', 'dev1', 'dev2']);
    assert.deepEqual(events, [part, part, part]);
    assert.deepEqual(counts, Array(2).fill('forwarded'), 'what it answers itself was not passed on');
  });

  test('goes over another relay that has listed the target with its key, for operators alone', async () => {
    const { forward, discover, ways, counts } = start();
    const unknown = (target: string) => ({
      code: 'unknown-target',
      message: `bastion.devco.net has no connection to ${target}`,
    });
    await assert.rejects(forward('dev9'), unknown('dev9'), 'nobody has listed it yet');
    await discover(otherRelay);
    await assert.rejects(forward('dev9'), unknown('dev9'), 'another relay is not asked for the nodes of a third');
    await discover();
    for (const user of [rip, 'local'] as const) await forward('dev9', user);
    await assert.rejects(forward('dev9', otherRelay), unknown('dev9'), 'no request passes more than two relays');
    await assert.rejects(forward('dev8'), unknown('dev8'), 'it was listed without a key');
    assert.deepEqual(ways, Array(2).fill('dev9 over other'));
    assert.deepEqual(counts, ['withheld', 'withheld', 'forwarded', 'forwarded', 'withheld', 'withheld']);
  });

  test('counts against the budget until its reply has passed', async () => {
    const answered = Promise.withResolvers<void>();
    const { forward, discover, budget, counts } = start({}, answered.promise);
    await discover();
    const both = ['dev1', 'dev9'].map((target) => forward(target));
    await someTurns();
    assert.deepEqual([budget.used(), counts], [{ requests: 2, bytes: 200 }, []]);
    answered.resolve();
    await Promise.all(both);
    assert.deepEqual([budget.used(), counts], [{ requests: 0, bytes: 0 }, ['forwarded', 'forwarded']]);
  });

  test('counts against the budget until it has ended, well or not', async () => {
    const failing = new Problem('no-response', 'it is gone');
    const fails: RelayParts['own'] = {
      key: () => key,
      sealed: async () => {
        throw failing;
      },
    } as unknown as RelayParts['own'];
    const { forward, budget, counts } = start({ own: fails });
    await assert.rejects(forward('bastion.devco.net'), failing);
    await forward('dev1');
    assert.deepEqual(budget.used(), { requests: 0, bytes: 0 });
    const leave = budget.take(151);
    await assert.rejects(forward('dev1'), { code: 'busy' });
    leave();
    budget.take(150);
    await forward('dev1');
    assert.deepEqual(counts, ['withheld', 'forwarded', 'withheld', 'forwarded']);
  });
});
