import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { agents } from '../../src/agents/index.ts';
import { type Authority, makeAuthority } from '../../src/ca/x509/authority.ts';
import { deliver } from '../../src/ca/delivery.ts';
import { signCertificate } from '../../src/ca/issue.ts';
import { makeKeyPair } from '../../src/ca/x509/keys.ts';
import type { Identity } from '../../src/core/identity.ts';
import { startDaemon } from '../../src/daemon/daemon.ts';
import { version } from '../../src/version.ts';

/** A fleet of two nodes, on loopback, for the program to be run against while it is built: a relay, and one that it does not know. Each command ends with 0. */
export interface Rehearsal {
  /** Each calls the relay alone: over its socket, and over TLS. */
  readonly relayed: readonly (readonly string[])[];
  /** Calls both nodes, one over the relay's socket and one directly. */
  readonly call: readonly string[];
  /** What people type often, on both nodes: the code of what these run is recorded. */
  readonly commands: readonly (readonly string[])[];
  readonly env: Readonly<Record<'HOME', string>>;
  /** Ends the node and removes all that it took. */
  readonly stop: () => Promise<void>;
}

const address = '127.0.0.1';
const allowCaller = 'policy default deny\nallow\tcert=caller\t*\t*\t*\n';
const day = 24 * 60 * 60 * 1000;

/** In its own directory with a short path, wherever the build is: that of a socket has 107 bytes at most. */
export async function startRehearsal(): Promise<Rehearsal> {
  const place = await mkdtemp(join(tmpdir(), 'mco-rehearsal-'));
  const authority = await makeAuthority('rehearsal', Date.now());
  const socket = join(place, 'relay.sock');
  const relay = await startNode(join(place, 'relay'), 'relay.rehearsal', authority, { relay: { socket } });
  const node = await startNode(join(place, 'node'), 'node.rehearsal', authority, {});
  await settle(join(place, '.config/mco-deploy'), { kind: 'operator', name: 'caller' }, authority, {
    'client.yaml': stringify({ relay_socket: socket, discovery: { method: 'file', file: 'nodes.json' } }),
    'nodes.json': JSON.stringify([relay, node].map(({ name, port }) => ({ name, address, port }))),
  });
  const call = ['rpc', 'rpcutil', 'ping'];
  const remote = ['--via', `${relay.name}=${address}:${relay.port}`];
  const alone = ['--with-identity', relay.name];
  return {
    relayed: [
      [...call, ...alone],
      [...call, ...alone, ...remote],
    ],
    call,
    commands: [['ping'], call, [...call, '--dm', 'cache', '--json'], [...call, ...remote]],
    env: { HOME: place },
    stop: async () => {
      await Promise.all([relay.stop(), node.stop()]);
      await rm(place, { recursive: true });
    },
  };
}

/** Starts a node that the operator may call. @param more settings of node.yaml */
async function startNode(directory: string, name: string, authority: Authority, more: object) {
  await settle(directory, { kind: 'node', name }, authority, {
    'node.yaml': stringify({
      listen: { address, port: 0 },
      discovery: { mdns: false },
      audit: { file: 'audit.jsonl' },
      state: 'state',
      log: { level: 'silent' },
      agents: { rpcutil: {} },
      ...more,
    }),
    'policies/rpcutil.policy': allowCaller,
    'policies/relay.policy': allowCaller,
  });
  const { port, stop } = await startDaemon({ configFile: join(directory, 'node.yaml'), agents, version });
  return { name, port, stop };
}

/** Makes a directory with what it takes to be in the fleet, and its own files. */
async function settle(
  directory: string,
  { kind, name }: Pick<Identity, 'kind' | 'name'>,
  authority: Authority,
  own: Readonly<Record<string, string>>,
): Promise<void> {
  const { privateKey: key, publicKey } = makeKeyPair();
  const now = Date.now();
  const certificate = await signCertificate(
    { kind, name, publicKey },
    { notBefore: now - day, notAfter: now + day },
    authority,
  );
  const ca = authority.certificate.toString();
  const place = { form: 'directory', path: directory, replace: false } as const;
  await deliver({ kind, name, certificate, issuers: '', key, ca, starting: false }, place, now);
  for (const [file, content] of Object.entries(own)) {
    await mkdir(dirname(join(directory, file)), { recursive: true });
    await writeFile(join(directory, file), content);
  }
}
