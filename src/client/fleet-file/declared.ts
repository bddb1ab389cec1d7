import { parseAddress } from '../../core/node.ts';
import { findFleetFile } from './find.ts';
import type { Application, Fleet, LoadNodeParts } from './model.ts';
import { readFleet } from './read.ts';
import { requireApplication } from './upgrade-inputs.ts';

/** An application that a command names: its name in fleet.yaml. */
export interface DeclaredOptions {
  readonly fleet?: string;
  readonly nodes?: string;
  readonly dm?: string;
  readonly do?: readonly string[];
}

export interface Declared {
  readonly application: Application;
  readonly fleet: Fleet;
  /** Options that make fleet.yaml itself the source of nodes, if it has the address of each. */
  readonly discovery: { readonly nodes?: string };
}

/**
 * Reads an application's settings from fleet.yaml.
 * @param without the command that needs no such file, for a hint
 * @throws Problem `not-configured`, `bad-configuration`, `usage`
 */
export async function readDeclared(
  name: string,
  options: DeclaredOptions,
  load: LoadNodeParts,
  without?: string,
): Promise<Declared> {
  const fleet = await readFleet(findFleetFile(options.fleet, without), await load());
  return { application: requireApplication(fleet, name), fleet, discovery: discoveryOf(fleet, options) };
}

/**
 * Options that make fleet.yaml itself the source of nodes, if it has the address of each and nothing else was typed.
 */
export function discoveryOf(
  { file, hosts }: Fleet,
  { nodes, dm, do: discoveryOptions }: DeclaredOptions,
): { nodes?: string } {
  const isChosen = (nodes ?? dm) !== undefined || (discoveryOptions ?? []).length > 0;
  const hasAddresses = hosts.every(({ address }) => address !== undefined && parseAddress(address) !== undefined);
  return isChosen || !hasAddresses ? {} : { nodes: file };
}
