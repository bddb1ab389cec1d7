import { cp, mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { smallFileSystems } from '../support/lab/files/host-files.ts';
import type { Lab } from '../support/lab/lab.ts';

/** Copies the logs and the states of a lab that is about to be removed. @returns the directory */
export async function keepLogs(lab: Lab, seed: number): Promise<string> {
  const place = await mkdtemp(join(tmpdir(), `mco-chaos-${seed}-`));
  for (const host of lab.hosts) {
    await mkdir(join(place, host.name));
    for (const path of smallFileSystems(host).filter((path) => path !== '/srv/app')) {
      const copy = join(place, host.name, path.slice(1).replaceAll('/', '-'));
      // Files that are written or removed meanwhile may be missing.
      await cp(lab.path(host.name, path), copy, { recursive: true, errorOnExist: false }).catch(() => {});
    }
  }
  return place;
}
