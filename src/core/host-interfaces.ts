import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';

export type HostInterfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

let last: HostInterfaces = {};

/**
 * The network interfaces of this host and their addresses. The kernel cannot be asked without a free descriptor: then
 * they are those of the last time.
 */
export function hostInterfaces(ask: () => HostInterfaces = networkInterfaces): HostInterfaces {
  try {
    last = ask();
  } catch {
    // Timers and packets lead here, where an error would end the daemon.
  }
  return last;
}
