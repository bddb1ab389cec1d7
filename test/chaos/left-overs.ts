import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lab } from '../support/lab/lab.ts';
import { repository } from '../support/lab/state.ts';
import { daemons } from './hosts.ts';

const places = ['/srv/app', '/var/lib/mco-deploy', '/var/log/mco-deploy', '/etc/mco-deploy', '/home'];
const temporary = /\.(new|tmp|part(ial)?|filled)$|\.draft|\/\.staging\/./;

/** Staging directories, drafts and other temporary files that are still there. */
export async function leftOvers(lab: Lab): Promise<string[]> {
  const found = await Promise.all(
    [...daemons, 'control'].map(async (host) => {
      const names = await Promise.all(places.map((place) => filesBelow(lab.path(host, place), place)));
      const left = [...names.flat().filter((name) => temporary.test(name)), ...(await inTmp(lab, host))];
      return left.length === 0 ? [] : [`left on ${host}: ${left.join(', ')}`];
    }),
  );
  return found.flat();
}

async function filesBelow(directory: string, name: string): Promise<string[]> {
  const below = await readdir(directory, { recursive: true }).catch((): string[] => []);
  return below.map((file) => join(name, file));
}

/** A host sees the repository where the machine has it, which may be there. */
async function inTmp(lab: Lab, host: string): Promise<string[]> {
  const names = await readdir(lab.path(host, '/tmp')).catch((): string[] => []);
  return names.filter((name) => !`${repository}/`.startsWith(`/tmp/${name}/`)).map((name) => `/tmp/${name}`);
}
