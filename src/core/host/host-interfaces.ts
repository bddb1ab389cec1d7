import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';

export type HostInterfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

let last: HostInterfaces = {};
/** When the kernel was asked (`performance.now()`). */
let askedAt = Number.NEGATIVE_INFINITY;

/**
 * The network interfaces of this host and their addresses. The kernel cannot be asked without a free descriptor: then
 * they are those of the last time.
 */
export function hostInterfaces(ask: () => HostInterfaces = networkInterfaces): HostInterfaces {
  askedAt = performance.now();
  try {
    last = ask();
  } catch {
    // Timers and packets lead here, where an error would end the daemon.
  }
  return last;
}

/** The same, but those of the last time if that is not longer ago. @param longest milliseconds */
export function recentHostInterfaces(longest: number, ask: () => HostInterfaces = networkInterfaces): HostInterfaces {
  return performance.now() - askedAt <= longest ? last : hostInterfaces(ask);
}
