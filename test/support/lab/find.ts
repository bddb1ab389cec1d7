import type { Host } from './estate.ts';
import { domain } from './estate.ts';
import { findLabs, isAlive, type LabState } from './state.ts';

/** The host of that name, full or short. @throws Error that names what there is */
export function hostOf(lab: Pick<LabState, 'hosts'>, name: string): Host {
  const host = lab.hosts.find((one) => one.name === name || one.name === `${name}.${domain}`);
  if (host !== undefined) return host;
  const names = lab.hosts.map((one) => one.name.replace(`.${domain}`, ''));
  throw new Error(`the lab has no host ${name}: there are ${names.join(', ')}`);
}

/** Whether all of a lab's hosts run. */
export function stands(lab: LabState): boolean {
  const holders = Object.values(lab.holders);
  return holders.length === lab.hosts.length + 1 && holders.every(isAlive);
}

/**
 * The standing lab: the one that MCO_LAB names, or the only one.
 * @throws Error that says how to get one, or which there are
 */
export async function standingLab(id = process.env.MCO_LAB): Promise<LabState> {
  const standing = (await findLabs()).filter((lab) => lab.lifetime === 'standing' && stands(lab));
  const [first, ...others] = id === undefined ? standing : standing.filter((lab) => lab.id === id);
  if (first === undefined) {
    throw new Error(`no lab is up${id === undefined ? '' : ` with the name ${id}`}: run “npm run lab:up” (as root)`);
  }
  if (others.length === 0) return first;
  const ids = [first, ...others].map((lab) => lab.id);
  throw new Error(`${ids.length} labs stand: choose with MCO_LAB=${ids.join(' or MCO_LAB=')}`);
}
