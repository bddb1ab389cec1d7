import type { Runtime } from '../../../../src/agents/haproxy/runtime/runtime.ts';
import type { BackendView } from '../../../../src/agents/haproxy/servers/backend.ts';
import type { Server } from '../../../../src/agents/haproxy/servers/server.ts';
import { inRotation } from '../../../../src/agents/haproxy/servers/state.ts';

/** A server that is up and takes traffic, save for what is said otherwise. */
export const server = (name: string, fields: Partial<Server> = {}): Server => ({
  name,
  ip: '',
  port: 80,
  address: fields.ip === undefined ? '' : `${fields.ip}:${fields.port ?? 80}`,
  fqdn: '',
  tracked: '',
  status: 'UP',
  check: '',
  sessions: 0,
  total: 0,
  changedAgo: 0,
  weight: 1,
  initialWeight: 1,
  backup: false,
  checked: true,
  checking: false,
  health: 2,
  top: 2,
  operational: 2,
  admin: 0,
  agent: { configured: false, enabled: false, asking: false, status: '', words: '', health: 1 },
  ...fields,
});

const runtime = (name: string): Runtime => ({ name, ask: async () => '' });
const runtimes = new Map<string, Runtime>();

/** A backend of one process, whose own count agrees. */
export function backendView(backend: string, servers: readonly Server[], socket = '/run/haproxy.sock'): BackendView {
  const own = runtimes.get(socket) ?? runtime(socket);
  runtimes.set(socket, own);
  const usable = (backup: boolean) => servers.filter((one) => one.backup === backup && inRotation(one)).length;
  return { runtime: own, backend, servers, active: usable(false), backups: usable(true) };
}
