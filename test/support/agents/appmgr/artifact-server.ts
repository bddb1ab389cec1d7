import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { makeServerCertificate, type ServerCertificate } from '../../certificates.ts';
import { temporaryDirectory } from '../agent-setup.ts';

/** A web server with a certificate of a test CA that gives the files of a directory, or what a test wants instead. */
export interface ArtifactServer {
  /** `https://127.0.0.1:PORT` */
  readonly url: string;
  /** Paths that were asked for. */
  readonly asked: string[];
  /** The CA's certificate. */
  readonly ca: string;
  /** Answers one file name in its own way. */
  readonly answer: (name: string, how: (response: ServerResponse, content: Buffer) => void) => void;
  readonly stop: () => Promise<void>;
}

export async function startArtifactServer(directory: string): Promise<ArtifactServer> {
  made ??= makeServerCertificate(temporaryDirectory(), 'artifacts');
  const { ca, key, cert } = await made;
  const asked: string[] = [];
  const answers = new Map<string, (response: ServerResponse, content: Buffer) => void>();
  const server = createServer({ key, cert }, (request: IncomingMessage, response) => {
    const name = basename(decodeURIComponent((request.url ?? '').split('?')[0] ?? ''));
    asked.push(request.url ?? '');
    try {
      const content = readFileSync(join(directory, name));
      (answers.get(name) ?? ((to, bytes) => to.setHeader('content-length', bytes.length).end(bytes)))(
        response,
        content,
      );
    } catch {
      response.writeHead(404).end();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // A test that fails before it stops the server must not keep the process alive.
  server.unref();
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    ca,
    answer: (name, how) => answers.set(name, how),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Made once a process. */
let made: Promise<ServerCertificate> | undefined;
