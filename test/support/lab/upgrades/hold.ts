import { readFile, rm, writeFile } from 'node:fs/promises';
import { parse, stringify } from 'yaml';
import type { Lab } from '../lab.ts';

const place = 'run/hold';

/** Lets upgrades of a web host wait in its new release for as long as they are held. */
export async function makeHoldable(lab: Lab, host: string): Promise<void> {
  const file = lab.path(host, 'etc/mco-deploy/node.yaml');
  const config = parse(await readFile(file, 'utf8'));
  const before = ['sh', '-c', `while [ -e /${place} ]; do sleep 0.05; done`];
  config.agents.appmgr.applications.app.hooks = { before };
  await writeFile(file, stringify(config));
  await lab.daemon(host).reload();
}

/** Holds a host's next upgrade until the end of some work: what happens meanwhile, happens in the middle of it. */
export async function whileHeld<T>(lab: Lab, host: string, work: () => Promise<T>): Promise<T> {
  const file = lab.path(host, place);
  await writeFile(file, '');
  try {
    return await work();
  } finally {
    await rm(file);
  }
}

/** Keeps the load of web hosts high during some work: a run does not get beyond its check of the load meanwhile. */
export async function whileLoaded<T>(lab: Lab, hosts: readonly string[], work: () => Promise<T>): Promise<T> {
  const set = (load: string) =>
    Promise.all(hosts.map((host) => lab.setLoad(host, `${load} ${load} ${load} 1/100 1000`)));
  await set('99.00');
  try {
    return await work();
  } finally {
    await set('0.10');
  }
}
