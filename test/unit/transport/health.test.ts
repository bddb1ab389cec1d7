import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { after, afterEach, before, beforeEach, describe, mock, test } from 'node:test';
import type { NodeService, TlsState } from '../../../src/core/ports.ts';
import { healthHandlers } from '../../../src/transport/health.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';

let fleet: Fleet;
let rip: Member;
let foreign: Fleet;
let stranger: Member;
before(async () => {
  [fleet, foreign] = await Promise.all([makeFleet(), makeFleet()]);
  [rip, stranger] = await Promise.all([fleet.operator('rip@devco.net'), foreign.operator('eve@devco.net')]);
});
after(() => Promise.all([fleet.remove(), foreign.remove()]));
beforeEach(() => mock.timers.enable({ apis: ['setInterval'] }));
afterEach(() => mock.timers.reset());

type Handlers = Record<'Check' | 'Watch', (...of: unknown[]) => void>;

/** The health of a node, whose trust and state a test may change. */
function start() {
  const node = { isServing: true, inside: 0, turnedAway: [] as string[], trust: fleet.trust };
  const service = {
    isServing: () => node.isServing,
    enter: () => {
      node.inside++;
      return () => node.inside--;
    },
    turnAway: async (_peer: unknown, problem: { code: string }) => void node.turnedAway.push(problem.code),
  } as unknown as NodeService;
  const tls = () => ({ trust: node.trust }) as unknown as TlsState;
  return { node, ...(healthHandlers(service, tls) as unknown as Handlers) };
}

const callOf = (member: Member, service: string) => ({
  request: { service },
  getAuthContext: () => ({ sslPeerCertificate: { raw: member.certificate.raw } }),
});

describe('a question about the health of a node', () => {
  const ask = ({ Check }: Pick<Handlers, 'Check'>, member: Member, service = '') => {
    let said: unknown;
    Check(callOf(member, service), (error: { details: string } | null, reply?: { status: string }) => {
      said = error === null ? reply?.status : error.details;
    });
    return said;
  };

  test('is answered to members of the fleet, about the services that the node has', () => {
    const health = start();
    for (const service of ['', 'mco.v1.Node']) assert.equal(ask(health, rip, service), 'SERVING');
    assert.match(String(ask(health, rip, 'other')), /there is no service “other” here/);
    health.node.isServing = false;
    assert.equal(ask(health, rip), 'NOT_SERVING');
    assert.deepEqual([health.node.inside, health.node.turnedAway], [0, []]);
  });

  test('is refused to others, which is recorded', () => {
    const health = start();
    assert.match(String(ask(health, stranger)), /certificate/);
    assert.deepEqual([health.node.inside, health.node.turnedAway], [0, ['foreign-certificate']]);
  });
});

describe('a client that watches the health of a node', () => {
  const watch = ({ Watch }: Pick<Handlers, 'Watch'>, state: object = {}) => {
    const said: string[] = [];
    const stream = Object.assign(new EventEmitter(), callOf(rip, ''), {
      write: ({ status }: { status: string }) => said.push(status),
      ...state,
    });
    stream.on('error', ({ details }) => said.push(details));
    Watch(stream);
    return { stream, said };
  };

  test('hears of each change once, and has a place until it leaves', () => {
    const health = start();
    const { stream, said } = watch(health);
    mock.timers.tick(3000);
    assert.deepEqual([said, health.node.inside], [['SERVING'], 1]);
    health.node.isServing = false;
    mock.timers.tick(999);
    assert.equal(said.length, 1);
    mock.timers.tick(1);
    assert.deepEqual(said, ['SERVING', 'NOT_SERVING']);
    stream.emit('cancelled');
    assert.equal(health.node.inside, 0);
    health.node.isServing = true;
    mock.timers.tick(3000);
    assert.equal(said.length, 2);
  });

  test('is turned away when its certificate does not hold any more', () => {
    const health = start();
    const { said } = watch(health);
    health.node.trust = foreign.trust;
    mock.timers.tick(1000);
    assert.match(said[1] ?? '', /certificate/);
    assert.deepEqual([health.node.inside, health.node.turnedAway], [0, ['foreign-certificate']]);
    mock.timers.tick(3000);
    assert.equal(said.length, 2);
  });

  test('takes no place if it has left already', () => {
    const health = start();
    for (const state of [{ cancelled: true }, { destroyed: true }]) assert.deepEqual(watch(health, state).said, []);
    mock.timers.tick(3000);
    assert.equal(health.node.inside, 0);
  });
});
