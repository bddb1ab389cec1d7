import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, test } from 'node:test';
import { encode } from 'dns-packet';
import { openInbox } from '../../../../../src/discovery/mdns/query/inbox.ts';
import type { QuerySocket } from '../../../../../src/discovery/mdns/query/query-sockets.ts';
import { keepingLog } from '../../../../support/node/quiet-log.ts';

const id = 7;

function answerOf(name: string, toQuestion = id): Buffer {
  const data = { port: 5810, target: `${name}.local` };
  return encode({
    type: 'response',
    id: toQuestion,
    flags: 0x400,
    answers: [{ type: 'SRV', name: `${name}._mco-deploy._tcp.local`, data, ttl: 120 }],
  });
}

/** An inbox, and what it hears. */
function listen() {
  const socket = new EventEmitter();
  const asker = { socket, family: 'ipv4', interface: { name: 'eth0' }, second: false } as unknown as QuerySocket;
  const inbox = openInbox([asker], id, keepingLog());
  const hear = (from: string, ...names: string[]) => {
    for (const name of names) socket.emit('message', answerOf(name), { address: from, port: 5353 });
  };
  const read = (isLate = false) => inbox.readSome(isLate).map(({ identity }) => identity);
  return { inbox, hear, read, socket };
}

const flood = Array.from({ length: 100 }, (_, index) => `fake${index}`);

describe('the answers to a question', () => {
  test('are read in turn: thousands from one sender do not delay a node', () => {
    const { hear, read } = listen();
    hear('10.0.0.9', ...flood);
    hear('10.0.0.1', 'dev1');
    assert.deepEqual(read(), ['fake0', 'dev1', 'fake1']);
  });

  test('are those to this question, from a port that only a responder may use', () => {
    const { hear, read, socket } = listen();
    socket.emit('message', answerOf('forged'), { address: '10.0.0.9', port: 5354 });
    socket.emit('message', answerOf('earlier', id + 1), { address: '10.0.0.9', port: 5353 });
    socket.emit('message', Buffer.alloc(1), { address: '10.0.0.9', port: 5353 });
    hear('10.0.0.1', 'dev1');
    assert.deepEqual(read(), ['dev1']);
  });

  test('wait while others arrive if their sender had its turn, and are all read in the end', () => {
    const { inbox, hear, read } = listen();
    hear('10.0.0.9', ...flood);
    read();
    hear('10.0.0.1', 'dev1');
    assert.deepEqual(read(), ['dev1']);
    const rest: string[] = [];
    while (!inbox.isEmpty()) rest.push(...read());
    assert.deepEqual(rest, flood.slice(2));
  });

  test('are read though others arrive when it is late', () => {
    const { hear, read } = listen();
    hear('10.0.0.9', ...flood);
    assert.equal(read(true).length, 16);
  });

  test('count once, and are worth waiting for up to a number for each sender', () => {
    const { inbox, hear, read } = listen();
    hear('10.0.0.9', ...flood, ...flood);
    const all: string[] = [];
    let worth = 0;
    for (; !inbox.isEmpty(); worth += inbox.isWorthWaiting() ? 1 : 0) all.push(...read());
    assert.deepEqual(all, flood);
    assert.equal(worth, Math.ceil((64 - 2) / 16) + 1);
  });
});
