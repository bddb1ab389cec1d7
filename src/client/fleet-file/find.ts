import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { Problem } from '../../core/errors.ts';

/** The default name of a fleet's file. */
export const fleetFileName = 'fleet.yaml';

/** The fleet's file: the given one, or the one in the current directory. @throws Problem `not-configured` */
export function findFleetFile(option: string | undefined): string {
  const file = resolve(option ?? fleetFileName);
  if (existsSync(file)) return file;
  const hint = option === undefined ? 'change to its directory, or give its path: --fleet FILE' : 'check the path';
  throw new Problem('not-configured', `there is no ${file}`, hint);
}
