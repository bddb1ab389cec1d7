import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { protocol } from '#protocol';
import type { SignedRequest } from '../../../src/core/wire/messages.ts';
import type { Fleet, Member } from '../fleet/fleet.ts';
import type { TestNode } from '../node/node.ts';

/** Connections to a node below gRPC, for clients that misbehave there. */

export function openTcp({ daemon }: TestNode): Socket {
  return connectTcp({ host: '127.0.0.1', port: daemon.port }).on('error', () => {});
}

export function openTls(fleet: Fleet, { name, daemon }: TestNode, member: Member): TLSSocket {
  return connectTls({ host: '127.0.0.1', port: daemon.port, ...proofOf(fleet, name, member) }).on('error', () => {});
}

/** @param window bytes that the server may send on a stream before the client reads */
export function openHttp2(
  fleet: Fleet,
  { name, daemon }: TestNode,
  member: Member,
  window = 65_535,
): ClientHttp2Session {
  const options = { ...proofOf(fleet, name, member), settings: { initialWindowSize: window } };
  return connectHttp2(`https://127.0.0.1:${daemon.port}`, options).on('error', () => {});
}

function proofOf(fleet: Fleet, servername: string, { certificatePem: cert, keyPem: key }: Member) {
  return { ca: fleet.caPem, cert, key, servername, ALPNProtocols: ['h2'] };
}

/** Begins a call and leaves it open: what is written to it, and whether it ends, is the test's business. */
export function beginCall(session: ClientHttp2Session): ClientHttp2Stream {
  const headers = {
    ':method': 'POST',
    ':path': '/mco.v1.Node/Call',
    'content-type': 'application/grpc',
    te: 'trailers',
  };
  return session.request(headers, { endStream: false }).on('error', () => {});
}

/** A request as it stands on the wire, with its length before it. */
export function frameOf(signed: SignedRequest): Buffer {
  const service = protocol['mco.v1.Node'] as unknown as ServiceDefinition;
  const bytes = service.Call?.requestSerialize(signed) ?? Buffer.alloc(0);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** Resolves when a connection is gone, however it went. */
export function ended(connection: Socket | ClientHttp2Session): Promise<void> {
  if (connection.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    if ('resume' in connection) connection.resume();
    connection.once('close', resolve);
  });
}
