import { access } from 'node:fs/promises';
import type { JsonObject } from '../../core/json.ts';
import { read } from './read.ts';

/** The evidence that is visible from inside. */
export interface Clues {
  /** From systemd's container interface. */
  readonly container: string;
  readonly dockerFile: boolean;
  readonly podmanFile: boolean;
  /** cgroups(7) of process 1. */
  readonly controlGroups: string;
  /** Vendor and product from the firmware. */
  readonly firmware: string;
  readonly hypervisor: string;
  /** proc_cpuinfo(5). */
  readonly processors: string;
}

const firmwares: readonly (readonly [RegExp, string])[] = [
  [/QEMU|KVM|OpenStack|DigitalOcean|Hetzner/i, 'kvm'],
  [/VMware/i, 'vmware'],
  [/VirtualBox|innotek/i, 'virtualbox'],
  [/Microsoft Corporation Virtual Machine/i, 'hyperv'],
  [/Xen/i, 'xen'],
  [/Amazon EC2/i, 'kvm'],
  [/Google Compute Engine/i, 'kvm'],
  [/BHYVE/i, 'bhyve'],
];

/** The container if there is one, else the machine: `{type, container}`, type `none` on bare metal. */
export function decideVirtualisation(clues: Clues): { type: string; container: boolean } {
  const container =
    clues.container.trim() ||
    (clues.dockerFile ? 'docker' : '') ||
    (clues.podmanFile ? 'podman' : '') ||
    (/\b(docker|lxc|kubepods)\b/.exec(clues.controlGroups)?.[1] ?? '');
  if (container !== '') return { type: container, container: true };
  const machine = firmwares.find(([pattern]) => pattern.test(clues.firmware))?.[1] ?? clues.hypervisor.trim();
  if (machine !== '') return { type: machine, container: false };
  return { type: /^flags\s*:.*\bhypervisor\b/m.test(clues.processors) ? 'unknown' : 'none', container: false };
}

export async function readVirtualisation(): Promise<JsonObject> {
  const exists = (file: string) =>
    access(file).then(
      () => true,
      () => false,
    );
  const [container, dockerFile, podmanFile, controlGroups, vendor, product, hypervisor, processors] = await Promise.all(
    [
      read('/run/systemd/container'),
      exists('/.dockerenv'),
      exists('/run/.containerenv'),
      read('/proc/1/cgroup'),
      read('/sys/class/dmi/id/sys_vendor'),
      read('/sys/class/dmi/id/product_name'),
      read('/sys/hypervisor/type'),
      read('/proc/cpuinfo'),
    ],
  );
  const firmware = `${vendor.trim()} ${product.trim()}`;
  return decideVirtualisation({ container, dockerFile, podmanFile, controlGroups, firmware, hypervisor, processors });
}
