import { noFilter } from '../../core/filter/filter.ts';
import type { FilterTerms } from '../../core/wire/messages.ts';

/** Which nodes to call, and where to look for them. */
export interface TargetOptions {
  readonly filter: FilterTerms;
  readonly nodesFile: string | undefined;
  readonly method: string | undefined;
  /** Options of that method, as `name=value`. */
  readonly discoveryOptions?: readonly string[];
  /** Seconds to wait for the first answer of discovery. */
  readonly discoveryTimeout: number | undefined;
  /** Seconds to wait for a reply. */
  readonly timeout: number | undefined;
  readonly limit: string | undefined;
  readonly limitSeed: number | undefined;
  /** Whether a list on standard input, if there is one, names the nodes. */
  readonly takesList?: boolean;
}

/** Every node that the configuration's own source lists. */
export const allNodes: TargetOptions = {
  filter: noFilter,
  nodesFile: undefined,
  method: undefined,
  discoveryTimeout: undefined,
  timeout: undefined,
  limit: undefined,
  limitSeed: undefined,
};
