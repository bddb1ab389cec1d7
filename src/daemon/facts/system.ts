import { arch, cpus, hostname, platform, release, totalmem, version } from 'node:os';
import { hostInterfaces } from '../../core/host/host-interfaces.ts';
import type { JsonObject } from '../../core/json.ts';
import { readDisks } from './disks.ts';
import { read } from './read.ts';
import { readVirtualisation } from './virtualisation.ts';

/** Facts from the operating system: files under /proc, /sys and /etc; no program is run. */
export async function gatherSystemFacts(): Promise<JsonObject> {
  const [os, memory, disks, routes, virtualisation] = await Promise.all([
    read('/etc/os-release').then(distributionIn),
    read('/proc/meminfo').then(memoryIn),
    readDisks(),
    read('/proc/net/route'),
    readVirtualisation(),
  ]);
  const fqdn = hostname();
  const [name = fqdn, ...domain] = fqdn.split('.');
  return {
    hostname: name,
    fqdn,
    domain: domain.join('.'),
    kernel: { name: platform(), release: release(), version: version() },
    os,
    architecture: arch(),
    processors: { count: cpus().length, models: [...new Set(cpus().map(({ model }) => model))] },
    memory,
    disks,
    network: { interfaces: interfacesIn(hostInterfaces()), primary: primaryInterface(routes) },
    virtualisation,
  };
}

/** @param text of os-release(5) */
export function distributionIn(text: string): JsonObject {
  const value = (key: string) => new RegExp(`^${key}="?([^"\n]*)"?$`, 'm').exec(text)?.[1];
  const name = value('ID') ?? platform();
  return {
    name,
    version: value('VERSION_ID') ?? '',
    description: value('PRETTY_NAME') ?? '',
    family: value('ID_LIKE')?.split(' ')[0] ?? name,
  };
}

/** @param text of proc_meminfo(5) */
export function memoryIn(text: string): JsonObject {
  const bytes = (key: string) => Number(new RegExp(`^${key}: +(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0) * 1024;
  return {
    total_bytes: totalmem(),
    available_bytes: bytes('MemAvailable'),
    swap_bytes: bytes('SwapTotal'),
    swap_free_bytes: bytes('SwapFree'),
  };
}

export function interfacesIn(found: ReturnType<typeof hostInterfaces>): JsonObject {
  const named = Object.entries(found).map(([name, addresses = []]) => [
    name,
    { mac: addresses[0]?.mac ?? '', addresses: addresses.map(({ cidr, address }) => cidr ?? address) },
  ]);
  return Object.fromEntries(named);
}

/** The interface of the default route (proc_net(5): a destination and a mask of zeros); empty where there is none. */
export function primaryInterface(routes: string): string {
  const columns = routes.split('\n').map((line) => line.split('\t'));
  return (
    columns.find(([, destination, , , , , , mask]) => destination === '00000000' && mask === '00000000')?.[0] ?? ''
  );
}
