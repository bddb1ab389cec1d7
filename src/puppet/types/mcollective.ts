/** The type that calls actions: the meaning of its attributes. */
import { noFilter, parseFilter } from '../../core/filter/filter.ts';
import type { JsonObject } from '../../core/json.ts';
import type { FilterTerms } from '../../core/wire/messages.ts';
import { isMarked } from '../catalogue/anchors.ts';
import { nameOf, type Resource, settingOf } from '../catalogue/resource.ts';
import { failAt, type SourcePosition, withPosition } from '../source.ts';
import { toJson } from '../values/json.ts';
import { isHash, kindOf } from '../values/values.ts';
import { readCount, readFilter, readFlag, readSeconds, readSetting, readText } from './settings.ts';

/** Times in milliseconds. */
export interface McollectiveCall {
  readonly agent: string;
  readonly action: string;
  readonly arguments: JsonObject;
  /** Without the agent. */
  readonly filter: FilterTerms;
  readonly limit: number | undefined;
  /** Whether another node replaces each that fails. */
  readonly failover: boolean;
  readonly batch: number | undefined;
  readonly batchSleep: number;
  readonly tries: number;
  readonly trySleep: number;
  readonly timeout: number | undefined;
  readonly discoveryTimeout: number | undefined;
  readonly refreshOnly: boolean;
  /** Outputs that each reply must have; any other reply counts as failed. */
  readonly expect: JsonObject;
  /** Whether nodes only do a dry run. */
  readonly noop: boolean;
}

/** Upstream’s default, and the pause that lets a load settle for 100 seconds in ten tries. */
const defaultTrySleep = 10_000;

/** @throws Problem `bad-script` */
export function readMcollective(resource: Resource): McollectiveCall {
  const failover = readFlag(resource, 'failover') ?? false;
  const call = {
    agent: requireName(resource, 'agent'),
    action: requireName(resource, 'action'),
    arguments: readHash(resource, 'arguments'),
    filter: readFilterTerms(resource),
    limit: readCount(resource, 'limit_nodes', 100_000),
    failover,
    batch: readCount(resource, 'batch_size', 100_000),
    batchSleep: readSeconds(resource, 'batch_sleep_time') ?? 0,
    tries: readCount(resource, 'tries', 1000) ?? 1,
    trySleep: readSeconds(resource, 'try_sleep_time') ?? defaultTrySleep,
    timeout: readSeconds(resource, 'timeout'),
    discoveryTimeout: readSeconds(resource, 'disctimeout'),
    refreshOnly: readFlag(resource, 'refreshonly') ?? false,
    expect: readHash(resource, 'expect'),
    noop: isMarked(resource, 'noop'),
  };
  const at = (name: string) => settingOf(resource, name)?.position ?? resource.position;
  if (failover && call.limit === undefined) failAt(at('failover'), '“failover” goes with “limit_nodes”');
  if (failover && call.batch !== undefined) failAt(at('batch_size'), '“batch_size” does not go with “failover”');
  return call;
}

function requireName(resource: Resource, name: 'agent' | 'action'): string {
  return readText(resource, name) ?? failAt(resource.position, `${nameOf(resource)} lacks the parameter “${name}”`);
}

function readHash(resource: Resource, name: string): JsonObject {
  const read = readSetting(resource, name, (value, { position }) =>
    isHash(value) ? (toJson(value) as JsonObject) : failAt(position, `“${name}” must be a hash, not ${kindOf(value)}`),
  );
  return read ?? {};
}

function readFilterTerms(resource: Resource): FilterTerms {
  const compound = settingOf(resource, 'compound_filter');
  const [select = '', second] = readFilter(resource, 'compound_filter');
  if (second !== undefined && compound !== undefined) failAt(compound.position, '“compound_filter” must be one string');
  const terms = {
    ...noFilter,
    identities: readFilter(resource, 'identity_filter'),
    classes: readFilter(resource, 'class_filter'),
    facts: readFilter(resource, 'fact_filter'),
    select,
  };
  withPosition(filterPlace(resource), () => parseFilter(terms));
  return terms;
}

function filterPlace(resource: Resource): SourcePosition {
  const names = ['fact_filter', 'class_filter', 'identity_filter', 'compound_filter'];
  const setting = names.map((name) => settingOf(resource, name)).find((one) => one !== undefined);
  return setting?.position ?? resource.position;
}
