import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2';
import type { Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { sealRequest } from '../../../src/core/request/request.ts';
import { askHealth } from '../../support/node/ask-health.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { orderFor, startTestNode, type TestNode } from '../../support/node/node.ts';
import { waiting } from '../../support/agents/probe-agent.ts';
import { beginCall, ended, frameOf, openHttp2, openTcp, openTls } from '../../support/attack/raw-client.ts';
import { until } from '../../support/until.ts';

const { signal } = new AbortController();
const noFilter = { filter: null, facts: [], full: false, peers: false };
const allowAll = { default: 'policy default allow\n' };

let fleet: Fleet;
let rip: Member;
let sue: Member;
let next = 1;

before(async () => {
  fleet = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
  sue = await fleet.operator('sue@devco.net');
});

after(() => fleet.remove());

const start = (limits: string, more: object = {}) =>
  startTestNode(fleet, {
    name: `dev${next++}.devco.net`,
    policies: allowAll,
    config: `limits: { ${limits} }`,
    ...more,
  });

const strangersOn = async (node: TestNode) => {
  const reply = await node.call(rip, { action: 'strangers', input: {} });
  return Number(JSON.parse(reply.data.toString()).strangers);
};

const refusalsOn = async (node: TestNode, code: string) =>
  (await node.records()).filter((record) => record.kind === 'outcome' && record.code === code);

describe('a node with too many calls', () => {
  test('refuses a caller that calls too fast, on every call, and records it once', async () => {
    await using node = await start('rate: 0.001, burst: 5');
    const connection = await node.dial(rip);
    const call = () => connection.call(sealRequest(orderFor(node.name), rip.credentials, Date.now()), () => {}, signal);
    for (let time = 0; time < 5; time++) await call();
    const refused = {
      code: 'rate-limited',
      message: 'cert=rip@devco.net asks for more than 0.001 calls a second here',
    };
    for (let time = 0; time < 50; time++) await assert.rejects(call(), refused);
    const signed = sealRequest(orderFor(node.name), rip.credentials, Date.now());
    await assert.rejects(connection.result(signed, signal), refused);
    await assert.rejects(connection.describe(noFilter, signal), refused);
    await assert.rejects(askHealth(fleet, node, rip), /more than 0.001 calls/);
    connection.close();

    const [outcome, ...more] = await refusalsOn(node, 'rate-limited');
    assert.ok(outcome?.kind === 'outcome');
    assert.deepEqual([outcome.outcome, more.length], ['refused', 0]);
    const intent = (await node.records()).find(({ sequence }) => sequence === outcome.intent);
    assert.ok(intent?.kind === 'intent');
    assert.deepEqual([intent.caller, intent.verdict], ['cert=rip@devco.net', 'rate-limited']);
    assert.equal((await node.call(sue, {})).outcome, 'ok', 'nobody else is kept waiting');
  });

  test('counts a large request as several', async () => {
    await using node = await start('rate: 0.001, burst: 20');
    const text = 'x'.repeat(300_000);
    assert.equal((await node.call(rip, { input: { text } })).code, 'invalid-input', 'it is recorded all the same');
    await assert.rejects(node.call(rip, { input: { text } }), { code: 'rate-limited' });
  });

  test('keeps a revoked caller from filling its audit log, too', async (context) => {
    await using node = await start('rate: 0.001, burst: 3');
    const brief = await fleet.operator('brief@devco.net', { notAfter: Date.now() + 3_600_000 });
    const connection = await node.dial(brief);
    context.mock.timers.enable({ apis: ['Date'], now: Date.parse(brief.certificate.validTo) + 1000 });
    for (let time = 0; time < 30; time++) {
      const signed = sealRequest(orderFor(node.name), brief.credentials, Date.now());
      await assert.rejects(
        connection.call(signed, () => {}, signal),
        { code: 'expired-certificate' },
      );
    }
    connection.close();
    assert.equal((await refusalsOn(node, 'expired-certificate')).length, 4, 'three as they come, then one of all');
  });

  test('refuses a caller whose calls are still running, and accepts it when one has ended', async () => {
    await using node = await start('calls_per_caller: 2');
    const running = [1, 2].map(() => node.call(rip, { action: 'wait', input: {} }));
    await until('two calls of probe.wait', () => waiting.length >= 2, 0);
    await assert.rejects(node.call(rip, {}), { code: 'busy' });
    const [outcome] = await refusalsOn(node, 'busy');
    assert.ok(outcome?.kind === 'outcome' && outcome.outcome === 'refused');
    assert.equal((await node.call(sue, {})).outcome, 'ok');
    waiting.shift()?.();
    await Promise.race(running);
    assert.equal((await node.call(rip, {})).outcome, 'ok');
    waiting.shift()?.();
    await Promise.all(running);
  });

  test('accepts no message beyond a mebibyte, and keeps running', async () => {
    await using node = await start('rate: 100');
    await assert.rejects(node.call(rip, { input: { text: 'x'.repeat(1024 * 1024) } }), { code: 'too-large' });
    assert.equal((await node.call(rip, {})).outcome, 'ok');
  });
});

describe('a node with too many connections', () => {
  test('closes proven connections beyond the limit of one address', async () => {
    await using node = await start('connections_per_address: 3');
    const held = [1, 2, 3].map(() => openTls(fleet, node, rip));
    await Promise.all(held.map((socket) => once(socket, 'secureConnect')));
    await ended(openTls(fleet, node, sue));
    const [first] = held;
    first?.destroy();
    assert.ok((await whenFree(() => strangersOn(node))) >= 1);
    for (const socket of held) socket.destroy();
  });

  test('closes proven connections beyond the total limit', async () => {
    const listen = 'listen: { address: 127.0.0.1, port: 0, max_connections: 2 }';
    await using node = await start('rate: 100', { listen });
    const held = [1, 2].map(() => openTls(fleet, node, rip));
    await Promise.all(held.map((socket) => once(socket, 'secureConnect')));
    await ended(openTls(fleet, node, sue));
    for (const socket of held) socket.destroy();
    assert.ok((await whenFree(() => strangersOn(node))) >= 1);
  });

  for (const limit of ['unproven_connections', 'unproven_per_address']) {
    test(`closes the oldest unproven connection beyond ${limit}, and serves proven callers`, async () => {
      const listen = 'listen: { address: 127.0.0.1, port: 0, max_connections: 1 }';
      await using node = await start(`${limit}: 3, handshake: 120`, { listen });
      const held: Socket[] = [];
      for (let one = 0; one < 3; one++) {
        const socket = openTcp(node);
        await once(socket, 'connect');
        held.push(socket);
      }
      // The fourth without a proof: it takes the place of the oldest, proves itself, and leaves the pool.
      assert.equal((await node.call(rip, {})).outcome, 'ok');
      await ended(held[0] as Socket);
      assert.deepEqual(
        held.map(({ destroyed }) => destroyed),
        [true, false, false],
      );
      for (const socket of held) socket.destroy();
    });
  }

  test('closes connections beyond the limit of one caller, and no other connections', async () => {
    await using node = await start('connections_per_caller: 2');
    const held = [1, 2].map(() => openTls(fleet, node, rip));
    await Promise.all(held.map((socket) => once(socket, 'secureConnect')));
    // The server has counted them once it has answered what came after them.
    assert.equal((await node.call(sue, {})).outcome, 'ok');
    await ended(openTls(fleet, node, rip));
    assert.equal((await node.call(sue, {})).outcome, 'ok');
    for (const socket of held) socket.destroy();
    assert.ok((await whenFree(() => strangersOn(node))) >= 1);
  });
});

describe('a node with slow clients', () => {
  test('does not wait for a handshake that never comes or comes byte by byte', async () => {
    await using node = await start('handshake: 1.5');
    await ended(openTcp(node));
    const loris = openTcp(node);
    await once(loris, 'connect');
    const hello = Buffer.concat([Buffer.from([22, 3, 1, 1, 0, 1, 0, 0, 252, 3, 3]), Buffer.alloc(200)]);
    let sent = 0;
    const drip = setInterval(() => loris.write(hello.subarray(sent, ++sent)), 20);
    await ended(loris);
    clearInterval(drip);
    assert.ok(sent > 1 && sent < hello.length);
    assert.equal(await strangersOn(node), 2);
  });

  test('closes the connection of a client whose request never ends', async () => {
    await using node = await start('stall: 1.5');
    const frame = frameOf(sealRequest(orderFor(node.name), rip.credentials, Date.now()));
    const [silent, halting] = [openHttp2(fleet, node, rip), openHttp2(fleet, node, rip)];
    beginCall(silent);
    const half = beginCall(halting);
    let sent = 0;
    const drip = setInterval(() => half.write(frame.subarray(sent, ++sent)), 20);
    await Promise.all([ended(silent), ended(halting)]);
    clearInterval(drip);
    assert.ok(sent > 1 && sent < frame.length);
    assert.equal((await node.call(rip, {})).outcome, 'ok');
  });

  test('closes the connection of a client that does not read', async () => {
    await using node = await start('stall: 1.5');
    const session = openHttp2(fleet, node, rip, 0);
    const streams = Array.from({ length: 20 }, () => beginCall(session));
    for (const stream of streams) {
      stream.end(frameOf(sealRequest(orderFor(node.name), rip.credentials, Date.now())));
    }
    await ended(session);
    assert.equal((await node.call(rip, {})).outcome, 'ok');
  });

  test('closes a connection that carries no call, even one that never spoke HTTP/2', async () => {
    await using node = await start('idle: 1.5');
    const session = openHttp2(fleet, node, rip);
    const call = beginCall(session);
    call.end(frameOf(sealRequest(orderFor(node.name), rip.credentials, Date.now())));
    assert.equal((await endOf(call))['grpc-status'], '0');
    await Promise.all([ended(session), ended(openTls(fleet, node, rip))]);
  });
});

/** The trailers of a call, or its headers where it has no others. */
function endOf(stream: ClientHttp2Stream): Promise<IncomingHttpHeaders> {
  return new Promise((resolve) => {
    let last: IncomingHttpHeaders = {};
    stream.on('response', (headers) => {
      last = headers;
    });
    stream.on('trailers', (trailers) => {
      last = trailers;
    });
    stream.on('data', () => {});
    stream.on('close', () => resolve(last));
  });
}

/** Asks until there is room for a connection again: when a closed one is counted out is the server's business. */
async function whenFree<T>(ask: () => Promise<T>): Promise<T> {
  let given: { readonly value: T } | undefined;
  await until(
    'room for a connection',
    async () => {
      given = await ask().then(
        (value) => ({ value }),
        () => undefined,
      );
      return given !== undefined;
    },
    50,
  );
  return (given as unknown as { readonly value: T }).value;
}
