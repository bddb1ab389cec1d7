import { statfs } from 'node:fs/promises';
import type { JsonObject } from '../../core/json.ts';
import { read } from './read.ts';

const most = 64;
/** Kinds of file systems without a device that contain files of the host. */
const withoutDevice = new Set(['overlay', 'zfs', 'btrfs']);
/** Read-only kinds with a device: images, which are always full. */
const images = new Set(['squashfs', 'iso9660', 'erofs']);

/**
 * Local file systems by mount point (proc_mounts(5)), each device once. Those of other machines are omitted: asking for
 * their free space can block forever when the server is gone.
 */
export async function readDisks(): Promise<JsonObject> {
  const mounts = localMounts(await read('/proc/self/mounts'));
  const measured = await Promise.all(
    mounts.map(async ({ at, device, kind }) => {
      const size = await statfs(at).catch(() => undefined);
      if (size === undefined || size.blocks === 0) return [];
      const sizes = { size_bytes: size.blocks * size.bsize, available_bytes: size.bavail * size.bsize };
      return [[at, { device, filesystem: kind, ...sizes }] as const];
    }),
  );
  return Object.fromEntries(measured.flat());
}

interface Mount {
  readonly device: string;
  readonly at: string;
  readonly kind: string;
}

/** A device that is mounted in several places is reported under the shortest of them. */
export function localMounts(text: string): Mount[] {
  const mounts = text.split('\n').flatMap((line) => {
    const [device = '', at = '', kind = ''] = line.split(' ').map(unescapeMount);
    const isLocal = (device.startsWith('/dev/') && !images.has(kind)) || withoutDevice.has(kind);
    return isLocal ? [{ device, at, kind }] : [];
  });
  const byLength = mounts.sort((a, b) => a.at.length - b.at.length);
  const devices = new Set<string>();
  const distinct = byLength.filter(({ device, kind }) => {
    if (withoutDevice.has(kind)) return true;
    const isNew = !devices.has(device);
    devices.add(device);
    return isNew;
  });
  return distinct.slice(0, most);
}

/** A blank in a name is written as `\040` (getmntent(3)). */
function unescapeMount(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
