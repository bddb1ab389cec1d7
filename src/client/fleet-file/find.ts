import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { Problem } from '../../core/errors.ts';

/** The default name of a fleet's file. */
export const fleetFileName = 'fleet.yaml';

/** The file of a command that takes it as an argument or with --fleet. @throws Problem `usage` */
export function typedFleetFile(argument: string | undefined, option: string | undefined): string | undefined {
  if (argument === undefined || option === undefined || argument === option) return argument ?? option;
  throw new Problem('usage', `two files were named: ${argument} and ${option}`, 'name the fleet’s file once');
}

/**
 * The fleet's file: the given one, or the one in the current directory.
 * @param without the command that needs no such file, for the hint
 * @throws Problem `not-configured`
 */
export function findFleetFile(option: string | undefined, without?: string): string {
  const file = resolve(option ?? fleetFileName);
  if (existsSync(file)) return file;
  const place = 'change to its directory, or give its path: --fleet FILE';
  const hint = without === undefined ? place : `${place}; for a cluster without it: ${without}`;
  throw new Problem('not-configured', `there is no ${file}`, option === undefined ? hint : 'check the path');
}
