import assert from 'node:assert/strict';
import type { Socket } from 'node:dgram';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import type { CiaoService } from '@homebridge/ciao';
import { encode, TRUNCATED_RESPONSE } from 'dns-packet';
import type { Log } from '../../../../src/core/ports.ts';
import { type OpenedResponder, openResponder } from '../../../../src/discovery/mdns/responder.ts';
import { encodeWithNames } from '../../../../src/discovery/mdns/wire/question.ts';
import { type MockedDelays, mockDelays } from '../../../support/mock-delays.ts';

const others = Array.from({ length: 70 }, (_, index) => `dev${index + 2}.devco.net`);

/** The two packets of a question that lists these as known. */
function packetsOf(known: readonly string[]): [Buffer, Buffer] {
  const [first, last, ...more] = encodeWithNames(7, [{ kind: 'all' }], known);
  assert.ok(first !== undefined && last !== undefined && more.length === 0);
  return [first, last];
}

/** A question for the node's address, which it answers without a delay. */
const forAddress = (flags: number) => encode({ type: 'query', flags, questions: [{ name: 'mco-1.local', type: 'A' }] });

/** The parts of ciao that send and receive. */
interface Inside {
  readonly server: {
    bindSocket: (socket: Socket) => Promise<void>;
    handleMessage: (name: string, packet: Buffer, from: object, family: string) => void;
    sendOnAllNetworksForService: () => Promise<object[]>;
    sendResponse: (...response: unknown[]) => void;
  };
}

describe('a truncated question', () => {
  let opened: OpenedResponder;
  let service: CiaoService;
  let server: Inside['server'];
  let delays: MockedDelays;
  let replies: number;
  let logged: unknown[];
  const hear = (packet: Buffer) => server.handleMessage('lo', packet, { address: '127.0.0.1', port: 5353 }, 'IPv4');
  /** Longer than any wait for a rest, and then than any delay of a reply. */
  const wait = async () => {
    await delays.pass(500);
    await delays.pass(500);
  };

  beforeEach(async () => {
    replies = 0;
    logged = [];
    const log = { warn: assert.fail, debug: (fields: object, message: string) => logged.push([fields, message]) };
    opened = openResponder([{ name: 'lo', mac: '', container: false }], 'dev1.devco.net', log as unknown as Log);
    server = (opened.responder as unknown as Inside).server;
    // Nothing is received, and of what is sent only the replies count.
    server.bindSocket = async (socket) => void socket.close();
    server.sendOnAllNetworksForService = async () => [{ status: 'fulfilled', interface: 'lo' }];
    await opened.ready;
    mock.method(server, 'sendResponse', () => {
      replies += 1;
    });
    // ciao writes an error there.
    mock.method(console, 'warn', assert.fail);
    mock.method(performance, 'now', () => 1000);
    delays = mockDelays();
    service = opened.responder.createService({
      name: 'dev1.devco.net',
      type: 'mco-deploy',
      port: 1,
      hostname: 'mco-1',
    });
    void service.advertise();
    for (let quarter = 0; quarter < 40; quarter++) await delays.pass(250);
    assert.equal(service.serviceState, 'announced');
  });
  afterEach(async () => {
    const ended = opened.responder.shutdown();
    for (let second = 0; second < 3; second++) await delays.pass(1000);
    await ended;
    delays[Symbol.dispose]();
    mock.restoreAll();
  });

  test('whose rest does not come is answered after the wait, once', async () => {
    const [first] = packetsOf(others);
    hear(first);
    await delays.pass(399);
    await delays.pass(0);
    assert.equal(replies, 0);
    await wait();
    assert.equal(replies, 1);
    await wait();
    assert.equal(replies, 1);
  });

  test('of several packets without the last is answered once', async () => {
    hear(forAddress(TRUNCATED_RESPONSE));
    hear(forAddress(TRUNCATED_RESPONSE));
    await wait();
    assert.equal(replies, 1);
  });

  test('whose rest comes is answered once', async () => {
    for (const packet of packetsOf(others)) hear(packet);
    await delays.pass(120);
    assert.equal(replies, 1);
    await wait();
    assert.equal(replies, 1);
  });

  test('whose rest lists the node as known is not answered', async () => {
    for (const packet of packetsOf([...others, 'dev1.devco.net'])) hear(packet);
    await wait();
    assert.equal(replies, 0);
  });

  test('is answered although the same address asks again in between and lists the node as known', async () => {
    const [first] = packetsOf(others);
    const [again = assert.fail()] = encodeWithNames(8, [{ kind: 'all' }], ['dev1.devco.net']);
    hear(first);
    hear(again);
    await wait();
    assert.equal(replies, 1);
  });

  test('of an interface that is gone after the wait is only logged', async () => {
    mock.method(server, 'sendResponse', () => {
      throw new Error('no socket');
    });
    hear(forAddress(TRUNCATED_RESPONSE));
    await wait();
    assert.deepEqual(logged, [[{ reason: 'no socket' }, 'a truncated question is not answered']]);
  });
});
