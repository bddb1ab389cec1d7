import { arch, cpus, hostname, platform, release, totalmem, version } from 'node:os';
import { hostInterfaces } from '../../core/host-interfaces.ts';
import type { JsonObject } from '../../core/json.ts';
import { readDisks } from './disks.ts';
import { read } from './read.ts';
import { readVirtualisation } from './virtualisation.ts';

/** Facts from the operating system: files under /proc, /sys and /etc; no program is run. */
export async function gatherSystemFacts(): Promise<JsonObject> {
  const [os, memory, disks, routes, virtualisation] = await Promise.all([
    readDistribution(),
    readMemory(),
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
    network: { interfaces: interfaces(), primary: primaryInterface(routes) },
    virtualisation,
  };
}

/** os-release(5). */
async function readDistribution(): Promise<JsonObject> {
  const text = await read('/etc/os-release');
  const value = (key: string) => new RegExp(`^${key}="?([^"\n]*)"?$`, 'm').exec(text)?.[1];
  const name = value('ID') ?? platform();
  return {
    name,
    version: value('VERSION_ID') ?? '',
    description: value('PRETTY_NAME') ?? '',
    family: value('ID_LIKE')?.split(' ')[0] ?? name,
  };
}

/** proc_meminfo(5). */
async function readMemory(): Promise<JsonObject> {
  const text = await read('/proc/meminfo');
  const bytes = (key: string) => Number(new RegExp(`^${key}: +(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0) * 1024;
  return {
    total_bytes: totalmem(),
    available_bytes: bytes('MemAvailable'),
    swap_bytes: bytes('SwapTotal'),
    swap_free_bytes: bytes('SwapFree'),
  };
}

function interfaces(): JsonObject {
  const named = Object.entries(hostInterfaces()).map(([name, addresses = []]) => [
    name,
    { mac: addresses[0]?.mac ?? '', addresses: addresses.map(({ cidr, address }) => cidr ?? address) },
  ]);
  return Object.fromEntries(named);
}

/** The interface of the default route (proc_net(5): a destination and a mask of zeros); empty where there is none. */
function primaryInterface(routes: string): string {
  const columns = routes.split('\n').map((line) => line.split('\t'));
  return (
    columns.find(([, destination, , , , , , mask]) => destination === '00000000' && mask === '00000000')?.[0] ?? ''
  );
}
