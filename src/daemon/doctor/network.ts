import { createServer } from 'node:net';
import { explainErrno } from '../../core/errors.ts';
import { noFilter } from '../../core/filter/filter.ts';
import { broken, doubtful, type Finding, fine } from '../../core/finding.ts';
import type { TlsState } from '../../core/ports.ts';
import { findInterfaces, lastingInterfaces, leftOutWarning } from '../../discovery/mdns/interfaces.ts';
import { mdnsSource } from '../../discovery/mdns/source.ts';
import { whoAnswers } from '../../transport/who-answers.ts';
import type { NodeConfig } from '../config/config.ts';
import { silentLog } from '../system/silent-log.ts';

/** Whether the daemon answers at its address, or could; and whether the network hears of it. */
export async function checkNetwork(
  config: NodeConfig,
  state: TlsState | undefined,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const listens = await checkPort(config, state);
  const multicast = await checkMulticast(config, listens.status === 'ok' ? state : undefined, signal);
  return [listens, multicast];
}

async function checkPort({ listen: { address, port } }: NodeConfig, state: TlsState | undefined): Promise<Finding> {
  const where = `port ${port}`;
  const fault = await bindFault(address, port);
  if (fault === undefined) return doubtful('port', `nothing listens on ${where}`, 'start the daemon');
  if (fault.code !== 'EADDRINUSE') {
    return broken('port', `cannot listen on ${address} ${where}: ${explainErrno(fault)}`, 'change “listen”');
  }
  if (state === undefined)
    return doubtful('port', `${where} is in use; what uses it was not checked`, 'correct the certificate first');
  const host = address === '::' || address === '0.0.0.0' ? '127.0.0.1' : address;
  const { name } = state.credentials.identity;
  const problem = await whoAnswers(name, { host, port }, state, 3000);
  if (problem === undefined) return fine('port', `${name} answers on ${where}`);
  return broken('port', `${where} is taken by something else: ${problem.message}`, 'stop it, or change “listen”');
}

function bindFault(host: string, port: number): Promise<NodeJS.ErrnoException | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', resolve);
    server.listen({ host, port }, () => server.close(() => resolve(undefined)));
  });
}

async function checkMulticast(
  { discovery: { mdns, interfaces } }: NodeConfig,
  state: TlsState | undefined,
  signal: AbortSignal,
): Promise<Finding> {
  if (!mdns) return fine('multicast', 'is turned off: nodes are found through a list or DNS');
  const found = findInterfaces(interfaces);
  const names = found.used.map(({ name }) => name);
  if (names.length === 0) {
    return broken(
      'multicast',
      'no interface supports multicast',
      'name one in discovery.interfaces, or set mdns: false',
    );
  }
  const warning = leftOutWarning(found);
  if (warning !== undefined) return doubtful('multicast', warning, 'see discovery.interfaces in docs/daemon.md');
  if (state === undefined) return fine('multicast', `works on ${names.join(', ')}`);
  const { name } = state.credentials.identity;
  const lasting = lastingInterfaces(found.used).map((one) => one.name);
  const heard = await Promise.all(lasting.map((one) => isHeardOn(one, name, signal)));
  const deaf = lasting.filter((_, index) => heard[index] !== true);
  if (deaf.length === 0) return fine('multicast', `${name} is heard on ${names.join(', ')}`);
  return broken('multicast', `${name} is not heard on ${deaf.join(', ')}`, 'let UDP port 5353 through the firewall');
}

/** Asks for the node on one interface: on a host with several, one says nothing about the others. */
async function isHeardOn(one: string, name: string, signal: AbortSignal): Promise<boolean> {
  const source = mdnsSource({ interfaces: [one], timeout: 1500, log: silentLog });
  for await (const candidate of source.discover({ ...noFilter, identities: [name] }, signal)) {
    if (candidate.name === name) return true;
  }
  return false;
}
