import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { temporaryDirectory } from './agent-setup.ts';
import { openssl } from '../openssl.ts';

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
  made ??= makeCertificates();
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

interface Certificates {
  readonly ca: string;
  readonly key: Buffer;
  readonly cert: Buffer;
}

/** Made once a process. */
let made: Promise<Certificates> | undefined;

async function makeCertificates(): Promise<Certificates> {
  const directory = temporaryDirectory();
  const at = (name: string) => join(directory, name);
  const make = async (...args: string[]) => {
    const { ok, output } = await openssl(args);
    if (!ok) throw new Error(output);
  };
  const fresh = (key: string) => ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', at(key)];
  await make('req', '-x509', ...fresh('ca.key'), '-subj', '/CN=test artifacts', '-days', '2', '-out', at('ca.crt'));
  await make('req', ...fresh('server.key'), '-subj', '/CN=artifacts', '-out', at('server.csr'));
  writeFileSync(at('names'), 'subjectAltName=IP:127.0.0.1\n');
  const signed = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-days', '2', '-extfile', at('names')];
  await make('x509', '-req', '-in', at('server.csr'), ...signed, '-out', at('server.crt'));
  return { ca: at('ca.crt'), key: readFileSync(at('server.key')), cert: readFileSync(at('server.crt')) };
}
