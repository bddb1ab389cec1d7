import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import type { AppmgrConfig } from '../../../../src/agents/appmgr/config.ts';
import { appmgrConfigSchema } from '../../../../src/agents/appmgr/config.ts';
import { validatorOf } from '../../../../src/core/ddl/validators.ts';
import { temporaryDirectory } from '../agent-setup.ts';
import { type ArchiveEntry, makeTarGz } from './tar-archive.ts';

/** An application “app” on the disk: its root, its artifacts, and the configuration that names both. */
export interface TestApplication {
  readonly root: string;
  readonly artifacts: string;
  readonly config: (more?: object) => AppmgrConfig;
  readonly publish: (revision: string, entries: readonly ArchiveEntry[] | Buffer) => void;
  /** The index.html of `current`, or undefined. */
  readonly served: () => string | undefined;
  /** The revision that `current` names. */
  readonly current: () => string | undefined;
}

export function testApplication(directory = temporaryDirectory()): TestApplication {
  const root = join(directory, 'root');
  const artifacts = join(directory, 'artifacts');
  mkdirSync(root, { recursive: true });
  mkdirSync(artifacts, { recursive: true });
  const attempt = (read: () => string) => {
    try {
      return read();
    } catch {
      return undefined;
    }
  };
  return {
    root,
    artifacts,
    config: (more = {}) => appmgrConfig({ applications: { app: { root, artifacts, ...more } } }),
    publish: (revision, entries) => publish(artifacts, revision, entries),
    served: () => attempt(() => readFileSync(join(root, 'current', 'index.html'), 'utf8')),
    current: () => attempt(() => readlinkSync(join(root, 'current')).replace(/^releases\//, '')),
  };
}

/** A configuration as the daemon would hand it over: checked, defaults filled in. */
export function appmgrConfig(value: object): AppmgrConfig {
  const validate = validatorOf('agent/appmgr/config', appmgrConfigSchema);
  if (!validate(value)) throw new Error(JSON.stringify(validate.errors));
  return value as AppmgrConfig;
}

/** Lays an artifact and its sum where appmgr looks for them. */
export function publish(artifacts: string, revision: string, entries: readonly ArchiveEntry[] | Buffer): void {
  const name = `app-${revision}.tar.gz`;
  const bytes = Buffer.isBuffer(entries) ? entries : makeTarGz(entries);
  writeFileSync(join(artifacts, name), bytes);
  const sum = createHash('sha256').update(bytes).digest('hex');
  writeFileSync(join(artifacts, `${name}.sha256`), `${sum}  ${name}\n`);
}

/** A release that serves its revision and says so at /health. */
export function release(revision: string): ArchiveEntry[] {
  return [
    { path: './', type: '5', mode: 0o755 },
    { path: './index.html', content: `revision ${revision}` },
    { path: './health', content: `ok ${revision}\n` },
  ];
}

/** A web server that asks a function for its answer to /health; closed by its caller. */
export async function startHealthServer(
  answer: () => { status: number; body?: string } | undefined,
): Promise<{ url: string; server: Server; stop: () => Promise<void> }> {
  const server = createServer((_request, response) => {
    const given = answer();
    // Undefined stands for a server that accepts and then says nothing.
    if (given === undefined) return;
    response.writeHead(given.status).end(given.body ?? '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A test that fails before it stops the server must not keep the process alive.
  server.unref();
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${port}/health`, server, stop };
}
